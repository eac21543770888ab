"""One connection's socket: bytes and time for the machine that judges them.

Lives here: reading, writing, the timer, and an end in good order.
Never here: how long a peer may dawdle (`connection.py`), or how connections come about (`stream_driver.py`).
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from ...net.sockets import keep_small_and_alive
from ..flow import Flow
from ..wire.framing import MAX_MESSAGE
from .connection import Connection

if TYPE_CHECKING:
    from .stream_driver import StreamDriver

log = logging.getLogger(__name__)

PARTING = 2.0  # seconds that last words may take before a connection is cut


class Link(asyncio.Protocol):
    """One connection's socket, and the machine that judges what comes over it."""

    def __init__(self, driver: StreamDriver, flow: Flow, opened_by_us: bool) -> None:
        self.flow = flow
        self._driver = driver
        self._machine = Connection(opened_by_us=opened_by_us, now=driver.loop.time(), chance=random.random())
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []  # until the connection stands
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def send(self, data: bytes) -> None:
        """Write a message, or keep it until the connection stands."""
        if self._over:
            return
        limit = self._driver.book.limits.unsent
        if self._transport is None:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes > limit:
                self.lost(f"more than {limit} bytes wait for the connection")
            return
        self._driver.owner.trace_bytes("send", data, self.flow)
        self._machine.note_sent(self._driver.loop.time())
        self._write(data)

    def _write(self, data: bytes) -> None:
        """Hand over to the system; a peer that reads nothing is cut off."""
        limit = self._driver.book.limits.unsent
        if self._transport is None:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > limit:
            self._cut(f"{self.flow.remote} does not read what it is sent")

    def leave(self, reason: str) -> None:
        """Say what was written, and close."""
        if self._transport is None:
            self.lost(reason)
            return
        self._over = True
        self._stop_timer()
        self._transport.close()
        self._timer = self._driver.loop.call_later(PARTING, self._transport.abort)

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._over:
            transport.abort()
            return
        self._transport = transport
        transport.max_size = MAX_MESSAGE  # type: ignore[attr-defined]  # else 256 KiB are taken for every read
        sock = transport.get_extra_info("socket")
        if sock is not None:
            keep_small_and_alive(sock)
        if (problem := self._identity_problem(transport)) is not None:
            blame = logging.WARNING if self._machine.opened_by_us else logging.DEBUG
            log.log(blame, "%s is not who it should be: %s; see tls-verify-policy", self.flow, problem)
            self._cut(problem)
            return
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.send(data)
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        machine, driver = self._machine, self._driver
        machine.receive_data(data, driver.loop.time())
        for message in machine.messages():
            driver.owner.message_received(message, self.flow)
        driver.owner.pump()
        if self._over:
            return
        if not driver.book.note(self.flow.connection, proven=machine.proven, unread=machine.waiting):
            self._cut("too much of unfinished messages")
            return
        self._act()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._transport = None
        self.lost(str(exc) if exc is not None else "the peer closed the connection")

    # Our own

    def lost(self, reason: str) -> None:
        """The connection is no more: out of the books, and whoever counted on it is told."""
        self._over = True
        self._waiting.clear()
        self._stop_timer()
        known = self.flow.connection in self._driver.book
        self._driver.forget(self.flow.connection)
        if known:
            log.debug("%s: %s", self.flow, reason)
            self._driver.owner.flow_failed(self.flow, reason)

    def _cut(self, reason: str) -> None:
        """End it without another word."""
        transport = self._transport
        self.lost(reason)
        if transport is not None:
            transport.abort()

    def _act(self) -> None:
        """Do what the machine wants."""
        if self._over:
            return
        if data := self._machine.data_to_send():
            self._write(data)
        if (reason := self._machine.closing) is not None and not self._over:
            self.lost(reason)
            self.leave(reason)
        else:
            self._watch()

    def _watch(self) -> None:
        """Wake up when the machine may want something; most messages move no timer."""
        when = self._machine.next_timeout()
        if when is None or self._over or (self._timer is not None and self._timer.when() <= when):
            return
        self._stop_timer()
        self._timer = self._driver.loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._machine.handle_timeout(self._driver.loop.time())
        self._act()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _identity_problem(self, transport: asyncio.Transport) -> str | None:
        """Why a TLS peer is not who it should be."""
        tls = self._driver.tls
        if tls is None:
            return None
        certificate = transport.get_extra_info("peercert")
        return tls.problem_with(
            certificate, self.flow.name or self.flow.remote.host, self._machine.opened_by_us
        )
