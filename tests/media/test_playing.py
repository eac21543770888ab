"""What a leg says by itself, under a clock of the test's own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ringthru.media import RtpPacket, SessionDescription, silence_of
from ringthru.media.coding.coders import encoder_of, installed, samples_of
from ringthru.media.description.codecs import G722, OPUS, PCMA, PCMU
from ringthru.media.description.offer_answer import MediaAddress, make_answer, make_offer
from ringthru.media.events import Hungry, Said
from ringthru.media.leg.playing import FedPlayer, LateEcho, PacketTap, Player, Recorder
from ringthru.media.leg.stream import MediaStream
from ringthru.media.sound.g711 import ULAW_SILENCE
from ringthru.media.sound.tones import holds_tone, tone
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


class TestLateEcho:
    def test_comes_back_after_its_delay(self, stream):
        echo = LateEcho(stream, 0.5, 0.0)
        stream.set_speaker(echo)
        stream.set_sink(echo)
        stream.receive_rtp(heard(1, b"\x01" * 160), PEER, 0.1)
        ((when, packet),) = run(stream, 2.0)
        assert 0.6 <= when <= 0.62
        assert packet.payload == b"\x01" * 160


class TestFedPlayer:
    def test_frames_leave_one_after_another_and_then_it_is_said(self, stream):
        fed = FedPlayer(stream, 0.0)
        stream.set_speaker(fed)
        assert all(fed.write(bytes((n,)) * 160, 160) for n in range(3))
        fed.finish()
        sent = run(stream, 1.0)
        assert [(when, packet.payload[0]) for when, packet in sent] == [(0.0, 0), (0.02, 1), (0.04, 2)]
        assert Said() in stream.events()
        assert not fed.write(bytes(160), 160)

    def test_longer_frames_take_longer(self, stream):
        fed = FedPlayer(stream, 0.0)
        stream.set_speaker(fed)
        for _ in range(3):
            fed.write(b"\x01" * 40, 320)  # a codec of an octet for eight samples
        sent = run(stream, 0.2)
        assert [when for when, _ in sent] == [0.0, 0.04, 0.08]
        assert [b.timestamp - a.timestamp for (_, a), (_, b) in pairwise(sent)] == [320, 320]

    def test_it_asks_for_more_once(self, stream):
        fed = FedPlayer(stream, 0.0)
        stream.set_speaker(fed)
        while fed.write(bytes(160), 160):
            pass
        run(stream, 9.0)
        hungry = [each for each in stream.events() if isinstance(each, Hungry)]
        assert hungry == [Hungry(10)]
        assert fed.write(b"\x07" * 160, 160)  # it is not over, only hungry
        assert run(stream, 9.1)[0][1].payload == b"\x07" * 160


class TestRecorder:
    @pytest.fixture
    def recorder(self, stream) -> Recorder:
        tap = PacketTap(stream.remove_tap)
        stream.add_tap(tap)
        return Recorder(tap)

    @staticmethod
    def hear(stream, *sequences: int) -> None:
        for sequence in sequences:
            stream.receive_rtp(heard(sequence, bytes((sequence,)) * 160), PEER, 0.1)

    def test_what_overtook_another_has_its_place_and_what_comes_twice_is_left_out(self, stream, recorder):
        self.hear(stream, 1, 2, 2, 4, 3, 6, 7, 8, 5, 9)
        assert recorder.take() == b"".join(bytes((number,)) * 160 for number in range(1, 10))
        assert (recorder.take(), recorder.late) == (b"", 1)

    def test_gaps_are_silence_and_what_is_late_is_left_out(self, stream, recorder):
        self.hear(stream, 1, 2, 4, 5, 6, 7, 8, 9, 3, 10)
        kept = recorder.take()
        assert kept[:640] == b"\x01" * 160 + b"\x02" * 160 + b"\xff" * 160 + b"\x04" * 160
        assert kept[640:] == b"".join(bytes((number,)) * 160 for number in range(5, 11))
        assert recorder.late == 1

    def test_what_waits_still_at_the_end_is_kept(self, stream, recorder):
        self.hear(stream, 1, 3)
        assert recorder.take() == b"\x01" * 160
        recorder.close()
        assert recorder.take() == b"\xff" * 160 + b"\x03" * 160

    def test_a_stream_whose_clock_begins_anew_is_kept_on(self, stream, recorder):
        """Another source, after a transfer: its time has nothing to do with the one before."""
        stream.receive_rtp(heard(1, b"\x01" * 160, timestamp=4_000_000), PEER, 0.1)
        for number in (7000, 7001):
            stream.receive_rtp(heard(number, b"\x02" * 160, timestamp=160 * number), PEER, 0.1)
        assert recorder.take() == b"\x01" * 160 + b"\x02" * 320

    def test_a_jump_of_the_clock_is_no_hour_of_silence(self, stream, recorder):
        stream.receive_rtp(heard(1, b"\x01" * 160), PEER, 0.1)
        stream.receive_rtp(heard(2, b"\x02" * 160, timestamp=10_000_000), PEER, 0.1)
        assert recorder.take() == b"\x01" * 160 + b"\x02" * 160

    def test_another_source_whose_clock_is_behind_goes_on(self, stream, recorder):
        """A transfer, or a phone that starts anew: another SSRC, and a timestamp at random."""
        said = [(1, 2_000_000_000, 5), (2, 2_000_000_160, 5), (3, 1000, 6), (4, 1160, 6)]
        for number, timestamp, ssrc in said:
            packet = RtpPacket(0, number, timestamp, ssrc, bytes((number,)) * 160)
            stream.receive_rtp(packet.encode(), PEER, 0.1)
        assert recorder.take() == b"".join(bytes((number,)) * 160 for number in (1, 2, 3, 4))

    def test_nobody_fetches_it(self, stream, recorder):
        for sequence in range(1, 4000):
            stream.receive_rtp(heard(sequence, b"\x01" * 160), PEER, 0.1)
        assert len(recorder.take()) <= 16 * 8000
        assert recorder.dropped > 0

    def test_it_goes_on_whatever_becomes_of_the_audio(self, stream, recorder):
        stream.receive_rtp(heard(1, b"\x01" * 160), PEER, 0.1)
        stream.set_sink(stream)
        stream.receive_rtp(heard(2, b"\x02" * 160), PEER, 0.1)
        recorder.close()
        stream.receive_rtp(heard(3, b"\x03" * 160), PEER, 0.1)
        assert recorder.take() == b"\x01" * 160 + b"\x02" * 160


class TestRecorderOfOtherCodecs:
    @pytest.mark.parametrize("codec", [G722, OPUS])
    def test_what_was_said_becomes_ulaw_with_silence_for_gaps(self, codec):
        """Half a second of a tone, a tenth of nothing, and half a second more."""
        if codec.name not in installed():
            pytest.skip(
                f"{codec.name} is not installed: pip install 'ringthru[codecs]', and Debian's libopus0"
            )
        encoder, tap = encoder_of(codec, 8000), PacketTap()
        for number, frame in enumerate(tone(440, 1.0)):
            number += 5 * (number >= 25)
            stamp, payload = number * codec.clock_rate // 50, encoder.encode(samples_of(frame))
            packet = RtpPacket(9, number, stamp, 5, payload)
            tap.keep(codec.name, packet)
        kept = Recorder(tap).take()
        assert len(kept) == 8800
        frames = [kept[start : start + 160] for start in range(0, len(kept), 160)]
        assert holds_tone(frames[2:24], 440)
        assert set(b"".join(frames[25:30])) == {ULAW_SILENCE}
        assert holds_tone(frames[32:], 440)

    def test_of_a_codec_nobody_makes_nothing_is_kept(self):
        tap = PacketTap()
        tap.keep("G729", RtpPacket(18, 1, 0, 5, bytes(20)))
        assert Recorder(tap).take() == b""
