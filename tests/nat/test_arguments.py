"""What may be typed, and what is said about what may not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ringthru.nat.arguments import read
from ringthru.nat.words import EXIT_WORDS, Exit
from ringthru.net.interfaces import NoSuchInterface
from ringthru.portmap.values import Protocol

from .conftest import US


class TestPorts:
    @pytest.mark.parametrize(
        ("text", "meaning"),
        [
            ("5060", (5060, None)),
            ("5060/udp", (5060, (Protocol.UDP,))),
            ("5060/TCP", (5060, (Protocol.TCP,))),
            ("1/both", (1, (Protocol.UDP, Protocol.TCP))),
            ("65535", (65535, None)),
        ],
    )
    def test_a_port_with_and_without_a_protocol(self, text, meaning):
        assert read(["add", text]).port == meaning

    @pytest.mark.parametrize("text", ["0", "70000", "abc", "", "5_060", "٥", "-1", "5060.5"])
    def test_what_is_no_port_is_refused_with_the_range(self, text, capsys):
        with pytest.raises(SystemExit) as refused:
            read(["add", "--", text])
        assert refused.value.code == Exit.USAGE
        assert "1 to 65535" in capsys.readouterr().err

    @pytest.mark.parametrize("text", ["5060/sctp", "5060/", "5060/udp/tcp"])
    def test_an_unknown_protocol_is_refused_with_those_there_are(self, text, capsys):
        with pytest.raises(SystemExit):
            read(["add", text])
        assert "udp, tcp or both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("add 5060 --lease=-1", "1 to 604800 seconds"),
        ("add 5060 --lease 0", "1 to 604800 seconds"),
        ("add 5060 --lease 604801", "1 to 604800 seconds"),
        ("add 5060 --external 0", "1 to 65535"),
        ("add 5060 --family ipx", "'ipv4', 'ipv6'"),
        ("add 65535 --set pair", "1 to 65534"),
        ("list --limit 0", "1 to 65535 entries"),
        ("status --timeout 0", "more than 0"),
        ("status --timeout soon", "more than 0"),
        ("discover --wait 0", "wait '0': more than 0"),
        ("status --gateway fritz.box", "192.168.1.1"),
        ("status --description-url ftp://x/", "http://"),
        ("delete", "PORT, --range A-B or --all-ours"),
        ("delete --range 5080-5060", "above the last"),
        ("status --every-interface --interface eth0", "--interface is about one gateway"),
        ("add 5060 --every-interface --gateway 192.168.1.1", "--gateway is about one gateway"),
        ("add 5060 --every-interface --peer 203.0.113.5:5060", "--peer is about one gateway"),
        ("add 5060 --every-interface --client 192.168.1.9", "--client is about one gateway"),
        ("add 5060 --every-interface --nested --outer-gateway 10.0.0.1", "--outer-gateway is about one"),
        ("cleanup --every-interface --outer-gateway 10.0.0.1", "--outer-gateway is about one gateway"),
        ("add 5060 --nested --family ipv6", "take one of the two"),
        ("add 5060 --outer-gateway 10.0.0.1", "needs --nested"),
        ("status --metrics --json", "without --json"),
        ("status --wait 3", "unrecognized arguments: --wait"),
        ("delete 5060 --first", "unrecognized arguments: --first"),
        ("explain 5060 --every-interface", "explain is for one interface"),
        ("add 5060 --first", "needs --every-interface"),
        ("delete --range 5060", "5060-5080"),
        ("profile forget", "needs a fingerprint"),
        ("open 5060", "discover"),
        ("", "COMMAND"),
    ],
)
def test_a_wrong_line_says_what_is_allowed(line, hint, capsys):
    with pytest.raises(SystemExit) as refused:
        read(line.split())
    assert refused.value.code == Exit.USAGE
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("line", ["--json status", "status --json"])
def test_common_options_stand_before_or_after_the_command(line):
    assert read(line.split()).json is True


@pytest.mark.parametrize("line", ["--help", "add --help"])
def test_help_lists_every_exit_status(line, capsys):
    with pytest.raises(SystemExit) as ended:
        read(line.split())
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(words in told for words in EXIT_WORDS.values())


async def test_an_interface_that_does_not_exist_is_told_with_those_that_do(nat):
    def look_around(interface):
        raise NoSuchInterface(
            f"interface {interface!r} does not exist; interfaces with an IPv4 address: eth0 (10.0.0.2)"
        )

    said = await nat.on(look_around, "status --interface wan7")
    assert said.code == Exit.LOCAL
    assert "eth0" in said.err


async def test_a_gateway_that_is_ourselves_is_refused(nat):
    said = await nat(f"status --gateway {US}")
    assert said.code == Exit.LOCAL
    assert "own address" in said.err


async def test_a_journal_that_cannot_be_opened_is_local_trouble(nat):
    nat.store.parent.mkdir(parents=True)
    nat.store.write_text("not a database, and longer than the header of one" * 20)
    said = await nat("cleanup")
    assert said.code == Exit.LOCAL
    assert str(nat.store) in said.err


LOADS = """
import sys
from ringthru.__main__ import main
main(["nat", "--help"])
print([name in sys.modules for name in ("asyncio", "_ssl", "ssl", "ringthru.portmap.capture.recorder")])
import ssl
"""


def test_it_loads_no_tls_nor_other_commands_and_whoever_wants_tls_still_can():
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[True, False, False, False]", done.stderr
    assert done.returncode == 0
