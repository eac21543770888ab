"""The media of one leg: its RTP, its RTCP, and what becomes of a packet that came in.

Lives here: who is heard, where what is heard goes, reports, counters, silence.
Never here: what leaves, and as what (``outgoing``); sockets and clocks; SDP beyond the agreed result.

Driven from outside: offer each datagram of the RTP port to ``way``, and what it does not take to
``receive_rtp``. After any other method send ``rtp_to_send()`` to ``rtp_target`` and
``rtcp_to_send()`` to ``rtcp_target`` (of ``sink`` too, after ``receive_rtp``) and
``replies_to_send()`` to whom each names, act on ``events()``, and sleep until ``next_timeout()``, which
packets only ever move further away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringthru.net.address import Endpoint

from ...net.values import replace
from ..description.offer_answer import Negotiated
from ..errors import MalformedPacket
from ..events import FirstPacket, Hungry, MediaEvent, Said, Timeout, Unexpected
from ..rtp.latch import Latch
from ..rtp.packet import MAX_DATAGRAM, RtpPacket
from ..rtp.report import LegReport, Reporter
from ..rtp.rtcp import decode_compound, is_rtcp
from ..rtp.sender import RtpSender
from ..rtp.telephone_event import KeyListener
from .outgoing import Outgoing
from .peer import Peer
from .playing import PacketTap, Sink, Speaker
from .protecting import Maker
from .short_way import ShortWay

COMFORT_NOISE: Final = frozenset((13, 19))  # RFC 3389, and its number before
RTP_TIMEOUT: Final = 300.0  # seconds; FreeSWITCH's rtp-timeout-sec
HOLD_TIMEOUT: Final = 1800.0  # seconds; its rtp-hold-timeout-sec
REBIND_SILENCE: Final = 0.5  # seconds without the peer, after which its stream may come from elsewhere


class MediaStream:
    """One leg's stream.

    ``ssrc`` (32 bits), ``sequence`` (16) and ``timestamp`` (32) start at random (RFC 3550
    §5.1); ``cname`` names us in RTCP (RFC 7022); ``uniform`` gives numbers in [0, 1);
    ``ntp_offset`` is what makes ``now`` seconds since 1900; ``make_session`` is who has ciphers for SRTP.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        sequence: int,
        timestamp: int,
        cname: str,
        uniform: Callable[[], float],
        ntp_offset: float = 0.0,
        rtp_timeout: float = RTP_TIMEOUT,
        hold_timeout: float = HOLD_TIMEOUT,
        make_session: Maker | None = None,
    ) -> None:
        self.sender = RtpSender(ssrc, sequence, timestamp)
        self.outgoing = Outgoing(self.sender)
        self.negotiated: Negotiated | None = None
        self.sink: Sink | None = None
        self._blocks_media = self._blocks_keys = False  # what is heard, and not passed on
        self._speaker: Speaker | None = None
        self._taps: list[PacketTap] = []
        self.reporter = Reporter(self.sender, cname, uniform, ntp_offset)
        self._timeouts = (hold_timeout, rtp_timeout)
        self._ever_heard = False
        self.heard_at = 0.0
        self._timed_out = False
        self._told_type = False
        self._listener = KeyListener()
        self._rtcp_out: list[bytes] = []
        self._events: list[MediaEvent] = []
        self.peer = Peer(self._events, make_session)
        self.changes = 0  # how often something happened that a ``way`` from here or to here may not outlive
        self._passed_from: MediaStream | None = None
        self.way: ShortWay | None = None  # of the packet after the last one that was heard

    # What the switch decides

    def connect(self, negotiated: Negotiated, now: float, *, speak_first: bool = True) -> None:
        """Take what an offer and its answer agreed on; learning starts anew.

        Silence is sent at once, for two sides that both wait to learn the other's address
        would wait for ever; it also opens the NATs on the way. Without ``speak_first``
        nothing is sent before the peer's own packets have shown where it is.
        """
        before, self.negotiated = self.negotiated, negotiated
        self.changes += 1
        if before is None:
            self.reporter.start(now)
        moved = before is None or before.remote_rtp != negotiated.remote_rtp
        latch = self.peer.agree(negotiated, before)
        self.outgoing.connect(negotiated, latch, now, speak_first=speak_first)
        self.heard_at = now
        self._timed_out = self._told_type = False
        if moved:
            self.outgoing.open(now)

    def press(self, key: str, milliseconds: int, now: float) -> bool:
        """Send one key as an RTP event; False when it is none, or events were not agreed on."""
        self.changes += 1
        return self.outgoing.press(key, milliseconds, now)

    def set_sink(self, sink: Sink | None) -> None:
        """Where heard packets go: to this stream itself (echo), to another (bridge), nowhere."""
        self.changes += 1
        self.sink = sink

    def set_speaker(self, speaker: Speaker | None) -> None:
        """What the leg says by itself from now on; a ``Said`` tells of its end."""
        self._speaker = speaker
        if speaker is not None:
            self.outgoing.stop_opening()

    def add_tap(self, tap: PacketTap) -> None:
        """Keep what is heard from now on in this, too."""
        self.changes += 1
        self._taps.append(tap)

    def remove_tap(self, tap: PacketTap) -> None:
        if tap in self._taps:
            self._taps.remove(tap)

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        """Pass on no audio, or no RTP events, of what is heard; None leaves that as it is."""
        self.changes += 1
        self._blocks_media = self._blocks_media if media is None else media
        self._blocks_keys = self._blocks_keys if keys is None else keys

    def hunger(self, left: int) -> None:
        """Tell that what the leg is fed comes to its end."""
        self._events.append(Hungry(left))

    def say(self, frame: bytes, now: float, samples: int = 0) -> None:
        """Send a frame of our own, of so many samples, in the agreed codec (``Outgoing.say``)."""
        self.changes += 1
        self.outgoing.say(frame, now, samples)

    def close(self, now: float) -> None:
        """Say BYE (RFC 3550 §6.3.7)."""
        self.changes += 1
        if self.outgoing.speaks(self.peer.rtcp):
            self._rtcp_out.append(self.reporter.goodbye(now))
        self.sink = self._speaker = None
        self.outgoing.stop_opening()

    # What the network brings

    def receive_rtp(self, datagram: bytes, source: tuple[str, int], now: float) -> None:
        """Take one datagram of the RTP port; whatever it is, nothing is raised."""
        agreed, latch = self.negotiated, self.peer.rtp
        if len(datagram) > MAX_DATAGRAM:
            self.reporter.dropped += 1
            return
        if self.peer.is_check(datagram):
            self._check(datagram, source, now, rtcp=False)
            return
        if agreed is not None and agreed.mux and is_rtcp(datagram):
            self.receive_rtcp(datagram, source, now)
            return
        opened = self.peer.open(datagram, source, rtcp=False)
        packet = None if agreed is None or opened is None else self._read(opened, agreed, source)
        if (
            agreed is None
            or latch is None
            or packet is None
            or not self._believes(latch, packet, source, now)
        ):
            self.reporter.dropped += 1
            return
        self.reporter.receive_rtp(packet, now)
        self._hear(source, now)
        self._use(packet, agreed, now)

    def _believes(self, latch: Latch, packet: RtpPacket, source: tuple[str, int], now: float) -> bool:
        """Whether a packet is heard, for where it comes from; what is learned of that is told."""
        heard, learned = latch.judge(source, packet.payload_type in COMFORT_NOISE)
        if not heard and now - self.heard_at >= REBIND_SILENCE and self.reporter.continues(packet):
            heard, learned = self.peer.follow(latch, source)
        if learned is not None:
            self.changes += 1
            self._events.append(learned)
        return heard

    def _use(self, packet: RtpPacket, agreed: Negotiated, now: float) -> None:
        """Tell a key, keep audio for who listens, and pass on what is passed on."""
        if packet.payload_type == agreed.heard_event:
            key = self._listener.hear(packet.payload, packet.timestamp, agreed.event_rate)
            if key is not None:
                self._events.append(key)
        elif packet.payload_type == agreed.heard_type:
            for tap in self._taps:
                tap.keep(agreed.codec.name, packet)
        if self.sink is not None and agreed.receives:
            self.sink.pass_on(packet, self, now)
            if isinstance(self.sink, MediaStream):
                self.way = ShortWay.find(self, self.sink, packet)

    def receive_rtcp(self, datagram: bytes, source: tuple[str, int], now: float) -> None:
        """Take one datagram of the RTCP port; whatever it is, nothing is raised."""
        latch = self.peer.rtcp
        if self.peer.is_check(datagram):
            self._check(datagram, source, now, rtcp=True)
            return
        opened = self.peer.open(datagram, source, rtcp=True)
        try:
            packets = decode_compound(opened) if opened is not None else ()
        except MalformedPacket:
            packets = ()
        if latch is None or not packets:
            self.reporter.dropped += 1
            return
        heard, learned = latch.judge(source)
        if learned is not None:
            self._events.append(learned)
        if heard:
            self.reporter.receive_rtcp(packets, now)
        else:
            self.reporter.dropped += 1

    def pass_on(self, packet: RtpPacket, origin: MediaStream, now: float) -> None:
        """Send on what ``origin`` heard, in this leg's numbers, payload types and law."""
        if origin is not self._passed_from:
            self.changes += 1
            self._passed_from = origin
        self.outgoing.pass_on(packet, origin, now, own=origin is self)

    @property
    def hears_plainly(self) -> bool:
        """Whether audio is only passed on: nothing is learned of it, kept, kept back, or opened."""
        latch = self.peer.rtp
        learning = latch is None or latch.learning
        return not (learning or self._taps or self._blocks_media or self.peer.protection is not None)

    # Time

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout`` (seconds), or None before the first ``connect``."""
        if self.negotiated is None:
            return None
        times = [self.reporter.due_at, *self.outgoing.timeouts()]
        if not self._timed_out:
            times.append(self.heard_at + self._silence_limit)
        if self._speaker is not None and self._speaker.due is not None:
            times.append(self._speaker.due)
        return min(times)

    def handle_timeout(self, now: float) -> None:
        if self.negotiated is None:
            return
        self.changes += 1
        self.outgoing.handle_timeout(now)
        self._speak_on(now)
        self.outgoing.keep_open(now)
        if now >= self.reporter.due_at:
            report = self.reporter.report(now)
            if self.outgoing.speaks(self.peer.rtcp):
                self._rtcp_out.append(report)
        if not self._timed_out and now >= self.heard_at + self._silence_limit:
            self._timed_out = True
            self._events.append(Timeout(now - self.heard_at))

    # Results

    @property
    def muxed(self) -> bool:
        """Whether RTCP leaves by the RTP port."""
        return self.negotiated is not None and self.negotiated.mux

    @property
    def rtp_target(self) -> Endpoint | None:
        return None if self.peer.rtp is None else self.peer.rtp.target

    @property
    def rtcp_target(self) -> Endpoint | None:
        if self.muxed:
            return self.rtp_target
        return None if self.peer.rtcp is None else self.peer.rtcp.target

    def rtp_to_send(self) -> list[bytes]:
        return self.peer.protected(self.outgoing.to_send(), rtcp=False)

    def rtcp_to_send(self) -> list[bytes]:
        out, self._rtcp_out = self._rtcp_out, []
        return self.peer.protected(out, rtcp=True)

    def replies_to_send(self) -> list[tuple[bool, bytes, Endpoint]]:
        """Answers to the peer's checks: whether by the RTCP port, what, and to whom."""
        return self.peer.replies_to_send()

    def events(self) -> list[MediaEvent]:
        if not self._events:
            return []
        out = self._events[:]
        self._events.clear()
        return out

    def report(self) -> LegReport:
        """The counters as they are."""
        report = self.reporter.summary(self.rtp_target)
        protection = self.peer.protection
        return replace(report, forged=protection.forged) if protection is not None else report

    def forget_keys(self) -> None:
        """Wipe them out: nothing is sent or heard any more."""
        self.peer.forget_keys()

    # Within

    @property
    def _silence_limit(self) -> float:
        return self._timeouts[self.negotiated is not None and self.negotiated.both_ways]

    def _check(self, datagram: bytes, source: tuple[str, int], now: float, *, rtcp: bool) -> None:
        self.changes += 1
        self.reporter.dropped += not self.peer.check(datagram, Endpoint(*source), now, rtcp=rtcp)

    def _speak_on(self, now: float) -> None:
        if self._speaker is None:
            return
        self._speaker.run(now)
        if self._speaker is not None and self._speaker.due is None:
            self._speaker = None
            self._events.append(Said())

    def blocks(self, packet: RtpPacket) -> bool:
        """Whether this packet of the peer is kept from the other side."""
        agreed = self.negotiated
        key = agreed is not None and packet.payload_type == agreed.heard_event
        return self._blocks_keys if key else self._blocks_media

    def _hear(self, source: tuple[str, int], now: float) -> None:
        self.outgoing.heard = True
        self.heard_at = now
        self._timed_out = False
        if not self._ever_heard:
            self._ever_heard = True
            self._events.append(FirstPacket(Endpoint(*source)))

    def _read(self, datagram: bytes, agreed: Negotiated, source: tuple[str, int]) -> RtpPacket | None:
        """The packet, if it is one of a payload type that may come; no other may move the latch."""
        try:
            packet = RtpPacket.decode(datagram)
        except MalformedPacket:
            return None
        kind = packet.payload_type
        if kind == agreed.heard_type or kind == agreed.heard_event or kind in COMFORT_NOISE:
            return packet
        if not self._told_type:
            self._told_type = True
            self._events.append(Unexpected(kind, Endpoint(*source)))
        return None
