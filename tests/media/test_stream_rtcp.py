"""Reports and silence of one leg's stream, and RTCP at the port of RTP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.events import Timeout
from ringthru.media.leg.stream import MediaStream
from ringthru.media.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    decode_compound,
    encode_compound,
)
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

from .one_leg import AGREED, PEER, PEER_RTCP, echoing, rtp, stream


class TestReports:
    """RFC 3550 §6, with the randomness in the middle: every 5 s / 1.21828."""

    INTERVAL = 5 / 1.21828

    def test_the_first_after_half_an_interval_then_whole_ones(self):
        ours, times = echoing(), []
        while (now := ours.next_timeout()) < 15:
            ours.handle_timeout(now)
            times += [now] * len(ours.rtcp_to_send())
        assert times == pytest.approx([self.INTERVAL * (n + 0.5) for n in range(4)])

    def report(self, ours: MediaStream, now: float):
        ours.handle_timeout(now)
        (datagram,) = ours.rtcp_to_send()
        return decode_compound(datagram)

    def test_who_speaks_sends_a_sender_report(self):
        ours = echoing()
        for n in range(20):
            ours.receive_rtp(rtp(n), PEER, n * 0.02)
        first, name = self.report(ours, 3.0)
        assert isinstance(first, SenderReport)
        assert (first.ssrc, first.packets, first.octets) == (77, 21, 21 * 160)
        assert first.ntp == 3 << 32
        assert [(b.ssrc, b.highest_sequence, b.lost) for b in first.reports] == [(5, 19, 0)]
        assert name == SourceDescription(77, "us")

    def test_who_only_listens_sends_a_receiver_report(self):
        ours = stream(replace(AGREED, direction="recvonly"))
        for n in range(20):
            ours.receive_rtp(rtp(n), PEER, n * 0.02)
        assert isinstance(self.report(ours, 3.0)[0], ReceiverReport)

    def test_a_source_that_fell_silent_is_not_reported_again(self):
        ours = echoing()
        ours.receive_rtp(rtp(1), PEER, 1.0)
        assert len(self.report(ours, 3.0)[0].reports) == 1
        assert len(self.report(ours, 9.0)[0].reports) == 0

    def test_the_round_trip_is_measured(self):
        ours = echoing()
        (first, _) = self.report(ours, 3.0)
        block = ReportBlock(77, 0, 4, 0, 0, first.ntp >> 16 & 0xFFFFFFFF, 65536)
        ours.receive_rtcp(encode_compound([ReceiverReport(5, (block,))]), PEER_RTCP, 4.25)
        assert ours.report().round_trip_ms == pytest.approx(250)
        assert ours.report().remote_lost == 4

    def test_a_block_about_another_is_none_of_ours(self):
        ours = echoing()
        block = ReportBlock(78, 0, 4, 0, 0, 1, 0)
        ours.receive_rtcp(encode_compound([ReceiverReport(5, (block,))]), PEER_RTCP, 4.25)
        assert (ours.report().round_trip_ms, ours.report().remote_lost) == (None, None)

    def test_goodbye(self):
        ours = echoing()
        ours.close(1.0)
        (datagram,) = ours.rtcp_to_send()
        assert decode_compound(datagram)[-1] == Goodbye((77,))

    def test_a_held_peer_without_address_gets_no_reports(self):
        held = replace(AGREED, remote_rtp=Endpoint("0.0.0.0", 1), remote_rtcp=Endpoint("0.0.0.0", 2))
        ours = stream(held)
        ours.handle_timeout(10.0)
        ours.close(11.0)
        assert ours.rtcp_to_send() == []

    def test_loss_counts_over_a_change_of_ssrc(self):
        ours = echoing()
        for sequence, ssrc in ((1, 5), (2, 5), (5, 5), (100, 6), (101, 6), (103, 6)):
            ours.receive_rtp(rtp(sequence, ssrc=ssrc), PEER, 1.0)
        report = ours.report()
        assert (report.lost, report.packets_received, report.remote_ssrc) == (3, 6, 6)


class TestSilence:
    def run(self, ours: MediaStream, until: float) -> list[object]:
        events = []
        while (now := ours.next_timeout()) <= until:
            ours.handle_timeout(now)
            ours.rtp_to_send(), ours.rtcp_to_send()
            events += [(round(now), each) for each in ours.events()]
        return events

    def test_three_hundred_seconds_then_it_is_said_once(self):
        assert self.run(stream(), 1000) == [(300, Timeout(300.0))]

    def test_a_packet_begins_the_count_anew(self):
        ours = stream()
        self.run(ours, 200)
        ours.receive_rtp(rtp(1), PEER, 200.0)
        ours.events()
        assert self.run(ours, 1000) == [(500, Timeout(300.0))]

    @pytest.mark.parametrize("direction", ["sendonly", "recvonly", "inactive"])
    def test_a_call_on_hold_may_be_silent_for_longer(self, direction):
        """Whoever holds: a phone that does so, without music of its own, sends nothing (our ``recvonly``)."""
        assert self.run(stream(replace(AGREED, direction=direction)), 2000) == [(1800, Timeout(1800.0))]


class TestOnePortForBoth:
    """RFC 5761: RTCP on the RTP port, where the peer offers it."""

    def test_a_report_that_comes_to_the_rtp_port_is_read(self):
        ours = stream(replace(AGREED, remote_rtcp=PEER, mux=True))
        ours.receive_rtp(EMPTY_REPORT, PEER, 1.0)
        assert ours.report().dropped == 0
        assert ours.rtcp_target == ours.rtp_target == PEER

    def test_without_it_such_a_packet_is_no_audio(self):
        ours = stream()
        ours.receive_rtp(EMPTY_REPORT, PEER, 1.0)
        assert ours.report().dropped == 1
        assert ours.rtcp_target == PEER_RTCP

    @given(st.binary(max_size=40))
    def test_anything(self, datagram):
        ours = stream(replace(AGREED, remote_rtcp=PEER, mux=True))
        ours.receive_rtp(datagram, PEER, 1.0)


EMPTY_REPORT = b"\x80\xc9\x00\x01\x00\x00\x00\x07"  # a receiver report without a block
