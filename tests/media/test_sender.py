"""One leg's own SSRC, sequence and timestamps, whatever feeds them."""

from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.sender import Allowance, RtpSender

AUDIO = b"\xff" * 160


def packet(sequence: int, timestamp: int | None = None, ssrc: int = 1, marker: bool = False) -> RtpPacket:
    stamp = sequence * 160 if timestamp is None else timestamp
    return RtpPacket(0, sequence % 65536, stamp % 2**32, ssrc, AUDIO, marker)


def forwarded(sender: RtpSender, *packets: RtpPacket, origin: object = "a", now: float = 0.0):
    """(sequence, timestamp) of what goes out, relative to where the sender began."""
    out = []
    for index, each in enumerate(packets):
        data = sender.forward(each, 0, each.payload, origin, now + index * 0.02)
        sent = RtpPacket.decode(data)
        assert sent.ssrc == sender.ssrc
        out.append(((sent.sequence - 500) % 65536, (sent.timestamp - 9000) % 2**32))
    return out


def sender() -> RtpSender:
    return RtpSender(ssrc=77, sequence=500, timestamp=9000)


class TestOneSource:
    def test_it_starts_where_it_was_told(self):
        assert forwarded(sender(), packet(10), packet(11), packet(12)) == [(0, 0), (1, 160), (2, 320)]

    def test_loss_keeps_its_gap_and_its_time(self):
        assert forwarded(sender(), packet(10), packet(13)) == [(0, 0), (3, 480)]

    def test_reordering_stays_reordering(self):
        assert forwarded(sender(), packet(10), packet(12), packet(11)) == [(0, 0), (2, 320), (1, 160)]

    def test_wraps(self):
        out = forwarded(sender(), packet(65535, 2**32 - 160), packet(0, 0))
        assert out == [(0, 0), (1, 160)]

    def test_the_marker_is_kept(self):
        ours = sender()
        sent = [
            RtpPacket.decode(ours.forward(each, 0, each.payload, "a", 0.0))
            for each in (packet(1), packet(2), packet(3, marker=True))
        ]
        assert [each.marker for each in sent] == [True, False, True]  # the first begins a talkspurt

    def test_a_packet_left_out_is_no_loss(self):
        ours = sender()
        forwarded(ours, packet(10))
        ours.skip(packet(11), "a")
        assert forwarded(ours, packet(12)) == [(1, 320)]


class TestChangingSources:
    def test_a_new_ssrc_goes_on_by_the_clock(self):
        ours = sender()
        forwarded(ours, packet(10), packet(11))
        assert forwarded(ours, packet(40000, 5, ssrc=2), now=0.12) == [(2, 160 + 800)]

    def test_a_jump_of_the_same_source_is_a_new_start(self):
        ours = sender()
        assert forwarded(ours, packet(10), packet(30000), now=0.0) == [(0, 0), (1, 160)]

    def test_silence_of_our_own_comes_before(self):
        ours = sender()
        for index in range(3):
            ours.originate(0, AUDIO, index * 0.0204)  # timers are late; audio time is not
        assert forwarded(ours, packet(10), now=0.06) == [(3, 320 + round((0.06 - 0.0408) * 8000))]

    def test_counters(self):
        ours = sender()
        ours.originate(0, AUDIO, 0.0)
        forwarded(ours, packet(10))
        assert (ours.packets, ours.octets) == (2, 320)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 2)), max_size=50))
def test_any_packets_make_packets(fields):
    ours = sender()
    for index, (sequence, timestamp, ssrc) in enumerate(fields):
        source = packet(sequence, timestamp, ssrc)
        RtpPacket.decode(ours.forward(source, 0, source.payload, ssrc, index * 0.02))


class TestAllowance:
    """Two echoes facing each other must not race."""

    def test_a_phone_never_meets_it(self):
        allowance = Allowance()
        assert all(allowance.take(n * 0.01) for n in range(1000))

    def test_a_flood_is_cut_to_the_rate(self):
        allowance = Allowance()
        assert sum(allowance.take(10 + n / 10000) for n in range(20000)) in range(349, 352)
