"""``<gateway>`` of a profile, and what a profile and a user say about registrations."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from ringthru.switch.configuration import ConfigurationError, ProfileSettings, load_profiles, load_tree


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def run(gateways: str = "", settings: str = "") -> ProfileSettings:
        text = (
            '<document><section name="configuration"><configuration name="sofia.conf"><profiles>'
            f'<profile name="external"><gateways>{gateways}</gateways><settings>{settings}</settings>'
            "</profile></profiles></configuration></section></document>"
        )
        (tmp_path / "freeswitch.xml").write_text(text)
        return load_profiles(load_tree(tmp_path, {}, {}).tree)[0]

    return run


def gateway(name: str = "example.com", **values: str) -> str:
    given = {"username": "joe", "password": "secret", **values}
    rows = "".join(f'<param name="{key.replace("_", "-")}" value="{value}"/>' for key, value in given.items())
    return f'<gateway name="{name}">{rows}</gateway>'


class TestTrunks:
    def test_what_is_not_said_follows_from_the_rest(self, read: Any) -> None:
        (trunk,) = read(gateway()).trunks
        assert (trunk.realm, trunk.proxy, trunk.register_proxy) == ("example.com",) * 3
        assert (trunk.auth_username, trunk.expire_seconds, trunk.retry_seconds) == ("joe", 3600, 30)
        assert (trunk.register, trunk.ping, trunk.contact_user) == (True, 0, "gw+example.com")

    def test_everything_said(self, read: Any) -> None:
        (trunk,) = read(
            gateway(
                "prov",
                realm="r.example",
                proxy="p.example:5070",
                register_proxy="sip:reg.example;transport=tcp",
                auth_username="j",
                register_transport="TLS",
                rfc_5626="true",
                ping="25",
                ping_max="3",
                cid_type="pid",
                contact_params="a=b",
            )
        ).trunks
        assert (trunk.realm, trunk.proxy, trunk.register_proxy) == (
            "r.example",
            "p.example:5070",
            "sip:reg.example;transport=tcp",
        )
        assert (trunk.auth_username, trunk.register_transport, trunk.rfc_5626) == ("j", "tls", True)
        assert (trunk.ping, trunk.ping_max, trunk.cid_type, trunk.contact_params) == (25, 3, "pid", "a=b")

    def test_variables_for_calls_in_and_out(self, read: Any) -> None:
        rows = '<variable name="a" value="1" direction="inbound"/><variable name="b" value="2"/>'
        text = gateway().replace("</gateway>", f"<variables>{rows}</variables></gateway>")
        (trunk,) = read(text).trunks
        assert trunk.variables_for("inbound") == {"a": "1", "b": "2"}
        assert trunk.variables_for("outbound") == {"b": "2"}

    def test_one_without_a_password_is_left_out_aloud(
        self, read: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert read(gateway(password="")).trunks == ()
        assert (
            "gateway example.com is to be registered with, but has no username or no password" in caplog.text
        )

    def test_one_that_knows_us_by_our_address_needs_none(self, read: Any) -> None:
        assert len(read(gateway(password="", register="false")).trunks) == 1

    def test_of_two_with_one_name_the_first(self, read: Any, caplog: pytest.LogCaptureFixture) -> None:
        (trunk,) = read(gateway(username="one") + gateway(username="two")).trunks
        assert trunk.username == "one"
        assert "already defined" in caplog.text

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("proxy", "two words", "a host, host:port or a SIP URI"),
            ("expire-seconds", "soon", "a whole number"),
            ("register", "perhaps", "true (yes"),
            ("cid-type", "fax", "none or rpid"),
        ],
    )
    def test_what_cannot_be_meant(self, read: Any, name: str, value: str, words: str) -> None:
        with pytest.raises(ConfigurationError, match=r"gateway example\.com") as caught:
            read(gateway(**{name: value}))
        assert words in str(caught.value)

    def test_one_without_a_name(self, read: Any) -> None:
        with pytest.raises(ConfigurationError, match="a gateway without a name"):
            read("<gateway/>")

    def test_a_parameter_we_do_not_know(self, read: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        assert len(read(gateway(frobnicate="1")).trunks) == 1
        assert "'frobnicate' is not supported in this version: ignored" in caplog.text

    @pytest.mark.parametrize(("written", "meant"), [("pasword", "password"), ("user-name", "username")])
    def test_a_slip_of_the_pen(
        self, read: Any, caplog: pytest.LogCaptureFixture, written: str, meant: str
    ) -> None:
        read(gateway(**{written: "1"}))
        assert f"unknown parameter '{written}' ignored; did you mean {meant}?" in caplog.text


class TestRegistrations:
    def params(self, **values: str) -> str:
        return "".join(
            f'<param name="{name.replace("_", "-")}" value="{value}"/>' for name, value in values.items()
        )

    def test_parameters_of_a_profile(self, read: Any) -> None:
        text = self.params(
            sip_force_expires="300",
            multiple_registrations="true",
            NDLB_force_rport="server-only",
            nat_options_ping="udp-only",
            rfc8760_auth_algorithms="sha-256,md5",
        )
        text += '<param name="apply-nat-acl" value="one"/><param name="apply-nat-acl" value="two"/>'
        found = read(settings=text).registration
        assert (found.sip_force_expires, found.multiple_registrations) == (300, "true")
        assert (found.rport_for, found.nat_options_ping) == (("",), "udp-only")
        assert found.rfc8760_auth_algorithms == ("SHA-256", "MD5")
        assert found.apply_nat_acl == ("one", "two")

    def test_a_user_says_otherwise(self, read: Any) -> None:
        profile = read(settings=self.params(sip_force_expires="300")).registration
        own = profile.for_user({"max-registrations-per-extension": "2"}, {"sip-force-expires": "60"})
        assert (own.sip_force_expires, own.max_registrations_per_extension) == (60, 2)
        assert profile.for_user({}, {"sip-force-expires": "often"}) == profile

    def test_an_algorithm_nobody_knows(self, read: Any) -> None:
        with pytest.raises(ConfigurationError, match="SHA-256"):
            read(settings=self.params(rfc8760_auth_algorithms="rot13"))
