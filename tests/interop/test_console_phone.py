"""The wiki page's test call, with real gateways: ``pa call sip:9196@…`` at one switch's console reaches the
echo of another, each behind its own miniupnpd, and the log says whether it was heard.
"""

from __future__ import annotations

import re
import signal
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import GATEWAY, SECOND_PBX, SECOND_WAN, Laboratory, Topology
from ringthru.lab.namespaces.miniupnpd import Serves, Settings
from ringthru.lab.namespaces.netns import wait_for

from .audio import RATE, best_share, read_wav, tone, write_wav
from .switch_process import Switch


@pytest.fixture
def switches(tmp_path: Path) -> Iterator[tuple[Switch, Switch]]:
    """The one whose console calls, and the one that is called."""
    with Laboratory(Topology.DOUBLE, Serves.NATPMP, second=Settings(Serves.UPNP)) as laboratory:
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
        there = Switch(laboratory, tmp_path / "there", role=SECOND_PBX)
        here = Switch(laboratory, tmp_path / "here", console=True)
        for switch in (there, here):
            switch.start()
        here.wait_until_mapped()
        there.wait_for_words(f"NAT detected setting external ip to {SECOND_WAN}", 20)
        yield here, there
        for switch in (here, there):
            assert switch.stop() == 0
            assert "Traceback" not in switch.words(), switch.words()


def printed(switch: Switch, pattern: str, timeout: float = 20.0) -> re.Match[str]:
    """What a pattern finds in all that the switch printed, once it does."""
    try:
        return wait_for(lambda: re.search(pattern, switch.words()), timeout, repr(pattern))
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{switch.words()}") from error


def test_the_session_of_the_wiki_page(switches: tuple[Switch, Switch], tmp_path: Path) -> None:
    here, there = switches
    write_wav(tmp_path / "said.wav", tone(500, 3))
    here.type_in(f"pa indev file:{tmp_path}/said.wav")
    here.type_in(f"pa outdev file:{tmp_path}/heard.wav")
    here.type_in(f"pa call sip:9196@{SECOND_WAN}:5080")
    printed(here, r"SUCCESS:1:[0-9a-f-]{36}")
    printed(here, rf"Channel \[sofia/external/9196@{re.escape(SECOND_WAN)}\] has been answered")
    wait_for(lambda: (tmp_path / "heard.wav").stat().st_size > 2 * 6 * RATE, 20, "six seconds of sound")
    here.type_in("pa hangup")
    account = printed(
        here,
        r"Audio of portaudio/sip:9196@\S+: (\d+) packets in, (\d+) out, (\d+) lost.*; round trip (\d+) ms; "
        r"echo heard; heard both ways: the echo came back after",
    )
    packets_in, packets_out, lost, trip = map(int, account.groups())
    assert min(packets_in, packets_out) > 250
    assert lost <= packets_out * 0.02
    assert trip < 250
    printed(here, r"Close Channel portaudio/sip:9196@\S+ \[CS_DESTROY\]")
    samples = read_wav(tmp_path / "heard.wav")
    assert best_share(samples, 500) > 0.9  # what the file said, through two gateways and back
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert file.getnframes() > 6 * RATE  # finished, header and all


def test_when_the_gateway_stops_the_others_audio_the_test_says_which_way(
    switches: tuple[Switch, Switch],
) -> None:
    """Ours lets no RTP in, but RTCP: the switch there hears us and says so, and we hear nothing."""
    here, _ = switches
    laboratory = here.laboratory
    rules = (
        "add table ip deaf",
        "add chain ip deaf forward { type filter hook forward priority -200; }",
        "add rule ip deaf forward iifname wan0 udp dport { 16384-32768 } @th,64,8 & 0xc0 == 0x80 "
        "@th,72,8 != 200-204 drop",
    )
    for rule in rules:
        laboratory.run(GATEWAY, ["nft", rule])
    here.type_in(f"audio_test sip:9196@{SECOND_WAN}:5080")
    found = printed(here, r"-ERR (.*)\n", 40)
    assert found[1].startswith("we hear nothing"), here.words()


def test_a_machine_that_stands_still_again_and_again_hears_the_echo(switches: tuple[Switch, Switch]) -> None:
    """As a virtual one whose neighbours are busy: the test says nothing of the network that is not so."""
    here, _ = switches
    assert here.process is not None
    here.type_in(f"audio_test sip:9196@{SECOND_WAN}:5080 20")
    printed(here, r"Channel \[sofia/external/9196\S+\] has been answered")
    until = time.monotonic() + 40
    while not re.search(r"\n(\+OK|-ERR) .*\nCall: ", here.words()) and time.monotonic() < until:
        time.sleep(0.5)  # no wait for anything: how long it runs, and how long it stands still
        here.process.send_signal(signal.SIGSTOP)
        time.sleep(0.35)
        here.process.send_signal(signal.SIGCONT)
    found = printed(here, r"\+OK heard both ways\n(?:.*\n)*?Round trip: (\d+) ms by the echo")
    assert int(found[1]) < 250
