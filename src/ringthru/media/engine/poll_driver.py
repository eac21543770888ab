"""Every RTP and RTCP socket of one process in one epoll descriptor, and who reads which.

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
from typing import Final

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 256  # sockets of one wake-up; then the loop does something else

Reader = Callable[[float], None]


class PacketPoll:
    """The descriptor and the readers; each is called with the time (seconds) when its socket is readable."""

    def __init__(self, urgent: int | None = None) -> None:
        """``urgent`` is a descriptor that ``run_until`` returns for, and nobody reads here."""
        self._urgent = urgent
        self._readers: dict[int, Reader] = {}
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
        self._read(self._epoll.poll(0, MOST_AT_ONCE))

    def run_until(self, timeout: float | None) -> bool:
        """Read what comes until so many seconds are over (None: for ever), or something urgent has come.

        True: it has. It goes before all packets: what was ordered before one was sent holds for it.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            ready = self._epoll.poll(timeout, MOST_AT_ONCE)
            if (self._urgent, select.EPOLLIN) in ready:
                return True  # the packets are still there afterwards
            now = self._read(ready)
            if deadline is not None and (timeout := deadline - now) <= 0:
                return False

    def close(self) -> None:
        self._readers.clear()
        self._epoll.close()

    def _read(self, ready: list[tuple[int, int]]) -> float:
        now, readers = time.monotonic(), self._readers
        for descriptor, _ in ready:
            reader = readers.get(descriptor)
            if reader is None:
                continue  # closed by an event of an earlier socket in this very batch
            try:
                reader(now)
            except Exception:  # a bug of ours must cost one datagram, not the calls beside it
                log.exception("media of descriptor %d", descriptor)
        return now


class PacketSelector(selectors.EpollSelector):
    """asyncio's selector in a process for packets: they are read while the event loop sleeps.

    A timer that a reader sets is looked at when the loop wakes for something else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.packets = PacketPoll(self.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(0) if self.packets.run_until(timeout) else []

    def close(self) -> None:
        self.packets.close()
        super().close()
