"""The media of one leg: its RTP, its RTCP, and what becomes of a packet that came in.

Lives here: who is heard, where what is heard goes, reports, counters, silence.
Never here: what leaves, and as what (``outgoing``); sockets and clocks; SDP beyond the agreed result.

Driven from outside: call any method, then send ``rtp_to_send()`` to ``rtp_target`` and
``rtcp_to_send()`` to ``rtcp_target`` (of ``sink`` too, after ``receive_rtp``) and
``replies_to_send()`` to whom each names, act on ``events()``, and sleep until ``next_timeout()``, which
packets only ever move further away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringthru.net.address import Endpoint
from ringthru.net.stun_server import looks_like_stun

from ..net.values import replace
from .errors import MalformedPacket
from .events import FirstPacket, Forged, Hungry, MediaEvent, Said, Timeout, Unexpected
from .ice import IceResponder
from .latch import RTCP_THRESHOLD, Latch, Latched
from .offer_answer import Negotiated
from .outgoing import Outgoing
from .playing import PacketTap, Sink, Speaker
from .protecting import Maker, Protection
from .report import LegReport, Reporter
from .rtcp import decode_compound, is_rtcp
from .rtp import MAX_DATAGRAM, RtpPacket
from .sender import RtpSender
from .telephone_event import KeyListener

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
        self._outgoing = Outgoing(self.sender)
        self.negotiated: Negotiated | None = None
        self.sink: Sink | None = None
        self.blocks_media = self.blocks_keys = False  # what is heard, and not passed on
        self._speaker: Speaker | None = None
        self._taps: list[PacketTap] = []
        self._reporter = Reporter(self.sender, cname, uniform, ntp_offset)
        self._timeouts = (hold_timeout, rtp_timeout)
        self._rtp_latch: Latch | None = None
        self._rtcp_latch: Latch | None = None
        self._ever_heard = False
        self._heard_at = 0.0
        self._timed_out = False
        self._told_type = self._told_forged = False
        self._make_session = make_session
        self._protection: Protection | None = None  # from the first agreement on SRTP on
        self._listener = KeyListener()
        self._responder: IceResponder | None = None
        self._replies: list[tuple[bool, bytes, Endpoint]] = []
        self._rtcp_out: list[bytes] = []
        self._events: list[MediaEvent] = []

    # What the switch decides

    def connect(self, negotiated: Negotiated, now: float, *, speak_first: bool = True) -> None:
        """Take what an offer and its answer agreed on; learning starts anew.

        Silence is sent at once, for two sides that both wait to learn the other's address
        would wait for ever; it also opens the NATs on the way. Without ``speak_first``
        nothing is sent before the peer's own packets have shown where it is.
        """
        before, self.negotiated = self.negotiated, negotiated
        if negotiated.srtp is not None and self._protection is None and self._make_session is not None:
            self._protection = Protection(self._make_session)
        if self._protection is not None:
            self._protection.agree(negotiated.srtp)
        if before is None:
            self._reporter.start(now)
        moved = before is None or before.remote_rtp != negotiated.remote_rtp
        self._outgoing.connect(negotiated, self._learn(before), now, speak_first=speak_first)
        if before is None or before.ice != negotiated.ice:
            self._responder = IceResponder(negotiated.ice) if negotiated.ice else None
        self._heard_at = now
        self._timed_out = self._told_type = self._told_forged = False
        if moved:
            self._outgoing.open(now)

    def press(self, key: str, milliseconds: int, now: float) -> bool:
        """Send one key as an RTP event; False when it is none, or events were not agreed on."""
        return self._outgoing.press(key, milliseconds, now)

    def set_sink(self, sink: Sink | None) -> None:
        """Where heard packets go: to this stream itself (echo), to another (bridge), nowhere."""
        self.sink = sink

    def set_speaker(self, speaker: Speaker | None) -> None:
        """What the leg says by itself from now on; a ``Said`` tells of its end."""
        self._speaker = speaker
        if speaker is not None:
            self._outgoing.stop_opening()

    def add_tap(self, tap: PacketTap) -> None:
        """Keep what is heard from now on in this, too."""
        self._taps.append(tap)

    def remove_tap(self, tap: PacketTap) -> None:
        if tap in self._taps:
            self._taps.remove(tap)

    def hunger(self, left: int) -> None:
        """Tell that what the leg is fed comes to its end."""
        self._events.append(Hungry(left))

    def say(self, frame: bytes, now: float, samples: int = 0) -> None:
        """Send a frame of our own, of so many samples, in the agreed codec (``Outgoing.say``)."""
        self._outgoing.say(frame, now, samples)

    def close(self, now: float) -> None:
        """Say BYE (RFC 3550 §6.3.7)."""
        if self._outgoing.speaks(self._rtcp_latch):
            self._rtcp_out.append(self._reporter.goodbye(now))
        self.sink = self._speaker = None
        self._outgoing.stop_opening()

    # What the network brings

    def receive_rtp(self, datagram: bytes, source: tuple[str, int], now: float) -> None:
        """Take one datagram of the RTP port; whatever it is, nothing is raised."""
        agreed, latch = self.negotiated, self._rtp_latch
        if len(datagram) > MAX_DATAGRAM:
            self._reporter.dropped += 1
            return
        if self._responder is not None and looks_like_stun(datagram):
            self._check(self._responder, datagram, Endpoint(*source), now, rtcp=False)
            return
        if agreed is not None and agreed.mux and is_rtcp(datagram):
            self.receive_rtcp(datagram, source, now)
            return
        opened = self._open(datagram, source, rtcp=False)
        packet = None if agreed is None or opened is None else self._read(opened, agreed, source)
        if agreed is None or latch is None or packet is None:
            self._reporter.dropped += 1
            return
        heard, learned = latch.judge(source, packet.payload_type in COMFORT_NOISE)
        if not heard and now - self._heard_at >= REBIND_SILENCE and self._reporter.continues(packet):
            heard, learned = self._follow(latch, source)
        if learned is not None:
            self._events.append(learned)
        if not heard:
            self._reporter.dropped += 1
            return
        self._reporter.receive_rtp(packet, now)
        self._hear(source, now)
        if packet.payload_type == agreed.heard_event:
            key = self._listener.hear(packet.payload, packet.timestamp, agreed.event_rate)
            if key is not None:
                self._events.append(key)
        elif packet.payload_type == agreed.heard_type:
            for tap in self._taps:
                tap.keep(agreed.codec.name, packet)
        if self.sink is not None and agreed.receives:
            self.sink.pass_on(packet, self, now)

    def receive_rtcp(self, datagram: bytes, source: tuple[str, int], now: float) -> None:
        """Take one datagram of the RTCP port; whatever it is, nothing is raised."""
        latch = self._rtcp_latch
        if self._responder is not None and looks_like_stun(datagram):
            self._check(self._responder, datagram, Endpoint(*source), now, rtcp=True)
            return
        opened = self._open(datagram, source, rtcp=True)
        try:
            packets = decode_compound(opened) if opened is not None else ()
        except MalformedPacket:
            packets = ()
        if latch is None or not packets:
            self._reporter.dropped += 1
            return
        heard, learned = latch.judge(source)
        if learned is not None:
            self._events.append(learned)
        if heard:
            self._reporter.receive_rtcp(packets, now)
        else:
            self._reporter.dropped += 1

    def pass_on(self, packet: RtpPacket, origin: MediaStream, now: float) -> None:
        """Send on what ``origin`` heard, in this leg's numbers, payload types and law."""
        self._outgoing.pass_on(packet, origin, now, own=origin is self)

    # Time

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout`` (seconds), or None before the first ``connect``."""
        if self.negotiated is None:
            return None
        times = [self._reporter.due_at, *self._outgoing.timeouts()]
        if not self._timed_out:
            times.append(self._heard_at + self._silence_limit)
        if self._speaker is not None and self._speaker.due is not None:
            times.append(self._speaker.due)
        return min(times)

    def handle_timeout(self, now: float) -> None:
        if self.negotiated is None:
            return
        self._outgoing.handle_timeout(now)
        self._speak_on(now)
        self._outgoing.keep_open(now)
        if now >= self._reporter.due_at:
            report = self._reporter.report(now)
            if self._outgoing.speaks(self._rtcp_latch):
                self._rtcp_out.append(report)
        if not self._timed_out and now >= self._heard_at + self._silence_limit:
            self._timed_out = True
            self._events.append(Timeout(now - self._heard_at))

    # Results

    @property
    def muxed(self) -> bool:
        """Whether RTCP leaves by the RTP port."""
        return self.negotiated is not None and self.negotiated.mux

    @property
    def rtp_target(self) -> Endpoint | None:
        return None if self._rtp_latch is None else self._rtp_latch.target

    @property
    def rtcp_target(self) -> Endpoint | None:
        if self.muxed:
            return self.rtp_target
        return None if self._rtcp_latch is None else self._rtcp_latch.target

    def rtp_to_send(self) -> list[bytes]:
        return self._protected(self._outgoing.to_send(), rtcp=False)

    def rtcp_to_send(self) -> list[bytes]:
        out, self._rtcp_out = self._rtcp_out, []
        return self._protected(out, rtcp=True)

    def replies_to_send(self) -> list[tuple[bool, bytes, Endpoint]]:
        """Answers to the peer's checks: whether by the RTCP port, what, and to whom."""
        out, self._replies = self._replies, []
        return out

    def events(self) -> list[MediaEvent]:
        out, self._events = self._events, []
        return out

    def report(self) -> LegReport:
        """The counters as they are."""
        report = self._reporter.summary(self.rtp_target)
        return replace(report, forged=self._protection.forged) if self._protection is not None else report

    def forget_keys(self) -> None:
        """Wipe them out: nothing is sent or heard any more."""
        if self._protection is not None:
            self._protection.agree(None)

    # Within

    @property
    def _silence_limit(self) -> float:
        return self._timeouts[self.negotiated is not None and self.negotiated.receives]

    def _learn(self, before: Negotiated | None) -> Latch:
        """Learn anew; from the address in use where the peer's SDP still names the same one.

        A re-INVITE that only refreshes the session must not send the audio back to an
        address that was found wrong. Where ICE goes on with the same credentials what was proven stays so.
        """
        agreed, rtp, rtcp = self.negotiated, self._rtp_latch, self._rtcp_latch
        assert agreed is not None
        goes_on = before is not None and before.ice is not None and before.ice == agreed.ice
        if before is None or rtp is None or before.remote_rtp != agreed.remote_rtp:
            self._rtp_latch = rtp = Latch("audio", agreed.remote_rtp)
        elif not goes_on:
            rtp.learn(rtp.target)
        if before is None or rtcp is None or before.remote_rtcp != agreed.remote_rtcp:
            self._rtcp_latch = Latch("audio RTCP", agreed.remote_rtcp, RTCP_THRESHOLD)
        elif not goes_on:
            rtcp.learn(rtcp.target)
        for latch in (rtp, self._rtcp_latch):
            if latch is not None:
                latch.fixed = not agreed.learns
        return rtp

    def _check(
        self, responder: IceResponder, datagram: bytes, source: Endpoint, now: float, *, rtcp: bool
    ) -> None:
        """Answer the peer's connectivity check; where it nominates, media goes from here on."""
        reply = responder.receive(datagram, source, now, rtcp=rtcp)
        if reply is None:
            self._reporter.dropped += 1
            return
        self._replies.append((rtcp, reply.datagram, source))
        latch = self._rtcp_latch if rtcp else self._rtp_latch
        learned = latch.nominate(source) if reply.nominated and latch is not None else None
        if learned is not None:
            self._events.append(learned)

    def _open(self, datagram: bytes, source: tuple[str, int], *, rtcp: bool) -> bytes | None:
        """What a datagram holds; None for SRTP without proof, which is no reason to believe anything."""
        protection = self._protection
        if protection is None:
            return datagram
        forged = protection.forged
        opened = protection.open(datagram, rtcp=rtcp)
        if protection.forged != forged and not self._told_forged:
            self._told_forged = True
            self._events.append(Forged(Endpoint(*source)))
        return opened

    def _protected(self, datagrams: list[bytes], *, rtcp: bool) -> list[bytes]:
        protection = self._protection
        if protection is None:
            return datagrams
        made = [protection.protect(each, rtcp=rtcp) for each in datagrams]
        return [each for each in made if each is not None]

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
        return self.blocks_keys if key else self.blocks_media

    def _follow(self, latch: Latch, source: tuple[str, int]) -> tuple[bool, Latched | None]:
        """A NAT may have given a peer that fell silent another port: the same stream goes on from there.

        Nobody who does not see the stream knows its SSRC and where its sequence has got to.
        """
        learned = latch.follow(source)
        if learned is not None and self._rtcp_latch is not None:
            self._rtcp_latch.learn(self._rtcp_latch.target)  # its RTCP has another port, too
        return learned is not None, learned

    def _hear(self, source: tuple[str, int], now: float) -> None:
        self._outgoing.heard = True
        self._heard_at = now
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
