"""The media engine of this process: its legs, one epoll of their sockets, and their timers.

One epoll descriptor holds every RTP and RTCP socket (``poll_driver``): measured three times as fast as
asyncio's own datagram transports.

Lives here: what all legs share. Never here: one leg (``leg_driver``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from ..errors import EngineFull
from ..interface import Ports
from ..leg.stream import HOLD_TIMEOUT, RTP_TIMEOUT
from ..rtp.packet import MAX_DATAGRAM
from .leg_driver import MediaLeg
from .pair_driver import PortPair
from .poll_driver import PacketPoll
from .ports_driver import HasPorts

CAPACITY: Final = 900  # legs; what Python bears on one core, with some left for SIP


class MediaEngine(HasPorts):
    """Owns the RTP port range and all legs; lives in one running event loop."""

    name = "in-process"

    def __init__(
        self,
        first_port: int = 16384,
        last_port: int = 32768,
        capacity: int = CAPACITY,
        packets: PacketPoll | None = None,
    ) -> None:
        """``capacity`` is how many legs there may be at once; ``packets`` is who reads, if anybody does."""
        self.buffer = bytearray(MAX_DATAGRAM + 1)  # for the datagram that is being dealt with
        self.view = memoryview(self.buffer)
        self._capacity = capacity
        self._hosted = packets is not None
        self._packets = packets
        super().__init__(first_port, last_port)
        self._legs: set[MediaLeg] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: asyncio.TimerHandle | None = None  # for the first of all timers, where nobody else looks

    def legs(self) -> Sequence[MediaLeg]:
        return tuple(self._legs)

    async def start(self) -> None:
        """Be ready for legs."""
        self._running_loop()

    def open(
        self, pair: Ports, *, name: str, rtp_timeout: float = RTP_TIMEOUT, hold_timeout: float = HOLD_TIMEOUT
    ) -> MediaLeg:
        """A leg on a reserved pair, which it owns from then on; ``name`` is for the logs.

        ``rtp_timeout`` is how many seconds of silence make a ``Timeout`` event, ``hold_timeout`` of a
        call on hold.

        Raises:
            EngineFull: there are ``capacity`` legs already.
            LocalError: the pair is not reserved here.
        """
        if len(self._legs) >= self._capacity:
            raise EngineFull(f"the media engine has {len(self._legs)} legs and takes no more")
        owned = self._ports.hand_over(pair)
        owned.drain()
        self._running_loop()
        leg = MediaLeg(self, owned, name, rtp_timeout, hold_timeout)
        self._legs.add(leg)
        return leg

    async def close(self) -> None:
        """Close all legs and pairs."""
        for leg in list(self._legs):
            leg.close()
        self._ports.close()
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        if self._packets is not None and self._loop is not None and not self._hosted:
            self._loop.remove_reader(self._packets.fileno())
            self._packets.close()
            self._packets = None
        self._loop = None

    # For the legs

    @property
    def packets(self) -> PacketPoll:
        assert self._packets is not None
        return self._packets

    def forget(self, leg: MediaLeg, pair: PortPair) -> None:
        self._legs.discard(leg)
        for sock in pair.sockets:
            self.packets.forget(sock.fileno())
        self._ports.give_back(pair)

    def set_timer(self, run: Callable[[float], None], when: float | None) -> None:
        """Call it then, once; None: never."""
        self.packets.timers.set(run, when)
        if not self._hosted:
            self._set_clock()

    def _set_clock(self) -> None:
        first, loop = self.packets.timers.first(), self._running_loop()
        if self._clock is not None:
            if first is not None and self._clock.when() <= first:
                return  # it sees to it when it rings
            self._clock.cancel()
        self._clock = None if first is None else loop.call_at(first, self._on_clock)

    def _on_clock(self) -> None:
        self._clock = None
        if self._packets is not None:
            self._packets.run_due(time.monotonic())
            self._set_clock()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            if self._packets is None:
                self._packets = PacketPoll()
                self._loop.add_reader(self._packets.fileno(), self._packets.run)
        return self._loop
