"""Calls through a real gateway: the switch behind miniupnpd, sipp and baresip outside, a phone at home."""

from __future__ import annotations

import re
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
)
from ringthru.lab.namespaces.netns import wait_for

from .audio import best_share, from_ulaw, sweep, tone
from .capture import Capture, Datagram, Rtp, rtp_packets, sip_texts
from .phones import Baresip, Sipp
from .switch_process import PASSWORD, SIP_PORTS, Switch
from .wire import G729_ONLY, SOUND, status, wire

EXTERNAL = (WAN_ADDRESS, 5080)  # where the world finds the profile "external"
INTERNAL = (WAN_ADDRESS, 5060)
AT = f"{WAN_ADDRESS}:5080"


def answered_media(datagrams: list[Datagram]) -> tuple[str, int]:
    """Address and port of the sound, as the switch wrote them into its SDP for the outside."""
    for datagram, text in sip_texts(datagrams):
        if datagram.source[0] == WAN_ADDRESS and text.startswith("SIP/2.0 200"):
            address = re.search(r"^c=IN IP4 (\S+)", text, re.M)
            port = re.search(r"^m=audio (\d+) ", text, re.M)
            if address and port:
                return address[1], int(port[1])
    return "", 0


def from_peer(datagrams: list[Datagram], host: str) -> list[tuple[Datagram, Rtp]]:
    return [(datagram, rtp) for datagram, rtp in rtp_packets(datagrams) if datagram.source[0] == host]


class TestMappings:
    def test_both_profiles_are_open_on_the_gateway_under_their_own_ports(self, switch: Switch) -> None:
        rules = switch.laboratory.nat_rules()
        for port in SIP_PORTS:
            assert ("udp", port, PBX_ADDRESS, port) in rules

    def test_a_stranger_sees_the_public_address_alone(self, switch: Switch) -> None:
        with wire(switch.laboratory, PUB, PUB_ADDRESS, EXTERNAL) as line:
            line.request("OPTIONS", "anyone")
            options, call = line.final(), line.invite("9196", SOUND)
        assert (status(options), status(call)) == (200, 200)
        assert "192.168." not in options + call
        assert re.search(rf"^Contact: <sip:[^>]*{WAN_ADDRESS}:5080[;>]", call, re.M)

    def test_the_internal_profile_wants_to_know_who_calls(self, switch: Switch) -> None:
        with wire(switch.laboratory, PUB, PUB_ADDRESS, INTERNAL) as line:
            assert status(line.invite("9196", SOUND)) == 407


class TestEchoHeardOutside:
    """A stranger on the Internet calls 9196 and hears his own voice."""

    def test_sipp_gets_every_packet_back_through_the_mapping(
        self, switch: Switch, sipp: Sipp, outside: Capture
    ) -> None:
        call = sipp.start("call.xml", AT, "9196", sweep(300, 3000, 1.5))
        wait_for(lambda: answered_media(outside.so_far())[1], 10, "the answer's SDP")
        address, port = answered_media(outside.so_far())
        assert address == WAN_ADDRESS
        rules = switch.laboratory.nat_rules()
        assert [r for r in rules if (r.protocol, r.external_port) == ("udp", port)], "RTP is not mapped"
        assert call.wait(60) == 0, sipp.words()
        datagrams = outside.stop()
        sent = {rtp.payload for _, rtp in from_peer(datagrams, PUB_ADDRESS)}
        back = from_peer(datagrams, WAN_ADDRESS)
        assert len(sent) == 75
        assert {datagram.source for datagram, _ in back} == {(WAN_ADDRESS, port)}
        assert len(sent & {rtp.payload for _, rtp in back}) >= 72, "more than the first few were lost"

    def test_baresip_records_its_own_tone(self, switch: Switch, baresip: Baresip, outside: Capture) -> None:
        baresip.call(f"sip:9196@{AT}", tone(440, 10))
        wait_for(lambda: len(from_peer(outside.so_far(), WAN_ADDRESS)) >= 75, 10, "1.5 s of sound")
        baresip.stop()
        assert best_share(baresip.heard(), 440) > 0.9

    def test_both_numbers_of_the_echo_work(self, switch: Switch, sipp: Sipp) -> None:
        sipp.run("call.xml", AT, "9996", sweep(300, 3000, 0.2))


class TestCallToThePhoneAtHome:
    """A second phone on the LAN registers with digest; a call from outside is bridged to it."""

    @pytest.fixture
    def home(self, switch: Switch, tmp_path: Path) -> Iterator[Capture]:
        capture = Capture(switch.laboratory, PHONE, tmp_path)
        yield capture
        capture.stop()

    @pytest.fixture
    def phone(self, switch: Switch, home: Capture, tmp_path: Path) -> Iterator[Baresip]:
        directory = tmp_path / "phone"
        directory.mkdir()
        phone = Baresip(switch.laboratory, PHONE, PHONE_ADDRESS, directory)
        account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};answermode=auto"
        phone.start(account + ";regint=300;audio_codecs=PCMU/8000/1", tone(600, 15))
        phone.wait_for_log("200 OK")
        yield phone
        phone.stop()

    def test_sound_goes_both_ways_and_each_side_sees_the_address_it_can_reach(
        self, switch: Switch, phone: Baresip, home: Capture, sipp: Sipp, outside: Capture
    ) -> None:
        sipp.run("call.xml", AT, "2000", tone(440, 2))
        phone.stop()
        wild, tame = outside.stop(), home.stop()

        assert best_share(phone.heard(), 440) > 0.9, "the phone at home did not hear the caller"
        back = b"".join(rtp.payload for _, rtp in from_peer(wild, WAN_ADDRESS))
        assert best_share(from_ulaw(back), 600) > 0.9, "the caller did not hear the phone at home"

        far = [text for datagram, text in sip_texts(wild) if datagram.source[0] == WAN_ADDRESS]
        near = [text for datagram, text in sip_texts(tame) if datagram.source[0] == PBX_ADDRESS]
        assert any(text.startswith("SIP/2.0 200") for text in far)
        assert any(text.startswith("INVITE ") for text in near)
        for text in far:
            assert "192.168." not in text
        for text in near:
            assert WAN_ADDRESS not in text
            for line in re.findall(r"^(?:Via|Contact|c=|o=).*$", text, re.M):
                assert PUB_ADDRESS not in line
        assert {d.source[0] for d, _ in from_peer(tame, PBX_ADDRESS)} == {PBX_ADDRESS}

    def test_the_phone_itself_can_call_the_echo(self, switch: Switch, home: Capture, tmp_path: Path) -> None:
        phone = Baresip(switch.laboratory, PHONE, PHONE_ADDRESS, tmp_path)
        account = f"<sip:1000@{PBX_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};regint=300"
        phone.start(
            account + ";audio_codecs=PCMU/8000/1", tone(440, 10), f"/dial sip:9196@{PBX_ADDRESS}:5060"
        )
        phone.wait_for_log("Call established")
        wait_for(lambda: len(from_peer(home.so_far(), PBX_ADDRESS)) >= 50, 10, "a second of sound")
        phone.stop()
        assert best_share(phone.heard(), 440) > 0.9


class TestBadInput:
    """A clear answer, no traceback (the fixture looks for one at the end), and the switch keeps serving."""

    def test_noise(self, switch: Switch) -> None:
        chaos = [bytes((seed * 37 + n * n * 11) % 256 for n in range(seed * 7 % 600)) for seed in range(150)]
        whole = b"INVITE sip:9196@11.0.113.1:5080 SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nCSeq: 1 INVITE\r\n\r\n"
        chaos += [whole[:length] for length in range(len(whole))]
        with wire(switch.laboratory, PUB, PUB_ADDRESS, EXTERNAL) as line:
            for octets in chaos:
                line.send(octets)
        with wire(switch.laboratory, PUB, PUB_ADDRESS, EXTERNAL) as line:
            line.request("OPTIONS", "anyone")
            assert status(line.final()) == 200

    def test_no_codec_in_common(self, switch: Switch) -> None:
        with wire(switch.laboratory, PUB, PUB_ADDRESS, EXTERNAL) as line:
            assert status(line.invite("9196", G729_ONLY)) == 488

    def test_an_invite_without_sdp_gets_an_answer(self, switch: Switch) -> None:
        """RFC 3261 §13.2.1: the offer may come in the 200; to refuse such a call is allowed too."""
        with wire(switch.laboratory, PUB, PUB_ADDRESS, EXTERNAL) as line:
            answer = line.invite("9196", "")
        assert status(answer) in (200, 400, 415, 488)
        assert status(answer) != 200 or "m=audio" in answer

    def test_an_unknown_number(self, switch: Switch) -> None:
        with wire(switch.laboratory, PUB, PUB_ADDRESS, EXTERNAL) as line:
            assert status(line.invite("55512345", SOUND)) == 404

    def test_a_wrong_password_is_refused_and_logged(self, switch: Switch) -> None:
        with wire(switch.laboratory, PHONE, PHONE_ADDRESS, (PBX_ADDRESS, 5060)) as line:
            assert status(line.register("1000", "not-the-password")) in (401, 403)
        switch.wait_for_words("auth failure (REGISTER)")
        assert PHONE_ADDRESS in switch.words()

    def test_the_right_password_is_accepted(self, switch: Switch) -> None:
        with wire(switch.laboratory, PHONE, PHONE_ADDRESS, (PBX_ADDRESS, 5060)) as line:
            assert status(line.register("1000", PASSWORD)) == 200
