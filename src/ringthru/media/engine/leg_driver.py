"""One leg of the media engine of this process: two sockets around a stream.

Lives here: what is read and written, and when. Never here: rules about media (``leg/stream``), or what all
legs share (``driver``).
"""

from __future__ import annotations

import logging
import os
import random
import time
from binascii import b2a_base64
from struct import Struct
from typing import TYPE_CHECKING, Final

from ringthru.net.address import Endpoint

from ..description.offer_answer import Negotiated
from ..interface import Leg
from ..leg.libsrtp import make_session
from ..leg.playing import FedPlayer, LateEcho, PacketTap, Player, Speaker
from ..leg.stream import MediaStream
from ..rtp.packet import MAX_DATAGRAM
from ..rtp.report import LegReport
from ..rtp.statistics import NTP_UNIX_OFFSET
from ..sound.sounds import Sound
from .pair_driver import PortPair, send_all
from .telling import Listened

if TYPE_CHECKING:
    from .driver import MediaEngine

log = logging.getLogger(__name__)

RANDOM: Final = Struct("!IIH12s")  # what a stream begins with, in one look at the system's random numbers


class MediaLeg(Listened):
    """One side of a call: connect it, and let it echo or bridge it to another."""

    def __init__(
        self,
        engine: MediaEngine,
        pair: PortPair,
        name: str,
        rtp_timeout: float,
        hold_timeout: float,
    ) -> None:
        super().__init__(name)
        self.local = Endpoint(pair.host, pair.rtp_port)
        self._engine = engine
        self._pair = pair
        self._rtp, self._rtcp = pair.sockets
        self._due = self._on_timer  # one object, by which the timers know it
        self._other: MediaLeg | None = None
        self._closed = False
        ssrc, timestamp, sequence, cname = RANDOM.unpack(os.urandom(RANDOM.size))
        self._stream = MediaStream(
            ssrc=ssrc,
            sequence=sequence & 0x7FFF,  # the lower half, so that it cannot wrap at once
            timestamp=timestamp,
            cname=b2a_base64(cname, newline=False).decode(),  # 96 random bits (RFC 7022 §4.2)
            uniform=random.random,
            ntp_offset=time.time() - time.monotonic() + NTP_UNIX_OFFSET,
            rtp_timeout=rtp_timeout,
            hold_timeout=hold_timeout,
            make_session=make_session,
        )
        self._buffer, self._view = engine.buffer, engine.view
        engine.packets.watch(self._rtp.fileno(), self._on_rtp)
        engine.packets.watch(self._rtcp.fileno(), self._on_rtcp)

    def connect(self, negotiated: Negotiated, *, speak_first: bool = True) -> None:
        """Send to and hear the peer of this agreement; a new one starts the learning anew.

        Without ``speak_first`` nothing is sent before the peer was heard.
        """
        if not self._closed:
            self._stream.connect(negotiated, time.monotonic(), speak_first=speak_first)
            self._pump()
            self._arm()

    def press(self, key: str, milliseconds: int) -> bool:
        """Send one key as an RTP event (RFC 4733); False when the peer did not agree to events."""
        if self._closed:
            return False
        pressed = self._stream.press(key, milliseconds, time.monotonic())
        self._pump()
        self._arm()
        return pressed

    def echo(self, on: bool = True) -> None:
        """Return to the peer what it says; ends a bridge."""
        self.unbridge()
        self._stream.set_speaker(None)
        self._stream.set_sink(self._stream if on and not self._closed else None)

    def delay_echo(self, delay: float) -> None:
        """Return to the peer what it says, ``delay`` seconds later; ends a bridge."""
        self.unbridge()
        if not self._closed:
            echo = LateEcho(self._stream, delay, time.monotonic())
            self._stream.set_sink(echo)
            self._speak(echo)

    def play(self, sound: Sound) -> None:
        """Say a sound; a ``Said`` event tells of its end. Before ``connect`` there is nobody to hear it."""
        agreed = self._stream.negotiated
        if agreed is not None and not self._closed:
            size = agreed.codec.clock_rate // 50
            self._speak(Player(self._stream, sound.frames(agreed.codec.name, size), time.monotonic()))

    def hush(self) -> None:
        """Say no more by ourselves."""
        self._stream.set_speaker(None)

    def feed(self) -> FedPlayer:
        """Say frames that are written little by little; ``Hungry`` asks for more."""
        fed = FedPlayer(self._stream, time.monotonic())
        if not self._closed and self._stream.negotiated is not None:
            self._speak(fed)
        return fed

    def tap(self) -> PacketTap:
        """Keep what the peer says from now on, beside what becomes of it."""
        tap = PacketTap(self._stream.remove_tap)
        self._stream.add_tap(tap)
        return tap

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        """Keep the peer's audio, or its RTP events, from the other leg; None leaves that as it is."""
        self._stream.block(media=media, keys=keys)

    def _speak(self, speaker: Speaker) -> None:
        self._stream.set_speaker(speaker)
        self._on_timer(time.monotonic())

    def bridge(self, other: Leg) -> None:
        """Let two legs hear each other; ends echo and earlier bridges of both."""
        if not isinstance(other, MediaLeg) or self._closed or other._closed or other is self:
            return
        for one, two in ((self, other), (other, self)):
            one.unbridge()
            two.unbridge()
        for one, two in ((self, other), (other, self)):
            one._stream.set_speaker(None)
            one._other = two
            one._stream.set_sink(two._stream)

    def unbridge(self) -> None:
        """Part from the other leg; both fall silent."""
        other, self._other = self._other, None
        if other is not None:
            self._stream.set_sink(None)
            other._other = None
            other._stream.set_sink(None)

    def report(self) -> LegReport:
        """The counters as they are, also after ``close``."""
        return self._stream.report()

    def close(self) -> LegReport:
        """Say BYE, close the sockets, free the ports; harmless twice."""
        if not self._closed:
            self.unbridge()
            self._stream.close(time.monotonic())
            self._pump()
            self._stream.forget_keys()
            self._closed = True
            self._engine.set_timer(self._due, None)
            self._engine.forget(self, self._pair)
        return self.report()

    def _on_rtp(self, now: float) -> None:
        try:
            size, source = self._rtp.recvfrom_into(self._buffer)
        except OSError:
            return  # nothing there after all, or an ICMP error of an earlier packet
        way, other = self._stream.way, self._other or self
        if way is not None and (target := way.carry(self._buffer, size, source, now)) is not None:
            try:
                other._rtp.sendto(self._view[:size], target)
            except OSError as error:
                log.debug("RTP to %s: %s", target, error)
            return
        self._stream.receive_rtp(bytes(self._view[:size]), source[:2], now)
        if other is not self:
            other._pump()
        self._pump()

    def _on_rtcp(self, now: float) -> None:
        try:
            datagram, source = self._rtcp.recvfrom(MAX_DATAGRAM + 1)
        except OSError:
            return
        self._stream.receive_rtcp(datagram, source[:2], now)
        self._pump()

    def _on_timer(self, now: float) -> None:
        self._stream.handle_timeout(now)
        self._pump()
        self._arm()

    def _arm(self) -> None:
        """Packets only ever postpone the next timeout, so control and timers alone come here."""
        self._engine.set_timer(self._due, None if self._closed else self._stream.next_timeout())

    def _pump(self) -> None:
        stream = self._stream
        if self._closed:
            return
        send_all(self._rtp, stream.rtp_to_send(), stream.rtp_target)
        rtcp = self._rtp if stream.muxed else self._rtcp
        send_all(rtcp, stream.rtcp_to_send(), stream.rtcp_target)
        for by_rtcp, reply, source in stream.replies_to_send():
            send_all(self._rtcp if by_rtcp else self._rtp, [reply], source)
        for event in stream.events():
            self.tell(event, stream.negotiated)
