"""Sends what a fake gateway announces, and what is forged, by unicast: loopback has no multicast.

Lives here: sockets and the timer. Never here: what is said; an address outside 127.0.0.0/8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...net.address import Endpoint
from ...net.sockets import bind_udp
from ..datagrams import Datagrams
from ..loopback_guard import require_loopback
from .announcer import Announcer, Notice


class AnnouncerDriver:
    """Plays an announcer to one listener: what is meant for a group goes to its port of ``listener``.

    The source address is the speaker's own, its port any: 5351 and 1900 are the gateway's services'. Call
    ``pump`` after every call of the announcer's methods.

    Raises:
        ValueError: the listener is outside 127.0.0.0/8.
    """

    def __init__(self, announcer: Announcer, listener: str, clock: Callable[[], float]) -> None:
        self.announcer = announcer
        self._listener = require_loopback(listener)
        self._clock = clock
        self._speakers: dict[str, Datagrams] = {}
        self._timer: asyncio.TimerHandle | None = None
        announcer.handle_timeout(clock())
        self.pump()

    def pump(self) -> None:
        """Send what is due, and come back when more is."""
        for notice in self.announcer.notices_to_send():
            self._send(notice)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.announcer.next_timeout()
        if due is not None:
            wait = max(0.0, due - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait, self._on_timer)

    def close(self) -> None:
        self.announcer.stop()
        if self._timer is not None:
            self._timer.cancel()
        for speaker in self._speakers.values():
            speaker.close()
        self._speakers.clear()

    def _on_timer(self) -> None:
        self.announcer.handle_timeout(self._clock())
        self.pump()

    def _send(self, notice: Notice) -> None:
        host = require_loopback(notice.source.host)
        if host not in self._speakers:
            self._speakers[host] = Datagrams(bind_udp(Endpoint(host, 0)), lambda data, source: None)
        self._speakers[host].send(notice.data, Endpoint(self._listener, notice.group.port))
