"""The media engine of this process: sockets, one epoll of them, and timers around the streams.

One epoll descriptor holds every RTP and RTCP socket, and the event loop watches that one:
measured three times as fast as asyncio's own datagram transports, since a wake-up that finds
many sockets ready costs the loop one callback. Each gives one datagram per wake-up: a second
read would mostly find nothing (measured: 15 % dearer), and a flood on one leg leaves the
others their turn.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import select
import socket
import time
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from ringthru.net.address import Endpoint

from .engine.interface import Leg, Ports
from .errors import EngineFull
from .libsrtp import make_session
from .offer_answer import Negotiated
from .pair_driver import PortPair, send_all
from .playing import FedPlayer, LateEcho, PacketTap, Player, Speaker
from .ports_driver import HasPorts
from .report import LegReport
from .rtp import MAX_DATAGRAM
from .sounds import Sound
from .statistics import NTP_UNIX_OFFSET
from .stream import RTP_TIMEOUT, MediaStream
from .telling import Listened

__all__ = ["MediaEngine", "MediaLeg", "PortPair"]

log = logging.getLogger(__name__)

SOCKETS_PER_WAKE_UP: Final = 256  # one datagram of each; then the loop does something else
RANDOM: Final = Struct("!IIH12s")  # what a stream begins with, in one look at the system's random numbers
CAPACITY: Final = 900  # legs; what Python bears on one core, with some left for SIP


class MediaEngine(HasPorts):
    """Owns the RTP port range and all legs; lives in one running event loop."""

    name = "in-process"

    def __init__(self, first_port: int = 16384, last_port: int = 32768, capacity: int = CAPACITY) -> None:
        """``capacity`` is how many legs there may be at once."""
        self._capacity = capacity
        super().__init__(first_port, last_port)
        self._legs: set[MediaLeg] = set()
        self._readers: dict[int, Callable[[float], None]] = {}
        self._epoll: select.epoll | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def legs(self) -> Sequence[MediaLeg]:
        return tuple(self._legs)

    async def start(self) -> None:
        """Be ready for legs."""
        self._running_loop()

    def open(self, pair: Ports, *, name: str, rtp_timeout: float = RTP_TIMEOUT) -> MediaLeg:
        """A leg on a reserved pair, which it owns from then on; ``name`` is for the logs.

        ``rtp_timeout`` is how many seconds of silence make a ``Timeout`` event.

        Raises:
            EngineFull: there are ``capacity`` legs already.
            LocalError: the pair is not reserved here.
        """
        if len(self._legs) >= self._capacity:
            raise EngineFull(f"the media engine has {len(self._legs)} legs and takes no more")
        owned = self._ports.hand_over(pair)
        owned.drain()
        leg = MediaLeg(self, owned, name, self._running_loop(), rtp_timeout)
        self._legs.add(leg)
        return leg

    async def close(self) -> None:
        """Close all legs and pairs."""
        for leg in list(self._legs):
            leg.close()
        self._ports.close()
        if self._epoll is not None and self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
        self._epoll = self._loop = None

    # For the legs

    def watch(self, sock: socket.socket, reader: Callable[[float], None]) -> None:
        assert self._epoll is not None
        self._readers[sock.fileno()] = reader
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def forget(self, leg: MediaLeg, pair: PortPair) -> None:
        self._legs.discard(leg)
        for sock in pair.sockets:
            if self._readers.pop(sock.fileno(), None) is not None and self._epoll is not None:
                self._epoll.unregister(sock.fileno())
        self._ports.give_back(pair)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._on_ready)
        return self._loop

    def _on_ready(self) -> None:
        if self._epoll is None:
            return
        now = time.monotonic()
        for descriptor, _ in self._epoll.poll(0, SOCKETS_PER_WAKE_UP):
            reader = self._readers.get(descriptor)
            if reader is None:
                continue  # closed by an event of an earlier socket in this very batch
            try:
                reader(now)
            except Exception:  # a bug of ours must cost one datagram, not the calls beside it
                log.exception("media of descriptor %d", descriptor)


class MediaLeg(Listened):
    """One side of a call: connect it, and let it echo or bridge it to another."""

    def __init__(
        self,
        engine: MediaEngine,
        pair: PortPair,
        name: str,
        loop: asyncio.AbstractEventLoop,
        rtp_timeout: float,
    ) -> None:
        super().__init__(name)
        self.local = Endpoint(pair.host, pair.rtp_port)
        self._engine = engine
        self._pair = pair
        self._rtp, self._rtcp = pair.sockets
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
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
            make_session=make_session,
        )
        engine.watch(self._rtp, self._on_rtp)
        engine.watch(self._rtcp, self._on_rtcp)

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
        stream = self._stream
        stream.blocks_media = stream.blocks_media if media is None else media
        stream.blocks_keys = stream.blocks_keys if keys is None else keys

    def _speak(self, speaker: Speaker) -> None:
        self._stream.set_speaker(speaker)
        self._run_due()

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
            if self._timer is not None:
                self._timer.cancel()
            self._engine.forget(self, self._pair)
        return self.report()

    def _on_rtp(self, now: float) -> None:
        try:
            datagram, source = self._rtp.recvfrom(MAX_DATAGRAM + 1)
        except OSError:
            return  # nothing there after all, or an ICMP error of an earlier packet
        self._stream.receive_rtp(datagram, source[:2], now)
        if self._other is not None:
            self._other._pump()
        self._pump()

    def _on_rtcp(self, now: float) -> None:
        try:
            datagram, source = self._rtcp.recvfrom(MAX_DATAGRAM + 1)
        except OSError:
            return
        self._stream.receive_rtcp(datagram, source[:2], now)
        self._pump()

    def _on_timer(self) -> None:
        self._timer = None
        self._run_due()

    def _run_due(self) -> None:
        self._stream.handle_timeout(time.monotonic())
        self._pump()
        self._arm()

    def _arm(self) -> None:
        """Packets only ever postpone the next timeout, so control and timers alone come here."""
        if self._timer is not None:
            self._timer.cancel()
        when = self._stream.next_timeout()
        if when is None or self._closed:
            self._timer = None
            return
        delay = max(when - time.monotonic(), 0.0)
        self._timer = self._loop.call_later(delay, self._on_timer)

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
