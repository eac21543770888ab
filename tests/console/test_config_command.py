"""``ringthru config check``: all that is wrong at once, what is ignored, and what peers will see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringthru.__main__ import main
from ringthru.console import config_command

CONF = Path(__file__).parents[2] / "conf"
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "configuration.md"
ROOT = """<document>
<X-PRE-PROCESS cmd="exec" data="touch {witness}"/>
<section name="configuration">
<configuration name="switch.conf"><settings>
<param name="max-sessions" value="many"/>
<param name="rtp-start-portt" value="20000"/>
</settings></configuration>
<configuration name="sofia.conf"><profiles><profile name="office"><settings>
{params}
</settings></profile></profiles></configuration>
<configuration name="event_socket.conf"><settings>
<param name="listen-ip" value="192.168.1.103"/><param name="password" value="ClueCon"/>
</settings></configuration>
</section>
<section name="directory"><domain name="d"><user id="1000"><params>
<param name="password" value="1234"/></params></user></domain></section>
<section name="dialplan"><context name="default"><extension name="x">
<condition field="destination_number" expression="^(1$"><action application="answer"/></condition>
<condition field="destination_number" expression="^2$"><action application="fly"/></condition>
</extension></context></section>
</document>"""


@pytest.fixture
def check(tmp_path, capsys):
    """Check a tree with one profile of these lines; the exit status and the output."""

    def run(params="", *flags, root=ROOT):
        text = root.replace("{params}", params).replace("{witness}", str(tmp_path / "witness"))
        (tmp_path / "freeswitch.xml").write_text(text)
        status = main(["config", "check", str(tmp_path), *flags])
        return status, capsys.readouterr().out

    return run


def at(number, tmp_path):
    return f"{tmp_path}/freeswitch.xml:{number}: "


GOOD = ROOT.replace("many", "100").replace("^(1$", "^1$")


class TestErrors:
    def test_all_are_named_at_once_each_with_its_place_and_what_was_expected(self, check, tmp_path):
        params = (
            '<param name="auth-calls" value="maybe"/>\n<param name="sip-port" value="70000"/>\n'
            '<param name="context" value="x"/>'
        )
        status, text = check(params)
        assert status == 1
        for line in (
            f"{at(5, tmp_path)}switch.conf: max-sessions is 'many', but must be a whole number from 1 to",
            f"{at(9, tmp_path)}profile office: auth-calls is 'maybe', but must be true (yes, on,",
            f"{at(10, tmp_path)}profile office: sip-port is '70000', but must be a port from 1 to 65535",
            f"{at(20, tmp_path)}",  # the expression
        ):
            assert line in text, line
        assert "4 errors" in text.splitlines()[-1]
        assert "would not start" in text.splitlines()[-1]

    @pytest.mark.parametrize(
        ("name", "inside"),
        [
            (
                "local_stream",
                '<directory name="m" path="/m"><param name="shuffle" value="maybe"/></directory>',
            ),
            ("conference", '<profiles><profile><param name="max-members" value="few"/></profile></profiles>'),
            ("portaudio", '<settings><param name="ring-interval" value="often"/></settings>'),
            ("cdr_csv", '<settings><param name="legs" value="both"/></settings>'),
            ("json_cdr", '<settings><param name="rotate" value="maybe"/></settings>'),
            ("metrics", '<settings><param name="listen-port" value="x"/></settings>'),
        ],
    )
    def test_in_the_files_beside(self, check, name, inside):
        wrong = f'<configuration name="{name}.conf">{inside}</configuration></section>'
        status, text = check(root=GOOD.replace("</section>", wrong, 1))
        assert status == 1
        assert f"{name}.conf" in text.partition("Warnings:")[0]

    def test_of_xml_that_is_none_the_place(self, check, tmp_path):
        status, text = check(root="<document>\n<section>\n</document>")
        assert status == 1
        assert f"{at(3, tmp_path)}not well-formed XML: mismatched tag" in text

    def test_no_tree_at_all(self, tmp_path, capsys):
        assert main(["config", "check", str(tmp_path / "none")]) == 1
        assert "the file does not exist" in capsys.readouterr().out

    @pytest.mark.parametrize("words", [[], ["check"], ["look", "x"], ["check", "x", "--nonsense"]])
    def test_a_command_line_that_is_not_understood(self, words, capsys):
        assert main(["config", *words]) == 2


class TestWhatIsNoError:
    def test_a_misspelt_name_a_strange_application_and_a_known_password_are_warnings(self, check, tmp_path):
        status, text = check(root=GOOD)
        assert status == 0
        assert f"{at(6, tmp_path)}switch.conf: unknown parameter 'rtp-start-portt' ignored; did you" in text
        assert "application 'fly' is not there in this version: a call that comes to it ends" in text
        assert "the password everybody knows on 192.168.1.103" in text
        assert "1000@d: the password is on every list of common passwords" in text
        assert check("", "--strict", root=GOOD)[0] == 1

    def test_a_web_page_for_others_with_a_password_that_they_guess_is_a_warning(self, check):
        lines = '<param name="listen-ip" value="auto"/><param name="password" value="ringthru"/>'
        page = f'<configuration name="web.conf"><settings>{lines}</settings></configuration>'
        status, text = check(root=GOOD.replace("</section>", f"{page}</section>", 1))
        assert status == 0
        assert "web.conf: the password is on every list of common passwords: the page is shown on" in text

    def test_a_function_that_nobody_answers_is_named(self, check):
        data = '<action application="set" data="x=${system(ls)}-${regex(a|b)}-${show(calls)}"/></condition>'
        dial = '<param name="dial-string" value="${sofia_contact(a)},${verto_contact(a)}"/></params>'
        root = GOOD.replace("</condition>", data, 1).replace("</params></user>", f"{dial}</user>")
        status, text = check(root=root)
        assert status == 0
        warned, ignored = text.split("Ignored:")
        assert "dialplan: ${system(…)} is not answered here: ignored, it stands for nothing" in warned
        assert "directory: ${verto_contact(…)} is not answered here" in ignored
        assert not any(f"${{{name}(…)}}" in text for name in ("regex", "show", "sofia_contact"))

    def test_users_whose_passwords_have_one_fault_are_one_line(self, check):
        user = '<user id="{}"><params><param name="password" value="1234"/></params></user>'
        more = "".join(map(user.format, ("1001", "1002")))
        _, text = check(root=GOOD.replace("</domain>", f"{more}</domain>"))
        assert (
            "\n  1000, 1001, 1002 of d: the password of each is on every list of common passwords\n" in text
        )

    def test_nothing_is_run_and_nothing_is_written(self, check, tmp_path):
        check(root=GOOD)
        assert [path.name for path in tmp_path.iterdir()] == ["freeswitch.xml"]

    def test_the_tree_that_is_shipped_has_nothing_to_say(self, capsys):
        assert main(["config", "check", str(CONF), "--strict"]) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith("0 errors, 0 warnings, 0 ignored: ")


class TestWhatPeersSee:
    def see(self, check, **params):
        lines = "".join(
            f'<param name="{name.replace("_", "-")}" value="{value}"/>' for name, value in params.items()
        )
        strong = GOOD.replace('"1234"', '"kQ7-river-oak"')
        (profile,) = json.loads(check(lines, "--json", root=strong)[1])["profiles"]
        return profile

    def test_auto_nat(self, check):
        seen = self.see(check, ext_sip_ip="auto-nat", ext_rtp_ip="auto-nat", sip_ip="192.168.1.103")
        assert seen["mapped"]
        assert seen["outside"]["signalling"] == "<the gateway's address>:5060"
        assert seen["outside"]["media"] == "<the gateway's address>"
        assert seen["outside_until_known"]["signalling"] == "192.168.1.103:5060"

    def test_an_address_for_far_peers(self, check):
        seen = self.see(
            check, ext_sip_ip="autonat:203.0.113.9", sip_ip="192.168.1.103", local_network_acl="lan"
        )
        assert (seen["outside"]["signalling"], seen["outside"]["row"]) == ("203.0.113.9:5060", 3)

    def test_a_server_that_is_asked(self, check):
        seen = self.see(check, ext_sip_ip="stun:stun.example.org", ext_rtp_ip="stun:stun.example.org")
        assert seen["outside"]["signalling"] == "<what the STUN server says>:5060"
        assert not seen["mapped"]

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("local-network-acl", "lan", "who is in it is inside"),
            ("local-network-acl", "none", "nobody but this machine is inside"),
            ("ext-sip-port", "5999", "outside are shown this port"),
            ("apply-nat-acl", "nat.auto", "is called where it was heard; one that is there itself, inside"),
            ("aggressive-nat-detection", "true", "whose Via is not where it is heard"),
            ("NDLB-force-rport", "true", "inside and outside are answered where their requests came from"),
            ("NDLB-force-rport", "safe", "Polycom"),
            ("NDLB-received-in-nat-reg-contact", "true", "is told in the answer to its REGISTER"),
            ("NDLB-connectile-dysfunction", "true", "whatever their Contact says"),
            ("tcp-always-nat", "true", "over TCP"),
            ("tls-always-nat", "true", "over TLS"),
            ("nat-options-ping", "true", "keeps the way to them open"),
            ("nat-options-ping", "udp-only", "keeps the way to them open"),
            ("all-reg-options-ping", "true", "those inside too"),
            ("unregister-on-options-fail", "true", "is forgotten"),
            ("disable-rtp-auto-adjust", "true", "audio goes where the SDP says"),
            ("auto-restart", "false", "reaches the profile any more"),
        ],
    )
    def test_each_nat_parameter_is_explained(self, check, name, value, words):
        line = f'<param name="{name}" value="{value}"/>'
        lines = check(line, root=GOOD)[1].splitlines()
        (said,) = [each for each in lines if each.startswith(f"  {name} ")]
        assert said.startswith(f"  {name} {value}: ")
        assert words in said
        (profile,) = json.loads(check(line, "--json", root=GOOD)[1])["profiles"]
        assert {"name": name, "value": value, "meaning": said.partition(": ")[2]} in profile["parameters"]

    def test_what_is_as_it_would_be_anyway_is_no_line(self, check):
        (profile,) = json.loads(check("", "--json", root=GOOD)[1])["profiles"]
        assert [each["name"] for each in profile["parameters"]] == ["local-network-acl"]

    def test_weak_passwords_keep_it_closed(self, check):
        line = '<param name="ext-sip-ip" value="auto-nat"/>'
        (profile,) = json.loads(check(line, "--json", root=GOOD)[1])["profiles"]
        assert not profile["mapped"]
        assert "weak" in profile["mapping_reason"]

    def test_audio_at_a_private_address_is_warned_of(self, check):
        lines = "".join(
            f'<param name="{name}" value="{value}"/>'
            for name, value in (
                ("sip-ip", "192.168.1.103"),
                ("rtp-ip", "192.168.1.103"),
                ("ext-sip-ip", "203.0.113.9"),
            )
        )
        text = check(lines, root=GOOD)[1]
        assert "peers outside are told to send audio to 192.168.1.103, which they cannot reach" in text

    @pytest.mark.parametrize(
        "name", ["local-network-acl", "apply-nat-acl", "apply-inbound-acl", "apply-register-acl"]
    )
    def test_a_list_that_there_is_not_is_warned_of(self, check, name):
        for known in ("localnet.auto", "none", "10.0.0.0/8, 192.0.2.0/24"):
            assert "which is no list" not in check(f'<param name="{name}" value="{known}"/>', root=GOOD)[1]
        text = check(f'<param name="{name}" value="lan.auot"/>', root=GOOD)[1]
        assert (
            f"{name} names 'lan.auot', which is no list of acl.conf and no network: it holds nobody" in text
        )


class TestJson:
    def test_findings_have_level_file_line_and_remedy(self, check, tmp_path):
        told = json.loads(check("", "--json")[1])
        assert told["starts"] is False
        first = next(each for each in told["findings"] if each["level"] == "error")
        assert first["file"] == f"{tmp_path}/freeswitch.xml"
        assert isinstance(first["line"], int)
        assert told["weak_passwords"] == [
            {"user": "1000@d", "reason": "is on every list of common passwords"}
        ]


def test_the_guides_example_is_what_comes_out(tmp_path, capsys, monkeypatch):
    """The tree and the answer of the page, to the letter."""
    from ipaddress import IPv4Network

    from ringthru.net.surroundings import Surroundings

    here = Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), "192.168.1.1")
    monkeypatch.setattr("ringthru.console.config_command.look_around", lambda: here)
    page = GUIDE.read_text()
    tree = page.split("```xml\n")[1].split("```")[0]
    (tmp_path / "freeswitch.xml").write_text(tree)
    assert main(["config", "check", str(tmp_path)]) == 1
    shown = page.split("```text\n")[1].split("```")[0]
    assert capsys.readouterr().out.replace(f"{tmp_path}/", "/etc/ringthru/") == shown


class TestNew:
    def test_the_tree_is_written_and_is_what_the_switch_reads_without_one(self, tmp_path, capsys):
        tree = tmp_path / "my tree"
        assert main(["config", "new", str(tree)]) == 0
        assert f"  ringthru -conf '{tree}'\n" in capsys.readouterr().out
        written = {each.relative_to(tree): each.read_bytes() for each in tree.rglob("*") if each.is_file()}
        assert written == {
            each.relative_to(CONF): each.read_bytes() for each in CONF.rglob("*") if each.is_file()
        }
        assert main(["config", "check", "--strict", str(tree)]) == 0

    def test_it_can_be_edited_although_what_is_installed_cannot(self, tmp_path, monkeypatch):
        installed = tmp_path / "installed"
        installed.mkdir()
        (installed / "vars.xml").write_text("<include/>")
        (installed / "vars.xml").chmod(0o444)
        monkeypatch.setattr(config_command, "default_tree", lambda: installed)
        assert main(["config", "new", str(tmp_path / "tree")]) == 0
        assert (tmp_path / "tree" / "vars.xml").stat().st_mode & 0o200

    def test_nothing_that_is_there_is_touched(self, tmp_path, capsys):
        (tmp_path / "vars.xml").write_text("mine")
        assert main(["config", "new", str(tmp_path)]) == 1
        assert capsys.readouterr().err == f"ringthru config: {tmp_path} is not empty: name a new folder\n"
        assert [each.name for each in tmp_path.iterdir()] == ["vars.xml"]

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path, capsys):
        (tmp_path / "file").write_text("")
        assert main(["config", "new", str(tmp_path / "file" / "tree")]) == 1
        assert f"{tmp_path}/file/tree: Not a directory\n" in capsys.readouterr().err
