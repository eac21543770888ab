"""One HTTP request to a gateway on asyncio: bound to our address, written at once, capped in time.

Lives here: the connection. Never here: redirects, proxies, cookies, or a second request on it.

It is a bare socket with callbacks, because a stream, or a task for each step, costs more than the exchange
itself. The request is tried at once: on a LAN the connection stands before ``connect`` returns.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import hold_to_interface
from ...net.surroundings import way_out
from ..errors import MalformedMessage
from ..gateway.upnp_values import Ask, FailureKind, HttpFailure, Reply
from ..wire.http import ResponseReader, whole_response

QUIET: Final = 1.0  # seconds without a byte end a body of unknown length: some gateways never close
PIECE: Final = 65536  # bytes read at once
BEGUN: Final = (0, errno.EINPROGRESS)
ENDED: Final = (errno.EPIPE, errno.ECONNRESET)  # it had been there

Address = tuple[str, int] | tuple[str, int, int, int]


class Exchange:
    """One request from ``local_host``, which must be the InternalClient: others are refused (606).

    ``interface``, where it is named, is the one to leave by, whatever the routes say.

    For IPv6 that is our stable global address, never the temporary one the kernel would pick (P601, P602). A
    control point of the other family is asked from whatever address leads there (P609).

    ``connection`` is one that was opened for it before, as ``connecting`` does; it is the exchange's now.

    ``on_reply`` is called once, from the loop, unless ``cancel`` came first; what goes wrong is an
    ``HttpFailure``. The deadline ends everything, a body that drips byte by byte included.
    """

    def __init__(
        self,
        ask: Ask,
        local_host: str,
        on_reply: Callable[[Reply], None],
        interface: str = "",
        connection: socket.socket | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_reply = on_reply
        self._unsent = ask.data
        self._reader: ResponseReader | None = None  # when one piece was not all
        self._quiet: asyncio.TimerHandle | None = None
        self._socket: socket.socket | None = None
        self._watched = -1  # the descriptor that the loop knows
        self._deadline = self._loop.call_later(ask.deadline, self._too_late, ask.deadline)
        try:
            self._socket = connection or connecting(ask.endpoint, local_host, interface)
        except (OSError, ValueError, OverflowError) as error:  # the last two: no address, no port
            self._loop.call_soon(self._not_connected, error)
        else:
            self._send()

    def cancel(self) -> None:
        """End it, without a reply."""
        self._deadline.cancel()
        if self._quiet is not None:
            self._quiet.cancel()
        if self._watched >= 0:
            self._loop.remove_reader(self._watched)
            self._loop.remove_writer(self._watched)
        if self._socket is not None:
            self._socket.close()
        self._socket, self._watched = None, -1

    def _send(self) -> None:
        """In one segment, and no half-close: both confuse old gateways."""
        assert self._socket is not None
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass  # it is still being connected
        except OSError as error:
            failed = self._broken if error.errno in ENDED else self._not_connected
            self._loop.call_soon(failed, error)
            return
        self._watched = self._socket.fileno()
        if self._unsent:
            self._loop.add_writer(self._watched, self._writable)
        else:
            self._loop.add_reader(self._watched, self._readable)

    def _writable(self) -> None:
        assert self._socket is not None
        self._loop.remove_writer(self._watched)
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._not_connected(OSError(error, os.strerror(error)))
        else:
            self._send()

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(PIECE)
            reply = self._read(data)
        except BlockingIOError:
            return
        except (OSError, MalformedMessage) as error:
            if isinstance(error, OSError) and self._reader is not None and self._reader.has_body:
                self._end(self._reader.end())  # what came before a reset came
            else:
                self._broken(error)
            return
        if reply is not None:
            self._end(reply)

    def _read(self, data: bytes) -> Reply | None:
        """The response, when that was all of it.

        Raises:
            MalformedMessage: it is none, or ended before its headers did.
        """
        if self._reader is None:
            response = whole_response(data)
            if response is not None:
                return response
            self._reader = ResponseReader()
        if self._quiet is not None:
            self._quiet.cancel()
        if not data:
            return self._reader.end()
        self._reader.feed(data)
        if self._reader.response is None and self._reader.may_be_whole:
            self._quiet = self._loop.call_later(QUIET, self._fell_quiet, self._reader)
        return self._reader.response

    def _fell_quiet(self, reader: ResponseReader) -> None:
        self._end(reader.end())

    def _too_late(self, deadline: float) -> None:
        self._end(HttpFailure(FailureKind.TIMEOUT, f"no answer within {deadline:g} s"))

    def _not_connected(self, error: Exception) -> None:
        kind = FailureKind.TIMEOUT if isinstance(error, TimeoutError) else FailureKind.REFUSED
        self._end(HttpFailure(kind, f"cannot connect: {_words(error)}"))

    def _broken(self, error: Exception) -> None:
        kind = FailureKind.TIMEOUT if isinstance(error, TimeoutError) else FailureKind.BROKEN
        self._end(HttpFailure(kind, f"no usable answer: {error}"))

    def _end(self, reply: Reply) -> None:
        if self._deadline.cancelled():
            return  # it was ended while a failure waited to be told
        self.cancel()
        self._on_reply(reply)


async def fetch(ask: Ask, local_host: str, interface: str = "") -> Reply:
    """An ``Exchange`` to be waited for. Never raises, except when cancelled."""
    replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def take(reply: Reply) -> None:
        if not replied.done():  # who waited may be cancelled by now
            replied.set_result(reply)

    exchange = Exchange(ask, local_host, take, interface)
    try:
        return await replied
    finally:
        exchange.cancel()


def connecting(to: Endpoint, local_host: str, interface: str) -> socket.socket:
    """A connection on its way to a gateway.

    Raises:
        OSError, ValueError, OverflowError: there is no way, no such address, or no such port.
    """
    remote, source = addresses(to, local_host)
    family = socket.AF_INET6 if len(remote) == 4 else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if interface and way_out(to.host) not in (None, interface):
            hold_to_interface(connection, interface)
        if source is not None:
            connection.bind(source)
        error = connection.connect_ex(remote)
        if error not in BEGUN:
            raise OSError(error, os.strerror(error))
    except BaseException:
        connection.close()
        raise
    return connection


def addresses(to: Endpoint, local_host: str) -> tuple[Address, Address | None]:
    """Where to connect, and from where; None: the kernel chooses, because the families differ (P609).

    Raises:
        OSError, ValueError: a host that is no address (names are never looked up), or an unknown zone.
    """
    remote, source = _address(to.host, to.port), _address(local_host, 0)
    return remote, source if len(source) == len(remote) else None


def _address(host: str, port: int) -> Address:
    """As the socket module wants it; a zone (``fe80::1%eth0``) says through which interface."""
    if ":" not in host:
        socket.inet_pton(socket.AF_INET, host)
        return host, port
    plain, _, zone = host.partition("%")
    socket.inet_pton(socket.AF_INET6, plain)
    return plain, port, 0, (int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)) if zone else 0


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
