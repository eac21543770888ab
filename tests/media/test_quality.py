"""From a leg's counters to a figure for each way; and the counters that it needs."""

import pytest

from ringthru.media.quality.quality import buffered, burst_ratio, quality_of
from ringthru.media.rtp.report import LegReport, Reporter
from ringthru.media.rtp.rtcp import ReceiverReport, ReportBlock
from ringthru.media.rtp.sender import RtpSender
from ringthru.media.rtp.statistics import ReceptionStatistics
from ringthru.net.values import replace

GOOD = LegReport(
    packets_received=1000,
    packets_sent=1000,
    octets_received=160000,
    octets_sent=160000,
    dropped=0,
    lost=0,
    remote_lost=0,
    jitter_ms=1.0,
    round_trip_ms=20.0,
    ssrc=1,
    remote_ssrc=2,
    remote=None,
    mean_jitter_ms=1.0,
    remote_expected=1000,
    remote_jitter_ms=1.0,
)


class TestJudging:
    def test_a_good_call_both_ways(self):
        found = quality_of(GOOD, "PCMU")
        assert found.incoming is not None
        assert found.outgoing is not None
        assert found.incoming.mos == pytest.approx(4.37, abs=0.03)
        assert found.outgoing == found.incoming

    def test_loss_towards_us_is_not_loss_towards_them(self):
        found = quality_of(replace(GOOD, packets_received=950, lost=50, loss_runs=50), "PCMU")
        assert found.incoming.mos < 4.1 < found.outgoing.mos
        assert found.incoming.loss == pytest.approx(0.05)

    def test_what_the_peer_misses_is_the_way_out(self):
        found = quality_of(replace(GOOD, remote_lost=100), "PCMU")
        assert found.outgoing.mos < 3.6 < 4.3 < found.incoming.mos

    def test_losses_in_a_row_are_worse(self):
        alone = quality_of(replace(GOOD, packets_received=950, lost=50, loss_runs=50), "PCMU")
        in_a_row = quality_of(replace(GOOD, packets_received=950, lost=50, loss_runs=5), "PCMU")
        assert in_a_row.incoming.mos < alone.incoming.mos
        assert in_a_row.incoming.burst_ratio == pytest.approx(9.5)

    def test_a_long_way_costs_both(self):
        found = quality_of(replace(GOOD, round_trip_ms=600.0), "PCMU")
        assert found.incoming.r < 70
        assert found.outgoing.r < 70

    def test_without_rtcp_the_way_out_is_unknown_and_the_way_takes_no_time(self):
        silent = replace(GOOD, round_trip_ms=None, remote_lost=None, remote_expected=None)
        found = quality_of(silent, "PCMU")
        assert found.outgoing is None
        assert not found.incoming.delay_known
        assert found.incoming.delay == 60  # 20 ms of packet, 40 of buffer

    def test_nothing_heard_is_no_figure(self):
        assert quality_of(replace(GOOD, packets_received=24), "PCMU").incoming is None

    def test_a_codec_costs_what_it_costs(self):
        perfect = quality_of(GOOD, "PCMA").incoming
        assert quality_of(GOOD, "G729").incoming.r == pytest.approx(perfect.r - 11, abs=0.5)
        assert quality_of(GOOD, "OPUS").incoming.r == pytest.approx(perfect.r, abs=0.5)

    @pytest.mark.parametrize("lost", [-5, 10**9])
    def test_a_peer_that_lies_gets_a_figure_on_the_scale(self, lost):
        found = quality_of(replace(GOOD, remote_lost=lost, remote_jitter_ms=1e9), "PCMU")
        assert 1 <= found.outgoing.mos <= 4.5


class TestJitterBuffer:
    def test_a_steady_stream_needs_two_packets_and_loses_none(self):
        assert buffered(0).delay == 40
        assert buffered(0).late == 0

    def test_it_grows_in_whole_packets(self):
        assert buffered(10).delay == 60
        assert buffered(15).delay == 100
        assert buffered(10, 30).delay == 60

    def test_what_it_cannot_hold_is_lost(self):
        assert buffered(30).late < 0.003
        assert buffered(100).delay == 200
        assert buffered(100).late == pytest.approx(0.135, abs=0.001)


class TestBurstRatio:
    def test_loss_by_chance_is_1(self):
        assert burst_ratio(10, 9, 0.1) == 1.0
        assert burst_ratio(0, 0, 0.0) == 1.0


class TestCounters:
    """What ``ReceptionStatistics`` keeps for it."""

    def of(self, sequences, arrival=lambda index: index * 0.02):
        source = ReceptionStatistics(1, sequences[0], 8000)
        for index, sequence in enumerate(sequences):
            source.receive(sequence, sequence * 160, arrival(index))
        return source

    def test_a_gap_is_one_run_however_long(self):
        source = self.of([1, 2, 3, 7, 8, 10, 11])
        assert source.loss_runs == 2
        assert source.lost == 4

    def test_none_in_a_whole_stream_over_the_wrap(self):
        assert self.of([65533, 65534, 65535, 0, 1, 2]).loss_runs == 0

    def test_jitter_of_the_whole_call_and_its_range(self):
        def arrival(index):
            late = 0.01 if index % 2 and index >= 100 else 0.0
            return index * 0.02 + late

        source = self.of(list(range(1, 202)), arrival)
        assert source.mean_jitter_ms == pytest.approx(5, rel=0.02)  # 10 ms a step, in half of them
        least, most = source.jitter_range_ms
        assert least == 0
        assert most == pytest.approx(10, rel=0.05)

    def test_a_new_timeline_is_no_jitter(self):
        source = ReceptionStatistics(1, 1, 8000)
        for index in range(1, 50):
            source.receive(index, index * 160 + (800000 if index > 25 else 0), index * 0.02)
        assert source.mean_jitter_ms == 0


class TestWhatThePeerTells:
    """RFC 3550 §6.4: the blocks about our SSRC are how our audio arrives there."""

    def of(self, *blocks):
        sender = RtpSender(7, 1, 1)
        reporter = Reporter(sender, "us", lambda: 0.5, 0.0)
        for index in range(100):
            sender.originate(0, bytes(160), index * 0.02)
        for block in blocks:
            reporter.receive_rtcp((ReceiverReport(9, (block,)),), 2.0)
        return reporter.summary(None)

    def test_loss_is_of_what_was_sent_till_then_and_jitter_a_mean(self):
        found = self.of(ReportBlock(7, 0, 1, 90, 80), ReportBlock(7, 0, 3, 100, 240))
        assert (found.remote_lost, found.remote_expected) == (3, 100)
        assert found.remote_jitter_ms == pytest.approx(20)

    def test_a_block_about_somebody_else_tells_nothing(self):
        found = self.of(ReportBlock(8, 0, 3, 100, 240))
        assert (found.remote_lost, found.remote_expected, found.remote_jitter_ms) == (None, None, None)
