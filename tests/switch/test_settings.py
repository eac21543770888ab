"""switch.conf and SIP profiles as values; ext-sip-ip and ext-rtp-ip in all their forms."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ringthru.switch.configuration import (
    AddressKind,
    AddressSetting,
    ConfigurationError,
    SwitchSettings,
    Tree,
    load_profiles,
    load_tree,
)
from ringthru.switch.configuration.values import TlsPolicy, read_boolean


@pytest.fixture
def tree(tmp_path: Path):
    def run(configuration: str) -> Tree:
        text = f'<document>\n<section name="configuration">\n{configuration}\n</section>\n</document>'
        (tmp_path / "freeswitch.xml").write_text(text)
        return load_tree(tmp_path, {}, {}).tree

    return run


@pytest.fixture
def profile(tree):
    """One profile out of name=value lines; the first parameter stands on line 5 of the file."""

    def run(*params: str):
        lines = "\n".join('<param name="{}" value="{}"/>'.format(*each.split("=", 1)) for each in params)
        text = f'<configuration name="sofia.conf"><profiles>\n<profile name="internal"><settings>\n{lines}'
        return load_profiles(tree(text + "</settings></profile></profiles></configuration>"))[0]

    return run


class TestAddressSetting:
    @pytest.mark.parametrize(
        ("text", "kind", "value"),
        [
            (None, AddressKind.MISSING, ""),
            ("", AddressKind.EMPTY, ""),
            ("  ", AddressKind.EMPTY, ""),
            ("auto-nat", AddressKind.AUTO_NAT, ""),
            ("AUTO-NAT", AddressKind.AUTO_NAT, ""),
            ("auto", AddressKind.AUTO, ""),
            ("0.0.0.0", AddressKind.AUTO, ""),
            ("203.0.113.9", AddressKind.PLAIN, "203.0.113.9"),
            ("2001:db8::1", AddressKind.PLAIN, "2001:db8::1"),
            ("autonat:203.0.113.9", AddressKind.PLAIN, "203.0.113.9"),
            ("autonat:", AddressKind.EMPTY, ""),
            ("host:pbx.example.net", AddressKind.HOST, "pbx.example.net"),
            ("pbx.example.net", AddressKind.HOST, "pbx.example.net"),
            ("stun:stun.example.net:3479", AddressKind.STUN, "stun.example.net:3479"),
            ("autonat:stun:stun.example.net", AddressKind.STUN, "stun.example.net"),
            ("my_host", AddressKind.HOST, "my_host"),
            ("stun:192.0.2.1:3479", AddressKind.STUN, "192.0.2.1:3479"),
            ("stun:[2001:db8::1]:3479", AddressKind.STUN, "[2001:db8::1]:3479"),
            ("stun:2001:db8::1", AddressKind.STUN, "2001:db8::1"),
            ("autonat:host:pbx.example.net", AddressKind.HOST, "pbx.example.net"),
            ("stun:", AddressKind.EMPTY, ""),
            ("host:", AddressKind.EMPTY, ""),
        ],
    )
    def test_every_form(self, text, kind, value):
        setting = AddressSetting.parse(text)
        assert (setting.kind, setting.value) == (kind, value)
        assert setting.autonat is (bool(value) and (text or "").startswith("autonat:"))

    def test_auto_nat_and_the_prefix_ask_for_a_mapping(self):
        asking = {
            text
            for text in ("", "auto", "auto-nat", "1.2.3.4", "autonat:1.2.3.4", "stun:x", "autonat:stun:x")
            if AddressSetting.parse(text).wants_mapping
        }
        assert asking == {"auto-nat", "autonat:1.2.3.4", "autonat:stun:x"}


class TestBooleans:
    @pytest.mark.parametrize(
        "text", ["yes", "on", "TRUE", "t", "enabled", "active", "allow", "1", "17", "-1"]
    )
    def test_true(self, text):
        assert read_boolean(text) is True

    @pytest.mark.parametrize("text", ["no", "off", "False", "f", "disabled", "inactive", "disallow", "0"])
    def test_false(self, text):
        assert read_boolean(text) is False

    @pytest.mark.parametrize("text", ["", "maybe", "yess", "²"])
    def test_neither(self, text):
        with pytest.raises(ValueError, match="true"):
            read_boolean(text)


def switch_conf(name: str, value: str) -> str:
    param = f'<param name="{name}" value="{value}"/>'
    return f'<configuration name="switch.conf"><settings>{param}</settings></configuration>'


class TestSwitchSettings:
    def test_defaults_are_freeswitchs(self, tree):
        assert SwitchSettings.read(tree("")) == SwitchSettings(16384, 32768, 1000, 30, "debug")

    def test_values(self, tree):
        assert SwitchSettings.read(tree(switch_conf("RTP-Start-Port", "20000"))).rtp_start_port == 20000

    def test_an_empty_media_range_is_refused(self, tree):
        with pytest.raises(ConfigurationError, match="not below rtp-end-port 16384"):
            SwitchSettings.read(tree(switch_conf("rtp-end-port", "16384")))


class TestProfile:
    def test_defaults_are_freeswitchs(self, profile):
        made = profile("auth-calls=true")
        assert (made.sip_ip, made.sip_port, made.ext_sip_port) == ("auto", 5060, None)
        assert made.ext_sip_ip.kind is made.ext_rtp_ip.kind is AddressKind.MISSING
        assert (made.local_network_acl, made.context, made.dialplan) == ("localnet.auto", "default", "XML")
        assert (made.rtp_timeout_sec, made.rtp_hold_timeout_sec, made.rfc2833_pt) == (300, 1800, 101)
        assert made.allow_weak_secrets is False

    def test_an_interface_stands_for_its_address(self, profile):
        made = profile("sip-ip=interface:ipv4/lo", "rtp-ip=Interface:lo")
        assert (made.sip_ip, made.rtp_ip) == ("127.0.0.1", "127.0.0.1")

    def test_names_compare_without_case_and_the_last_holds(self, profile):
        assert profile("SIP-Port=5070", "sip-port=5080").sip_port == 5080

    def test_lists(self, profile):
        made = profile("inbound-codec-prefs=PCMA, PCMU@20i", "apply-inbound-acl=a", "apply-inbound-acl=b")
        assert made.inbound_codec_prefs == ("PCMA", "PCMU@20i")
        assert made.apply_inbound_acl == ("a", "b")

    def test_none_clears_an_acl_that_repeats(self, profile):
        made = profile("apply-inbound-acl=a", "apply-inbound-acl=none", "apply-inbound-acl=b")
        assert made.apply_inbound_acl == ("b",)

    def test_aliases_and_domains(self, tree):
        text = (
            '<configuration name="sofia.conf"><profiles><profile name="a">'
            '<aliases><alias name="b"/></aliases><domains><domain name="all" alias="true"/></domains>'
            "</profile></profiles></configuration>"
        )
        (made,) = load_profiles(tree(text))
        assert made.aliases == ("b",)
        assert [(each.name, each.alias, each.parse) for each in made.domains] == [("all", True, False)]

    @pytest.mark.parametrize(
        ("param", "words"),
        [
            ("sip-port=70000", "sip-port is '70000', but must be a port from 1 to 65535, or auto"),
            ("sip-ip=pbx.example", "sip-ip is 'pbx.example', but must be an IP address of this machine"),
            ("sip-ip=interface:eth/lo", "must be interface:NAME, interface:ipv4/NAME or interface:ipv6/NAME"),
            (
                "rtp-ip=interface:nosuch0",
                "but must be an interface with an address: interface 'nosuch0' does not",
            ),
            ("auth-calls=maybe", "auth-calls is 'maybe', but must be true"),
            ("auth-calls=", "auth-calls is ''"),
            (
                "ext-sip-ip=auto_nat",
                "ext-sip-ip is 'auto_nat', but must be auto-nat, auto, an address, host:NAME",
            ),
            ("ext-rtp-ip=autonat", "ext-rtp-ip is 'autonat', but must be auto-nat"),
            ("ext-sip-ip=300.1.2.3", "must be auto-nat, auto, an address"),
            ("ext-sip-ip=autonat:1.2.3", "must be auto-nat, auto, an address"),
            ("ext-sip-ip=http://me.example/", "must be auto-nat, auto, an address"),
            ("ext-sip-ip=stun:a b", "must be auto-nat, auto, an address"),
            ("ext-sip-ip=stun:" + "a" * 70000 + ".1", "must be auto-nat, auto, an address"),
            ("rtp-timeout-sec=-1", "must be a whole number from 0"),
            ("rfc2833-pt=" + "9" * 5000, "must be a whole number from 96 to 127"),
        ],
    )
    def test_a_bad_value_names_file_line_parameter_and_what_is_allowed(self, profile, param, words):
        with pytest.raises(ConfigurationError) as caught:
            profile(param)
        assert (caught.value.path.name, caught.value.line) == ("freeswitch.xml", 5)
        assert words in str(caught.value)

    def test_an_unsupported_parameter_is_one_line_with_the_word_ignored(self, profile, caplog):
        caplog.set_level(logging.INFO)
        profile("auth-calls=true", "manage-shared-appearance=true")
        (record,) = caplog.records
        assert "manage-shared-appearance" in record.getMessage()
        assert "ignored" in record.getMessage()

    def test_what_lamps_are_told_as_freeswitchs_tree_writes_it(self, profile):
        """With a privacy that nobody set, and words that only several databases need."""
        made = profile(
            "auth-calls=true",
            "manage-presence=passive",
            "presence-hosts=Example.org,192.168.1.103",
            "presence-privacy=",
            "send-presence-on-register=first-only",
            "presence-probe-on-register=true",
            "auth-subscriptions=true",
        )
        assert made.manage_presence
        assert made.presence_hosts == ("example.org", "192.168.1.103")
        assert (made.presence_privacy, made.send_presence_on_register) == (False, True)
        assert (made.presence_probe_on_register, made.auth_subscriptions) == (True, True)

    def test_a_slip_of_the_pen_is_a_warning_that_names_the_right_word(self, profile, caplog):
        profile("auth-calls=true", "ext-sipip=auto-nat")
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "ignored; did you mean ext-sip-ip?" in record.getMessage()

    def test_an_empty_external_address_is_an_error_but_not_the_end(self, profile, caplog):
        assert profile("auth-calls=true", "ext-sip-ip=").ext_sip_ip.kind is AddressKind.EMPTY
        assert "Invalid ext-sip-ip" in caplog.text

    @pytest.mark.parametrize("name", ["sip-ip", "rtp-ip", "ext-sip-ip", "ext-rtp-ip"])
    def test_0_0_0_0_is_replaced_with_a_warning(self, profile, caplog, name):
        profile("auth-calls=true", f"{name}=0.0.0.0")
        assert f"profile internal: {name}: Invalid IP 0.0.0.0 replaced with our own address" in caplog.text

    def test_rtp_ip_may_be_repeated(self, profile):
        made = profile("rtp-ip=192.0.2.1", "RTP-IP=auto", "rtp-ip=192.0.2.1", "rtp-ip=192.0.2.3")
        assert (made.rtp_ip, made.more_rtp_ips) == ("192.0.2.1", ("auto", "192.0.2.3"))

    def test_without_stun_no_server_is_asked(self, profile, caplog):
        made = profile(
            "auth-calls=true", "stun-enabled=false", "ext-sip-ip=stun:s.example", "ext-rtp-ip=auto"
        )
        assert (made.stun_enabled, made.stun_auto_disable) == (False, False)
        assert made.ext_sip_ip.kind is AddressKind.MISSING
        assert made.ext_rtp_ip.kind is AddressKind.AUTO
        assert "ext-sip-ip is 'stun:s.example', but stun-enabled is false" in caplog.text
        assert profile("stun-auto-disable=true").stun_auto_disable

    def test_silence_about_auth_calls_is_pointed_out(self, profile, caplog):
        assert profile("sip-port=5060").auth_calls is False
        assert "accepted without a password" in caplog.text

    @pytest.mark.parametrize(
        ("params", "transports"),
        [
            ([], ("UDP", "TCP")),
            (["bind-params=transport=tcp"], ("TCP",)),
            (["bind-params=foo=bar;transport=udp"], ("UDP",)),
            (["bind-params=transport=sctp"], ("UDP", "TCP")),
            (["tls-only=true"], ("UDP", "TCP")),
            (["tls=true"], ("UDP", "TCP")),
            (["tls=true", "tls-only=true"], ()),
        ],
    )
    def test_which_transports_share_the_sip_port(self, profile, params, transports):
        assert profile("auth-calls=true", *params).transports == transports

    @pytest.mark.parametrize(
        ("value", "policy"),
        [
            ("none", TlsPolicy(False, False, False, False)),
            ("all", TlsPolicy(True, False, True, False)),
            ("in|subjects_out", TlsPolicy(True, False, True, True)),
            ("subjects_all", TlsPolicy(True, True, True, True)),
        ],
    )
    def test_whose_certificate_is_verified(self, profile, value, policy):
        assert profile("auth-calls=true", f"tls-verify-policy={value}").tls_verify_policy == policy

    def test_by_default_those_we_call_must_prove_their_name(self, profile):
        assert profile("auth-calls=true").tls_verify_policy == TlsPolicy(False, False, True, True)

    @pytest.mark.parametrize(
        ("value", "oldest"),
        [("tlsv1,tlsv1.1,tlsv1.2", "tlsv1.2"), ("sslv23", "tlsv1.2"), ("tlsv1.3", "tlsv1.3")],
    )
    def test_nothing_older_than_tls_1_2(self, profile, value, oldest):
        assert profile("auth-calls=true", f"tls-version={value}").tls_version == oldest

    @pytest.mark.parametrize(
        "param",
        [
            *("tls-version=9", "tls-verify-policy=some", "tls-sip-port=0", "tls=perhaps"),
            *("sip-trace=perhaps", "user-agent-filter=("),
        ],
    )
    def test_nonsense(self, profile, param):
        with pytest.raises(ConfigurationError, match=param.partition("=")[0]):
            profile("auth-calls=true", param)

    def test_no_profile_at_all(self, tree):
        with pytest.raises(ConfigurationError, match="no SIP profile"):
            load_profiles(tree(""))

    def test_two_of_one_name(self, tree):
        profiles = '<profile name="a"/>\n<profile name="a"/>'
        with pytest.raises(ConfigurationError, match=r"a second profile named 'a'"):
            load_profiles(
                tree(f'<configuration name="sofia.conf"><profiles>{profiles}</profiles></configuration>')
            )


class TestWhatHoldsForAllProfiles:
    """``global_settings`` of sofia.conf."""

    @staticmethod
    def sofia(of_all: str, *profiles: str) -> str:
        written = "".join(f'<profile name="{number}"><settings>{each}</settings></profile>'
                          for number, each in enumerate(profiles))  # fmt: skip
        settings = f"<global_settings>{of_all}</global_settings><profiles>{written}</profiles>"
        return f'<configuration name="sofia.conf">{settings}</configuration>'

    def test_none_goes_with_our_own_address(self, tree):
        one, no = '<param name="auto-restart" value="true"/>', '<param name="auto-restart" value="false"/>'
        assert [each.auto_restart for each in load_profiles(tree(self.sofia("", one, no)))] == [True, False]
        assert [each.auto_restart for each in load_profiles(tree(self.sofia(no, one, "")))] == [False, False]

    def test_one_with_an_empty_address_is_left_out(self, tree, caplog):
        abort = '<param name="abort-on-empty-external-ip" value="true"/>'
        empty = '<param name="ext-rtp-ip" value=""/>'
        assert [each.name for each in load_profiles(tree(self.sofia("", empty, "")))] == ["0", "1"]
        assert [each.name for each in load_profiles(tree(self.sofia(abort, empty, "")))] == ["1"]
        assert "profile 0 is left out: its external address is empty" in caplog.text

    def test_a_word_that_is_none(self, tree):
        with pytest.raises(
            ConfigurationError, match=r"sofia\.conf: auto-restart is 'perhaps', but must be true"
        ):
            load_profiles(tree(self.sofia('<param name="auto-restart" value="perhaps"/>', "")))
