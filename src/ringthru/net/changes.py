"""Noticing that the network around us changed, or that the machine slept.

Neither says *what* changed: whoever hears of it reads the kernel's tables anew (``surroundings``). So no
netlink message is ever parsed here, and none can be misread.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Final

from .values import frozen

# Multicast groups of NETLINK_ROUTE, rtnetlink(7); Python names none of them
LINK: Final = 0x1
IPV4_ADDRESS: Final = 0x10
IPV4_ROUTE: Final = 0x40
IPV4_RULE: Final = 0x80
IPV6_ADDRESS: Final = 0x100
IPV6_ROUTE: Final = 0x400
GROUPS: Final = LINK | IPV4_ADDRESS | IPV4_ROUTE | IPV4_RULE | IPV6_ADDRESS | IPV6_ROUTE
QUIET: Final = 0.1  # seconds without another message: a change is many messages
PAUSE: Final = 1.0  # seconds between two reports, however much goes on
AT_ONCE: Final = 64  # messages thrown away before others get their turn
LOOK: Final = 5.0  # seconds between two looks at the clocks
SHORTEST_SLEEP: Final = 1.0  # seconds; less is no suspend

log = logging.getLogger(__name__)


def clock() -> float:
    """Seconds since the machine was started, the time it slept included (CLOCK_BOOTTIME).

    The clock of leases: a gateway counts while we sleep. The event loop's own clock does not.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Coalescer:
    """Makes one report of many messages: after ``QUIET`` seconds of peace, and at most each ``PAUSE``."""

    def __init__(self) -> None:
        self._first: float | None = None  # since the last report
        self._last = 0.0
        self._reported_at: float | None = None

    def notice(self, now: float) -> None:
        self._last = now
        if self._first is None:
            self._first = now

    def next_timeout(self) -> float | None:
        if self._first is None:
            return None
        settled = min(self._last + QUIET, self._first + PAUSE)  # a flood is reported while it lasts
        return settled if self._reported_at is None else max(settled, self._reported_at + PAUSE)

    def handle_timeout(self, now: float) -> bool:
        """Whether to report now."""
        when = self.next_timeout()
        if when is None or now < when:
            return False
        self._first, self._reported_at = None, now
        return True


class NetworkChanges:
    """Calls ``on_change`` when a link, an address or a route changed. To be made inside a running loop.

    Where the kernel gives no such socket, ``listening`` is False and nothing is ever reported.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._coalescer = Coalescer()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._socket = _netlink()
        if self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._readable)

    @property
    def listening(self) -> bool:
        return self._socket is not None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            if self._socket is None:
                return
            try:
                self._socket.recv(1)  # what is said does not matter; the rest of the message is dropped
            except BlockingIOError:
                break
            except OSError as error:  # ENOBUFS: more changes than the buffer held, which is a change too
                log.debug("netlink: %s", error)
        self._coalescer.notice(self._loop.time())
        if self._timer is None:
            self._set_timer()

    def _set_timer(self) -> None:
        when = self._coalescer.next_timeout()
        self._timer = None if when is None else self._loop.call_at(when, self._on_timer, when)

    def _on_timer(self, when: float) -> None:
        due = self._coalescer.handle_timeout(max(when, self._loop.time()))
        self._set_timer()
        if due:
            self._on_change()


def _netlink() -> socket.socket | None:
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    except OSError as error:
        log.debug("changes of the network are not told here: %s", error)
        return None
    try:
        sock.bind((0, GROUPS))
    except OSError as error:
        sock.close()
        log.debug("changes of the network are not told here: %s", error)
        return None
    return sock


@frozen
class Clocks:
    """The two clocks at one moment, in seconds: one goes on while the machine sleeps, the other does not."""

    with_sleep: float  # CLOCK_BOOTTIME
    without_sleep: float  # CLOCK_MONOTONIC


def slept(before: Clocks, after: Clocks) -> float:
    """Seconds the machine slept between two looks; 0.0 when it did not, or so shortly that nobody saw."""
    passed = after.with_sleep - before.with_sleep
    lived = after.without_sleep - before.without_sleep
    return passed - lived if passed - lived >= SHORTEST_SLEEP else 0.0


def read_clocks() -> Clocks:
    return Clocks(clock(), time.clock_gettime(time.CLOCK_MONOTONIC))


class SuspendWatch:
    """Calls ``on_resume`` with the seconds slept, within ``LOOK`` seconds of waking up.

    To be made inside a running loop. ``look()`` may be called besides, by who has reason to suspect it.
    """

    def __init__(self, on_resume: Callable[[float], None], read: Callable[[], Clocks] = read_clocks) -> None:
        self._on_resume = on_resume
        self._read = read
        self._seen = read()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(LOOK, self._on_timer)

    def look(self) -> None:
        """Compare the clocks now."""
        before, self._seen = self._seen, self._read()
        seconds = slept(before, self._seen)
        if seconds:
            self._on_resume(seconds)

    def close(self) -> None:
        self._timer.cancel()

    def _on_timer(self) -> None:
        self._timer = self._loop.call_later(LOOK, self._on_timer)
        self.look()
