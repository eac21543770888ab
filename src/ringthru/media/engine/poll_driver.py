"""Every RTP and RTCP socket of one process in one epoll descriptor, who reads which, and the legs' timers.

An event loop may watch that descriptor beside whatever else it has: a wake-up that finds many sockets ready
then costs it one callback. Or it is the other way round (``PacketSelector``), in a process that does little
else: the event loop is woken for its own affairs alone.

Each socket gives one datagram per wake-up: a second read would mostly find nothing (measured: 15 % dearer),
and a flood on one leg leaves the others their turn.
"""

from __future__ import annotations

import logging
import select
import selectors
import time
from collections.abc import Callable
from math import inf
from typing import Final

from .timers import Timers

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 256  # sockets of one wake-up; then the loop does something else

Reader = Callable[[float], None]
Due = Callable[[float], None]


class PacketPoll:
    """The descriptor, the readers and the timers; each is called with the time (seconds) at its turn."""

    def __init__(self, urgent: int | None = None) -> None:
        """``urgent`` is a descriptor that ``run_until`` returns for, and nobody reads here."""
        self._urgent = urgent
        self._readers: dict[int, Reader] = {}
        self.timers: Timers[Due] = Timers()
        self._epoll = select.epoll()
        if urgent is not None:
            self._epoll.register(urgent, select.EPOLLIN)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def watch(self, descriptor: int, reader: Reader) -> None:
        self._readers[descriptor] = reader
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """Harmless where it is not watched."""
        if self._readers.pop(descriptor, None) is not None and not self._epoll.closed:
            self._epoll.unregister(descriptor)

    def run(self) -> None:
        """Read what came."""
        self._read(self._epoll.poll(0, MOST_AT_ONCE), time.monotonic())

    def run_due(self, now: float) -> None:
        """Whoever's time has come."""
        for due in self.timers.due(now):
            try:
                due(now)
            except Exception:  # as below
                log.exception("a timer of media")

    def run_until(self, timeout: float | None) -> bool:
        """Read what comes, and run who is due, until so many seconds are over (None: for ever), or something
        urgent has come.

        True: it has. It goes before all packets: what was ordered before one was sent holds for it.
        """
        now = time.monotonic()
        deadline = inf if timeout is None else now + timeout
        while True:
            first = self.timers.first() or inf
            until = min(deadline, first)
            ready = self._epoll.poll(None if until == inf else max(until - now, 0.0), MOST_AT_ONCE)
            now = time.monotonic()
            if now >= first:
                self.run_due(now)
            if (self._urgent, select.EPOLLIN) in ready:
                return True  # the packets are still there afterwards
            self._read(ready, now)
            if now >= deadline:
                return False

    def close(self) -> None:
        self._readers.clear()
        self.timers = Timers()
        self._epoll.close()

    def _read(self, ready: list[tuple[int, int]], now: float) -> None:
        readers = self._readers
        for descriptor, _ in ready:
            reader = readers.get(descriptor)
            if reader is None:
                continue  # closed by an event of an earlier socket in this very batch
            try:
                reader(now)
            except Exception:  # a bug of ours must cost one datagram, not the calls beside it
                log.exception("media of descriptor %d", descriptor)


class PacketSelector(selectors.EpollSelector):
    """asyncio's selector in a process for packets: they are read, and legs run, while the event loop sleeps.

    A timer of asyncio's that a reader sets is looked at when the loop wakes for something else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.packets = PacketPoll(self.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(0) if self.packets.run_until(timeout) else []

    def close(self) -> None:
        self.packets.close()
        super().close()
