"""What a leg says by itself, under a clock of the test's own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media import MalformedPacket, RtpPacket, SessionDescription, silence_of
from ringthru.media.audio import PCMA, PCMU
from ringthru.media.offer_answer import MediaAddress, make_answer, make_offer
from ringthru.media.playing import KeySender, LateEcho, Player, Recorder
from ringthru.media.stream import KeyPressed, MediaStream, Said
from ringthru.media.telephone_event import KEYS, TelephoneEvent, packets_of
from ringthru.net.address import Endpoint

PEER = Endpoint("127.0.0.9", 4000)


@pytest.fixture
def stream() -> MediaStream:
    made = MediaStream(ssrc=1, sequence=10, timestamp=1000, cname="c", uniform=lambda: 0.5)
    offer = make_offer(MediaAddress(*PEER, 4001), [PCMU, PCMA], 1, 1)
    made.connect(
        make_answer(SessionDescription.parse(offer), MediaAddress("127.0.0.1", 5000, 5001), [PCMU], 1, 1), 0.0
    )
    made.rtp_to_send()
    return made


def run(stream: MediaStream, until: float) -> list[tuple[float, RtpPacket]]:
    """Every packet that leaves until then, with its time."""
    sent = []
    while (now := stream.next_timeout()) is not None and now <= until:
        stream.handle_timeout(now)
        sent += [(round(now, 3), RtpPacket.decode(each)) for each in stream.rtp_to_send()]
    return sent


def heard(sequence: int, payload: bytes, kind: int = 0, timestamp: int | None = None) -> bytes:
    return RtpPacket(
        kind, sequence, timestamp if timestamp is not None else sequence * 160, 7, payload
    ).encode()


class TestPlayer:
    def test_a_frame_every_20_ms_and_then_it_is_said(self, stream):
        stream.set_speaker(Player(stream, silence_of(60).frames("PCMU", 160), 0.0))
        sent = run(stream, 1.0)
        assert [when for when, _ in sent] == [0.0, 0.02, 0.04]
        stamps = [packet.timestamp for _, packet in sent]
        assert [b - a for a, b in pairwise(stamps)] == [160, 160]
        assert [each for each in stream.events() if isinstance(each, Said)] == [Said()]

    def test_after_a_long_sleep_it_does_not_hurry(self, stream):
        stream.set_speaker(Player(stream, silence_of(1000).frames("PCMU", 160), 0.0))
        stream.handle_timeout(0.0)
        stream.rtp_to_send()
        stream.handle_timeout(0.5)
        assert len(stream.rtp_to_send()) == 1
        assert stream.next_timeout() == 0.52

    def test_a_held_peer_hears_nothing(self, stream):
        held = make_offer(MediaAddress(*PEER, 4001), [PCMU], 1, 2, direction="sendonly")
        answer = make_answer(
            SessionDescription.parse(held), MediaAddress("127.0.0.1", 5000, 5001), [PCMU], 1, 2
        )
        stream.connect(answer, 0.0)
        stream.set_speaker(Player(stream, silence_of(100).frames("PCMU", 160), 0.0))
        assert run(stream, 1.0) == []


class TestKeys:
    """RFC 4733 §2.5.1: one timestamp for the key, the marker at its beginning, its end said three times."""

    def test_one_key(self, stream):
        stream.set_speaker(KeySender(stream, "5", 0.0))
        packets = [packet for _, packet in run(stream, 1.0)]
        events = [TelephoneEvent.decode(packet.payload) for packet in packets]
        assert {packet.payload_type for packet in packets} == {101}
        assert len({packet.timestamp for packet in packets}) == 1
        assert [packet.marker for packet in packets] == [True] + [False] * 10
        assert [packet.sequence for packet in packets] == list(
            range(packets[0].sequence, packets[0].sequence + 11)
        )
        assert [each.duration for each in events] == [*range(160, 1281, 160), 1280, 1280, 1280]
        assert [each.end for each in events] == [False] * 8 + [True] * 3
        assert {each.key for each in events} == {"5"}

    def test_several_with_pauses_and_what_is_no_key_left_out(self, stream):
        stream.set_speaker(KeySender(stream, "1wx#", 0.0))
        packets = [packet for _, packet in run(stream, 3.0)]
        firsts = [packet for packet in packets if packet.marker]
        assert [TelephoneEvent.decode(each.payload).key for each in firsts] == ["1", "#"]
        ahead = (firsts[1].timestamp - firsts[0].timestamp) / 8000
        assert 0.7 < ahead < 0.9  # the key, its gap, half a second

    def test_audio_goes_on_after_a_key(self, stream):
        stream.say(b"\xff" * 160, 0.0)
        stream.say_event(next(packets_of("1", 1, 160)), 0.02)
        stream.say(b"\xff" * 160, 0.18)
        first, key, last = [RtpPacket.decode(each) for each in stream.rtp_to_send()]
        assert (key.timestamp - first.timestamp, last.timestamp - key.timestamp) == (160, 1280)

    def test_a_peer_without_them_gets_none(self):
        bare = MediaStream(ssrc=1, sequence=10, timestamp=1000, cname="c", uniform=lambda: 0.5)
        offer = make_offer(MediaAddress(*PEER, 4001), [PCMU], 1, 1, telephone_event=None)
        here = MediaAddress("127.0.0.1", 5000, 5001)
        bare.connect(make_answer(SessionDescription.parse(offer), here, [PCMU], 1, 1), 0.0)
        bare.rtp_to_send()
        bare.set_speaker(KeySender(bare, "5", 0.0))
        assert run(bare, 1.0) == []

    def test_each_is_heard_once_whatever_is_lost_or_repeated(self, stream):
        for number, event in enumerate(packets_of("7", 4, 160)):
            for _ in range(2):
                stream.receive_rtp(heard(number, event.encode(), 101, 5000), PEER, 0.1)
        stream.receive_rtp(heard(20, TelephoneEvent(7, True, 10, 800).encode(), 101, 9000), PEER, 0.2)
        assert [each.key for each in stream.events() if isinstance(each, KeyPressed)] == ["7", "7"]

    def test_what_is_no_key_tells_nothing(self, stream):
        for payload in (b"", b"\x01", TelephoneEvent(40, False, 10, 160).encode()):
            stream.receive_rtp(heard(1, payload, 101), PEER, 0.1)
        assert not [each for each in stream.events() if isinstance(each, KeyPressed)]

    @given(st.binary(max_size=8))
    def test_any_payload(self, payload):
        try:
            event = TelephoneEvent.decode(payload)
        except MalformedPacket:
            assert len(payload) < 4
        else:
            assert event.key in {"", "F", *KEYS}
            assert TelephoneEvent.decode(event.encode()) == event


class TestLateEcho:
    def test_comes_back_after_its_delay(self, stream):
        echo = LateEcho(stream, 0.5, 0.0)
        stream.set_speaker(echo)
        stream.set_sink(echo)
        stream.receive_rtp(heard(1, b"\x01" * 160), PEER, 0.1)
        ((when, packet),) = run(stream, 2.0)
        assert 0.6 <= when <= 0.62
        assert packet.payload == b"\x01" * 160


class TestRecorder:
    def test_gaps_are_silence_and_what_is_late_or_twice_is_left_out(self, stream):
        recorder = Recorder()
        stream.set_sink(recorder)
        for sequence in (1, 2, 2, 4, 3):
            stream.receive_rtp(heard(sequence, bytes((sequence,)) * 160), PEER, 0.1)
        kept = recorder.take()
        assert kept == b"\x01" * 160 + b"\x02" * 160 + b"\xff" * 160 + b"\x04" * 160
        assert recorder.take() == b""

    def test_a_jump_of_the_clock_is_no_hour_of_silence(self, stream):
        recorder = Recorder()
        stream.set_sink(recorder)
        stream.receive_rtp(heard(1, b"\x01" * 160), PEER, 0.1)
        stream.receive_rtp(heard(2, b"\x02" * 160, timestamp=10_000_000), PEER, 0.1)
        assert recorder.take() == b"\x01" * 160 + b"\x02" * 160

    def test_nobody_fetches_it(self, stream):
        recorder = Recorder()
        stream.set_sink(recorder)
        for sequence in range(1, 4000):
            stream.receive_rtp(heard(sequence, b"\x01" * 160), PEER, 0.1)
        assert len(recorder.take()) <= 61 * 8000
        assert recorder.dropped > 0
