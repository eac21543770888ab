"""One HTTP request to a gateway over asyncio: bound to our address, written at once, capped in time.

Lives here: the connection. Never here: redirects, proxies, cookies, or a second request on it.

It is a bare socket because a stream's transport, protocol and buffers cost as much as the exchange itself.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import hold_to_interface
from ..errors import MalformedMessage
from ..gateway.upnp_values import Ask, FailureKind, HttpFailure, Reply
from ..wire.http import Response, ResponseReader

QUIET: Final = 1.0  # seconds without a byte end a body of unknown length: some gateways never close
PIECE: Final = 65536  # bytes read at once

Address = tuple[str, int] | tuple[str, int, int, int]


async def fetch(ask: Ask, local_host: str, interface: str = "") -> Reply:
    """Do one exchange from ``local_host``, which must be the InternalClient: others are refused (606).

    ``interface``, where it is named, is the one to leave by, whatever the routes say.

    For IPv6 that is our stable global address, never the temporary one the kernel would pick (P601, P602). A
    control point of the other family is asked from whatever address leads there (P609).
    Never raises, except when cancelled: what goes wrong is an ``HttpFailure``. The deadline ends everything,
    a body that drips byte by byte included.
    """
    try:
        async with asyncio.timeout(ask.deadline):
            try:
                connection = await _connect(ask.endpoint, local_host, interface)
            except (OSError, ValueError, OverflowError) as error:  # the last two: no address, no port
                if isinstance(error, TimeoutError):
                    raise
                return HttpFailure(FailureKind.REFUSED, f"cannot connect: {_words(error)}")
            with connection:
                # At once, and in one segment; no half-close: both confuse old gateways.
                await asyncio.get_running_loop().sock_sendall(connection, ask.data)
                return await _read(connection)
    except TimeoutError:
        return HttpFailure(FailureKind.TIMEOUT, f"no answer within {ask.deadline:g} s")
    except (OSError, MalformedMessage) as error:
        return HttpFailure(FailureKind.BROKEN, f"no usable answer: {error}")


async def _connect(to: Endpoint, local_host: str, interface: str) -> socket.socket:
    remote, source = addresses(to, local_host)
    family = socket.AF_INET6 if len(remote) == 4 else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if interface:
            hold_to_interface(connection, interface)
        if source is not None:
            connection.bind(source)
        await asyncio.get_running_loop().sock_connect(connection, remote)
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


async def _read(connection: socket.socket) -> Response:
    loop, reader = asyncio.get_running_loop(), ResponseReader()
    while reader.response is None:
        if reader.may_be_whole:
            data = await _read_for(QUIET, connection)
        else:
            data = await loop.sock_recv(connection, PIECE)
        if not data:
            return reader.end()
        reader.feed(data)
    return reader.response


async def _read_for(seconds: float, connection: socket.socket) -> bytes:
    """The next piece; nothing when there is none in time."""
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(connection, PIECE)
    except TimeoutError:
        return b""
