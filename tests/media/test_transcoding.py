"""One codec made of another: what is heard, when, and what becomes of losses and keys."""

from array import array
from itertools import pairwise
from math import pi, sin

import pytest

from ringthru.media.coding.coders import decoder_of, encoder_of, frame_of, installed, ulaw_of
from ringthru.media.coding.transcoding import AUDIO, EVENT, OneWay, Side
from ringthru.media.description.codecs import G722, OPUS, PCMA, PCMU, Codec
from ringthru.media.errors import LocalError, MalformedPacket
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.telephone_event import TelephoneEvent
from ringthru.media.sound.tones import holds_tone

CODECS = {codec.name: codec for codec in (PCMU, PCMA, G722, OPUS)}
WHERE_MISSING = "is not installed: pip install 'ringthru[codecs]', and Debian's libopus0"


def need(*codecs: Codec) -> None:
    for codec in codecs:
        if codec.name not in installed():
            pytest.skip(f"{codec.name} {WHERE_MISSING}")


def humming(codec: Codec, hertz: float, milliseconds: int = 20, count: int = 50, start: int = 700):
    """Packets of a tone, as a phone sends them."""
    rate = 8000 if codec.name in ("PCMU", "PCMA") else 16000
    size = rate * milliseconds // 1000
    encoder = encoder_of(codec, rate)
    for number in range(count):
        at = range(number * size, (number + 1) * size)
        samples = array("h", (int(8000 * sin(2 * pi * hertz * each / rate)) for each in at))
        stamp = (4_294_960_000 + number * codec.clock_rate * milliseconds // 1000) % (1 << 32)
        yield RtpPacket(AUDIO, (start + number) % 65536, stamp, 5, encoder.encode(samples), number == 0)


def through(way: OneWay, packets) -> list[RtpPacket]:
    return [RtpPacket.decode(each) for packet in packets for each in way.receive(packet.encode())]


def heard(codec: Codec, packets: list[RtpPacket]) -> list[bytes]:
    """The same as frames of µ-law."""
    decoder = decoder_of(codec, 8000)
    return [ulaw_of(decoder.decode(each.payload)) for each in packets]


PAIRS = [(one, other) for one in CODECS for other in CODECS if one != other]


@pytest.mark.parametrize(("one", "other"), PAIRS)
class TestEveryPair:
    def test_a_tone_arrives_and_no_other(self, one: str, other: str):
        need(CODECS[one], CODECS[other])
        out = through(OneWay(Side(CODECS[one]), Side(CODECS[other]), 9), humming(CODECS[one], 440))
        frames = heard(CODECS[other], out)[5:]
        assert holds_tone(frames, 440, "PCMU")
        assert not holds_tone(frames, 1004, "PCMU")

    def test_a_packet_for_a_packet_in_the_other_clock(self, one: str, other: str):
        """20 ms each: as many as came, numbered one after another, and each at once."""
        need(CODECS[one], CODECS[other])
        way = OneWay(Side(CODECS[one]), Side(CODECS[other]), 9)
        out = through(way, humming(CODECS[one], 440))
        assert len(out) == 50
        assert {each.ssrc for each in out} == {9}
        steps = {(b.sequence - a.sequence, (b.timestamp - a.timestamp) % (1 << 32)) for a, b in pairwise(out)}
        assert steps == {(1, CODECS[other].clock_rate // 50)}
        assert [each.marker for each in out[:2]] == [True, False]


class TestFrames:
    @pytest.mark.parametrize(("comes", "goes"), [(20, 60), (60, 20), (30, 20), (20, 30), (40, 10)])
    def test_packets_of_other_lengths(self, comes: int, goes: int):
        packets = humming(PCMU, 440, comes, 1200 // comes)
        out = through(OneWay(Side(PCMU), Side(PCMA, goes), 9), packets)
        assert len(out) == 1200 // goes
        assert {len(each.payload) for each in out} == {8 * goes}
        assert {(b.timestamp - a.timestamp) % (1 << 32) for a, b in pairwise(out)} == {8 * goes}
        assert holds_tone([each.payload for each in out][2:], 440, "PCMA")

    @pytest.mark.parametrize(("asked", "made"), [(20, 20), (30, 20), (60, 60), (200, 60), (5, 10), (10, 10)])
    def test_opus_has_lengths_of_its_own(self, asked: int, made: int):
        """RFC 6716 §2.1.4."""
        assert frame_of(OPUS, asked) == made

    def test_g722_against_opus_keeps_what_a_telephone_lacks(self):
        """5000 Hz pass where both sides are wide; through G.711 nothing of it would."""
        need(G722, OPUS)
        out = through(OneWay(Side(G722), Side(OPUS), 9), humming(G722, 5000))
        decoder = decoder_of(OPUS, 16000)
        samples = [each for packet in out for each in decoder.decode(packet.payload)][4000:8000]
        bins = [
            abs(sum(s * sin(2 * pi * hz * i / 16000 + p) for i, s in enumerate(samples)))
            for hz in (5000, 3000)
            for p in (0, pi / 2)
        ]
        assert max(bins[:2]) > 20 * max(bins[2:])


class TestOrder:
    @pytest.mark.parametrize(("one", "other"), [("PCMU", "PCMA"), ("OPUS", "PCMU")])
    def test_neighbours_that_changed_places_are_put_right(self, one: str, other: str):
        """They come out as if they had come in order, no sample lost."""
        need(CODECS[one])
        packets = list(humming(CODECS[one], 440))
        swapped = list(packets)
        for place in range(5, 45, 4):
            swapped[place : place + 2] = reversed(swapped[place : place + 2])
        ways = [OneWay(Side(CODECS[one]), Side(CODECS[other]), 9) for _ in range(2)]
        assert through(ways[0], swapped) == through(ways[1], packets)

    def test_what_comes_twice_or_later_still_is_left_out(self):
        packets = list(humming(PCMU, 440))
        late = packets.pop(10)
        packets[20:20] = [late, packets[19]]
        out = through(OneWay(Side(PCMU), Side(PCMA), 9), packets)
        assert len(out) == 49
        assert sorted(b.sequence - a.sequence for a, b in pairwise(out)) == [1] * 47 + [2]

    def test_another_source_begins_at_once_whatever_its_numbers(self):
        first, second = list(humming(PCMU, 440, count=10)), list(humming(PCMU, 440, count=10))
        way = OneWay(Side(PCMU), Side(PCMA), 9)
        out = through(way, [*first, *(each._replace(ssrc=6) for each in second)])
        assert len(out) == 20


class TestLosses:
    def test_what_g711_lost_stays_visible(self):
        packets = list(humming(PCMU, 440))
        del packets[10:12]
        out = through(OneWay(Side(PCMU), Side(PCMA), 9), packets)
        before, after = out[9], out[10]
        assert (after.sequence - before.sequence, (after.timestamp - before.timestamp) % (1 << 32)) == (
            3,
            480,
        )

    def test_what_opus_lost_is_repaired(self):
        """RFC 6716 §4.4: the packet after the lost one holds it once more, coarser."""
        need(OPUS)
        packets = list(humming(OPUS, 440))
        del packets[20:22]
        out = through(OneWay(Side(OPUS), Side(PCMU), 9), packets)
        assert len(out) == 50
        assert {b.sequence - a.sequence for a, b in pairwise(out)} == {1}
        assert holds_tone([each.payload for each in out[19:24]], 440, "PCMU")

    def test_late_packets_and_copies_are_left_out(self):
        packets = list(humming(PCMU, 440))
        out = through(OneWay(Side(PCMU), Side(PCMA), 9), [*packets, packets[3], packets[-1]])
        assert len(out) == 50

    def test_silence_of_a_phone_that_says_nothing_is_time_that_passes(self):
        first, second = list(humming(PCMU, 440, count=2))
        later = second._replace(timestamp=(second.timestamp + 8000) % (1 << 32))
        out = through(OneWay(Side(PCMU), Side(PCMA), 9), [first, later])
        assert (out[1].timestamp - out[0].timestamp) % (1 << 32) == 8160
        assert (out[1].sequence - out[0].sequence, out[1].marker) == (1, True)

    def test_another_stream_goes_on_where_the_last_one_ended(self):
        packets = list(humming(PCMU, 440, count=4))
        other = [each._replace(ssrc=6, sequence=9, timestamp=77) for each in packets[:1]]
        out = through(OneWay(Side(PCMU), Side(PCMA), 9), [*packets, *other])
        assert [each.sequence for each in out] == [0, 1, 2, 3, 4]
        assert 0 < (out[4].timestamp - out[3].timestamp) % (1 << 32) < 8000


class TestKeys:
    def test_a_key_passes_in_the_other_clock(self):
        need(OPUS)
        way = OneWay(Side(OPUS, event_rate=48000), Side(PCMU), 9)
        packets = list(humming(OPUS, 440, count=3))
        through(way, packets)
        last = packets[-1]
        events = [
            RtpPacket(
                EVENT,
                last.sequence + 1 + each,
                (last.timestamp + 960) % (1 << 32),
                5,
                TelephoneEvent(5, each == 2, 10, 960 * (each + 1)).encode(),
                each == 0,
            )
            for each in range(3)
        ]
        out = through(way, events)
        assert {each.payload_type for each in out} == {EVENT}
        assert len({each.timestamp for each in out}) == 1
        assert [TelephoneEvent.decode(each.payload).duration for each in out] == [160, 320, 480]
        assert [each.marker for each in out] == [True, False, False]


class TestBadInput:
    @pytest.mark.parametrize(
        "datagram", [b"", b"\x80" * 11, b"\x80\xc9" + bytes(30), b"\x80\x0d" + bytes(30)]
    )
    def test_noise_is_nothing(self, datagram: bytes):
        assert OneWay(Side(PCMU), Side(PCMA), 9).receive(datagram) == []

    def test_broken_opus_costs_its_packet(self):
        need(OPUS)
        way = OneWay(Side(OPUS), Side(PCMU), 9)
        packets = list(humming(OPUS, 440))
        packets[7] = packets[7]._replace(payload=b"\xff" * 9)
        assert len(through(way, packets)) >= 49
        with pytest.raises(MalformedPacket):
            decoder_of(OPUS, 8000).decode(b"\xff" * 9)

    def test_a_huge_packet_waits_nowhere(self):
        packets = [RtpPacket(AUDIO, 1, 0, 5, bytes(1900)), RtpPacket(AUDIO, 2, 15200, 5, bytes(1900))]
        out = through(OneWay(Side(PCMU), Side(PCMA, 60), 9), packets)
        assert sum(len(each.payload) for each in out) <= 2 * (1600 + 480)

    def test_a_codec_without_coder_is_said(self):
        with pytest.raises(LocalError, match="G729"):
            OneWay(Side(Codec("G729", 18)), Side(PCMU), 9)
