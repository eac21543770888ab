"""Media of real programs that other tests do not reach: sipp's captures and its echo, and baresip's hold."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.netns import wait_for

from .audio import correlation, from_ulaw, sweep, to_ulaw, tone
from .capture import Capture, in_order, rtp_packets, write_pcap
from .ears import BARESIPS, Ear
from .phones import SCENARIOS, Baresip, Sipp
from .switch_process import PASSWORD, Switch, since

NARROW = {"inbound-codec-prefs": "PCMU,PCMA", "outbound-codec-prefs": "PCMU,PCMA"}


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Laboratory() as laboratory:
        parameters = {"internal": {**NARROW, "hold-music": "silence"}, "external": NARROW}
        switch = Switch(laboratory, tmp_path_factory.mktemp("switch"), console=True, parameters=parameters)
        switch.start()
        switch.wait_until_mapped()
        yield switch
        assert "Traceback" not in switch.words(), switch.words()


def test_a_capture_that_sipp_plays_comes_back_sample_for_sample(
    switch: Switch, sipp: Sipp, outside: Capture
) -> None:
    """Not so many packets, but the very sound: by correlation of what was sent with what was heard."""
    sent = sweep(300, 3000, 2)
    octets = to_ulaw(sent)
    pieces = [octets[at : at + 160] for at in range(0, len(octets), 160)]
    packets = [struct.pack("!BBHII", 0x80, 0, n, 160 * n, 77) + each for n, each in enumerate(pieces)]
    capture = sipp.directory / "speech.pcap"
    write_pcap(capture, packets)
    sipp.run("call_pcap.xml", f"{WAN_ADDRESS}:5080", "9196", pcap=str(capture))
    back = [rtp for datagram, rtp in rtp_packets(outside.stop()) if datagram.source[0] == WAN_ADDRESS]
    alike, _ = correlation(from_ulaw(octets), from_ulaw(in_order(back)), reach=3.0)
    assert alike > 0.999


def test_the_echo_of_sipp_is_found_by_its_chirps(switch: Switch, tmp_path: Path) -> None:
    """We call a sipp that returns what it hears (``-rtp_echo``): heard both ways, with its delay."""
    laboratory = switch.laboratory
    scenario = tmp_path / "standin.xml"
    scenario.write_text((SCENARIOS / "standin.xml").read_text().replace("[shown]", PHONE_ADDRESS))
    argv = ["sipp", "-sf", str(scenario), "-rtp_echo", "-nostdin", "-i", PHONE_ADDRESS, "-p", "5080"]
    program = laboratory.popen(PHONE, [*argv, "-mi", PHONE_ADDRESS, "-mp", "16384"])
    try:
        wait_for(lambda: ":16384 " in laboratory.run(PHONE, ["ss", "-uan"]).stdout, 5, "sipp")
        said = since(switch)
        switch.type_in(f"originate sofia/internal/echo@{PHONE_ADDRESS}:5080 &audio_test(8)")
        said("heard both ways")
    finally:
        laboratory.end(program)


def test_baresip_holds_and_comes_back(switch: Switch, tmp_path: Path) -> None:
    """It keeps the other side from hearing it, and is told so by us; then both hear each other again."""
    for name in ("home", "outside"):
        (tmp_path / name).mkdir()
    home = Baresip(switch.laboratory, PHONE, PHONE_ADDRESS, tmp_path / "home")
    away = Baresip(switch.laboratory, PUB, PUB_ADDRESS, tmp_path / "outside")
    account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};answermode=auto"
    wire = Capture(switch.laboratory, PHONE, tmp_path)
    try:
        home.start(f"{account};regint=300;audio_codecs=PCMU/8000/1", tone(600, 60))
        home.wait_for_log("200 OK")
        said = since(switch)
        away.call(f"sip:2000@{WAN_ADDRESS}:5080", tone(440, 60))
        wait_for(lambda: home.hears(440), 15, "440 Hz at home")
        home.command("hold")
        said("is on hold")
        home.command("resume")
        said("is back from hold")
        Ear(wire, BARESIPS).hears(440)  # off the wire: this baresip records no more after a re-INVITE
    finally:
        wire.stop()
        away.stop()
        home.stop()
