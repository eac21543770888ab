"""The HTTP connections to one gateway: one request at a time, and perhaps the connection for the next one.

A request takes two round trips: one to connect, one to be answered. Where the engine says so (``Ask.ahead``),
the first is made while the request before it is answered. Never here: whether a gateway bears that.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ...net.values import replace
from ..gateway.upnp_values import Ask, HttpFailure, Reply
from .http_driver import Exchange, connecting

UNUSED: Final = 1.0  # seconds after which a connection that nobody needed is closed


class HttpConnections:
    """``on_ahead`` is told what came of a connection opened ahead: answered on, or lost before its use."""

    def __init__(self, local_host: str, interface: str, on_ahead: Callable[[bool], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._local_host = local_host
        self._interface = interface
        self._on_ahead = on_ahead
        self._exchange: Exchange | None = None
        self._spare: tuple[Endpoint, socket.socket] | None = None
        self._opened_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def exchange(self, ask: Ask, on_reply: Callable[[Reply], None]) -> None:
        """Make a request; one that was still under way is given up."""
        if self._exchange is not None:
            self._exchange.cancel()
        connection = self._take_spare(ask.endpoint)

        def replied(reply: Reply) -> None:
            self._exchange = None
            on_reply(self._judge(reply, connection is not None))

        self._exchange = Exchange(ask, self._local_host, replied, self._interface, connection)
        if ask.ahead:
            self._open_ahead(ask.endpoint)

    def close(self) -> None:
        """End everything, without a reply."""
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._drop_spare()

    def _judge(self, reply: Reply, opened_ahead: bool) -> Reply:
        if not isinstance(reply, HttpFailure):
            if opened_ahead:
                self._on_ahead(True)
            return reply
        beside = self._spare is not None
        self._drop_spare()
        return replace(reply, ahead=opened_ahead or beside)

    def _take_spare(self, to: Endpoint) -> socket.socket | None:
        """The connection that was opened for this; None: there is none, or it was not kept open."""
        if self._spare is None:
            return None
        endpoint, connection = self._spare
        if endpoint == to and _is_open(connection):
            self._spare = None
            return connection
        self._drop_spare()
        if endpoint == to:
            self._on_ahead(False)
        return None

    def _open_ahead(self, to: Endpoint) -> None:
        try:
            self._spare = to, connecting(to, self._local_host, self._interface)
        except (OSError, ValueError, OverflowError):
            return  # the request will meet the same, and say so
        self._opened_at = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(UNUSED, self._look_whether_used)

    def _look_whether_used(self) -> None:
        """One timer for many connections: most are used within a few milliseconds."""
        self._timer = None
        left = self._opened_at + UNUSED - self._loop.time()
        if self._spare is not None and left > 0:
            self._timer = self._loop.call_later(left, self._look_whether_used)
        elif self._exchange is None:
            self._drop_spare()
        elif self._spare is not None:
            self._timer = self._loop.call_later(UNUSED, self._look_whether_used)

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare[1].close()
            self._spare = None


def _is_open(connection: socket.socket) -> bool:
    """Whether it stands, or may yet: the gateway has neither refused nor closed it."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False  # closed, or it speaks before it is asked
