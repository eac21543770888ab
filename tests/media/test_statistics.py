"""RFC 3550 §A.1, §A.3 and §A.8 against values computed by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.rtp.statistics import ReceptionStatistics, middle, round_trip, to_ntp


def heard(*sequences: int) -> ReceptionStatistics:
    """A source whose packets came in this order, perfectly timed."""
    source = ReceptionStatistics(7, sequences[0], 8000)
    for sequence in sequences:
        source.receive(sequence, sequence * 160, sequence * 0.02)
    return source


class TestSequence:
    """§A.1. The first packet is on probation; the run begins with the second."""

    def test_a_source_is_believed_after_two_packets_in_a_row(self):
        source = ReceptionStatistics(7, 10, 8000)
        assert [source.receive(n, 0, 0.0) for n in (10, 12, 13, 14)] == [False, False, True, True]
        assert (source.received, source.expected) == (2, 2)

    def test_the_number_wraps(self):
        source = heard(65533, 65534, 65535, 0, 1)
        assert source.extended_highest == 65536 + 1
        assert (source.expected, source.lost) == (4, 0)

    def test_a_late_packet_is_counted_and_moves_nothing(self):
        source = heard(1, 2, 3, 5, 4, 6)
        assert (source.extended_highest, source.lost) == (6, 0)

    def test_one_wild_number_is_not_believed_two_in_a_row_are(self):
        source = heard(1, 2, 3)
        assert not source.receive(30000, 0, 0.0)
        assert source.receive(4, 0, 0.0)
        assert not source.receive(40000, 0, 0.0)
        assert source.receive(40001, 0, 0.0)
        assert source.extended_highest == 40001


class TestLoss:
    """§A.3."""

    def test_expected_less_received(self):
        source = heard(1, 2, 3, 6, 7)  # 2…7 expected: 6; received 2, 3, 6, 7
        assert (source.expected, source.received, source.lost) == (6, 4, 2)

    def test_the_fraction_is_of_the_interval_and_in_256ths(self):
        source = heard(1, 2, 3, 6, 7)
        block = source.report(1.0)
        assert (block.fraction_lost, block.lost, block.highest_sequence) == (2 * 256 // 6, 2, 7)
        for sequence in (8, 9, 10, 12):  # 8…12 expected: 5; one lost
            source.receive(sequence, 0, 0.0)
        block = source.report(2.0)
        assert (block.fraction_lost, block.lost) == (256 // 5, 3)

    def test_duplicates_make_the_total_negative_and_the_fraction_nothing(self):
        block = heard(1, 2, 2, 2, 3).report(1.0)
        assert (block.fraction_lost, block.lost) == (0, -2)

    def test_an_empty_interval_divides_by_nothing(self):
        source = heard(1, 2)
        source.report(1.0)
        assert source.report(2.0).fraction_lost == 0

    @given(st.lists(st.integers(0, 65535), min_size=1, max_size=300))
    def test_any_order_of_any_numbers_gives_a_block_that_fits_its_fields(self, sequences):
        block = heard(*sequences).report(1.0)
        block.encode()
        assert 0 <= block.fraction_lost <= 255


class TestJitter:
    """§A.8: J += (|D| − J) / 16."""

    def test_perfect_timing_has_none(self):
        assert heard(*range(50)).jitter == 0

    def test_by_hand(self):
        source = ReceptionStatistics(7, 0, 8000)
        # Timestamps every 160; arrivals in timestamp units: 0, 160, 400, 480.
        for sequence, arrival in enumerate((0, 160, 400, 480)):
            source.receive(sequence, sequence * 160, arrival / 8000 + 1e-9)
        # Packet 0 is on probation. D = +80, then −80; scaled by 16: 80, then 80 + 80 − (88 >> 4) = 155.
        assert source.jitter == 155 >> 4 == 9
        assert source.jitter_ms == pytest.approx(155 / 16 / 8)

    def test_the_timestamp_may_wrap(self):
        source = ReceptionStatistics(7, 0, 8000)
        for n in range(10):
            source.receive(n, (2**32 - 480 + n * 160) % 2**32, 5 + n * 0.02 + 1e-9)
        assert source.jitter == 0


class TestRoundTrip:
    """The worked example of §6.4.1, figure 2."""

    def test_the_figures_of_the_rfc(self):
        # A = 46864.500 s, LSR = 46853.125 s, DLSR = 5.250 s.
        assert round_trip(0xB7108000, 0xB7052000, 0x00054000) == pytest.approx(6.125)

    def test_a_delay_slightly_longer_than_the_trip_is_no_time_at_all(self):
        assert round_trip(1000, 900, 200) == 0.0

    def test_nonsense_is_no_round_trip(self):
        assert round_trip(0, 0x70000000, 0) is None
        assert round_trip(0x70000000, 1, 0) is None

    def test_the_middle_of_an_ntp_time(self):
        assert middle(to_ntp(1.5)) == 0x00018000

    def test_lsr_and_dlsr_say_when_the_last_report_came(self):
        source = heard(1, 2)
        source.hear_sender_report(0x1111_2222_3333_4444, 10.0)
        block = source.report(11.5)
        assert (block.last_sr, block.delay) == (0x22223333, 98304)
