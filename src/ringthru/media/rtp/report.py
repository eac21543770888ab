"""One leg's reception and reports: counters, RTCP timing, and the compound packets sent.

Lives here: what RFC 3550 §6 has a participant of a two-party session say, and when.
Never here: who is heard (``latch``), or what becomes of the audio (``stream``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringthru.net.address import Endpoint

from ...net.values import frozen
from .packet import RtpPacket
from .rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    encode_compound,
)
from .sender import RtpSender
from .statistics import ReceptionStatistics, middle, round_trip, to_ntp

REPORT_INTERVAL: Final = 5.0  # seconds; Tmin of §6.2, which governs with two parties
COMPENSATION: Final = 1.21828  # e − 3/2, for the randomisation of §6.3.1


@frozen
class LegReport:
    """What a leg sent and heard. Octets are of payload; ``lost`` is what we missed,
    ``remote_lost`` what the peer says it missed; ``remote`` is where we send."""

    packets_received: int
    packets_sent: int
    octets_received: int
    octets_sent: int
    dropped: int  # datagrams of strangers, of no agreed type, or no RTP at all
    lost: int
    remote_lost: int | None
    jitter_ms: float
    round_trip_ms: float | None
    ssrc: int
    remote_ssrc: int | None
    remote: Endpoint | None
    # For the figure of the quality; jitter is of the SSRC that is heard last
    loss_runs: int = 0  # gaps in what came
    mean_jitter_ms: float = 0.0
    least_jitter_ms: float = 0.0
    most_jitter_ms: float = 0.0
    remote_expected: int | None = None  # packets that we had sent when the peer told its loss last
    remote_jitter_ms: float | None = None  # the mean of what the peer told
    forged: int = 0  # of those dropped, SRTP of somebody without the key


class Reporter:
    """Counts what is heard and sent, and makes the reports of it; ``source`` is who is heard now."""

    def __init__(
        self, sender: RtpSender, cname: str, uniform: Callable[[], float], ntp_offset: float
    ) -> None:
        self.dropped = 0
        self.due_at = 0.0
        self._sender = sender
        self._cname = cname
        self._uniform = uniform
        self._ntp_offset = ntp_offset
        self.source: ReceptionStatistics | None = None
        self._packets = self._octets = 0
        self._lost_before = self._runs_before = 0  # with earlier SSRCs
        self._remote_lost: int | None = None
        self._remote_expected: int | None = None
        self._remote_jitter = self._remote_reports = 0  # a sum, in timestamp units, and of how many
        self._round_trip: float | None = None
        self._sent_before = (0, 0)  # packets sent at the last two reports
        self._heard_since = False

    def start(self, now: float) -> None:
        """The first report comes after half an interval (§6.2)."""
        self.due_at = now + self._interval() / 2

    def receive_rtp(self, packet: RtpPacket, now: float) -> None:
        source = self.source
        if source is None or source.ssrc != packet.ssrc:
            if source is not None:
                self._lost_before += source.lost
                self._runs_before += source.loss_runs
            source = ReceptionStatistics(packet.ssrc, packet.sequence, self._sender.clock_rate)
            self.source = source
        # A source on probation is heard all the same: the latch has judged it already.
        source.receive(packet.sequence, packet.timestamp, now)
        self._packets += 1
        self._octets += len(packet.payload)
        self._heard_since = True

    def receive_next(self, octets: int, timestamp: int, now: float) -> None:
        """``receive_rtp`` for so much payload of ``source``, right after its last packet."""
        assert self.source is not None
        self.source.receive_next(timestamp, now)
        self._packets += 1
        self._octets += octets
        self._heard_since = True

    def continues(self, packet: RtpPacket) -> bool:
        """Whether a packet is the next, or nearly, of the source that is heard."""
        source = self.source
        return source is not None and source.ssrc == packet.ssrc and source.continues(packet.sequence)

    def receive_rtcp(self, packets: tuple[RtcpPacket, ...], now: float) -> None:
        """Take the packets of one valid compound."""
        for packet in packets:
            if isinstance(packet, SenderReport):
                if self.source is not None and packet.ssrc == self.source.ssrc:
                    self.source.hear_sender_report(packet.ntp, now)
                self._hear_blocks(packet.reports, now)
            elif isinstance(packet, ReceiverReport):
                self._hear_blocks(packet.reports, now)

    def report(self, now: float) -> bytes:
        """A compound for now; the next is due an interval later."""
        self.due_at = now + self._interval()
        return encode_compound(self._packets_for(now))

    def goodbye(self, now: float) -> bytes:
        """The last compound: a report and BYE."""
        return encode_compound([*self._packets_for(now), Goodbye((self._sender.ssrc,))])

    def summary(self, remote: Endpoint | None) -> LegReport:
        source = self.source
        least, most = source.jitter_range_ms if source else (0.0, 0.0)
        return LegReport(
            packets_received=self._packets,
            packets_sent=self._sender.packets,
            octets_received=self._octets,
            octets_sent=self._sender.octets,
            dropped=self.dropped,
            lost=max(self._lost_before + (source.lost if source else 0), 0),
            remote_lost=self._remote_lost,
            jitter_ms=source.jitter_ms if source else 0.0,
            round_trip_ms=None if self._round_trip is None else self._round_trip * 1000,
            ssrc=self._sender.ssrc,
            remote_ssrc=source.ssrc if source else None,
            remote=remote,
            loss_runs=self._runs_before + (source.loss_runs if source else 0),
            mean_jitter_ms=source.mean_jitter_ms if source else 0.0,
            least_jitter_ms=least,
            most_jitter_ms=most,
            remote_expected=self._remote_expected,
            remote_jitter_ms=self._mean_remote_jitter(),
        )

    def _mean_remote_jitter(self) -> float | None:
        if not self._remote_reports:
            return None
        return self._remote_jitter / self._remote_reports * 1000 / self._sender.clock_rate

    def _interval(self) -> float:
        return REPORT_INTERVAL * (0.5 + self._uniform()) / COMPENSATION

    def _ntp(self, now: float) -> int:
        return to_ntp(now + self._ntp_offset)

    def _packets_for(self, now: float) -> list[RtcpPacket]:
        sender = self._sender
        blocks: tuple[ReportBlock, ...] = ()
        if self.source is not None and self._heard_since:
            blocks = (self.source.report(now),)
            self._heard_since = False
        first: RtcpPacket = ReceiverReport(sender.ssrc, blocks)
        if sender.packets > self._sent_before[0]:  # we spoke since the last but one (§6.4)
            timestamp = sender.timestamp_at(now)
            first = SenderReport(
                sender.ssrc,
                self._ntp(now),
                timestamp,
                sender.packets & 0xFFFFFFFF,
                sender.octets & 0xFFFFFFFF,
                blocks,
            )
        self._sent_before = (self._sent_before[1], sender.packets)
        return [first, SourceDescription(sender.ssrc, self._cname)]

    def _hear_blocks(self, blocks: tuple[ReportBlock, ...], now: float) -> None:
        for block in blocks:
            if block.ssrc != self._sender.ssrc:
                continue
            self._remote_lost = block.lost
            self._remote_expected = self._sender.packets
            self._remote_jitter += block.jitter
            self._remote_reports += 1
            if block.last_sr:
                found = round_trip(middle(self._ntp(now)), block.last_sr, block.delay)
                self._round_trip = self._round_trip if found is None else found
