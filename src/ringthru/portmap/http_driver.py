"""One HTTP request to a gateway over asyncio: bound to our address, written at once, capped in time.

Lives here: the connection. Never here: redirects, proxies, cookies, or a second request on it.
"""

from __future__ import annotations

import asyncio

from ..net.address import Endpoint
from .errors import MalformedMessage
from .gateway.upnp_values import Ask, FailureKind, HttpFailure, Reply
from .wire.http import Response, ResponseReader

QUIET = 1.0  # seconds without a byte end a body of unknown length: some gateways never close
PIECE = 65536  # bytes read at once


async def fetch(ask: Ask, local_host: str) -> Reply:
    """Do one exchange from ``local_host``, which must be the InternalClient: others are refused (606).

    For IPv6 that is our stable global address, never the temporary one the kernel would pick (P601, P602). A
    control point of the other family is asked from whatever address leads there (P609).
    Never raises, except when cancelled: what goes wrong is an ``HttpFailure``. The deadline ends everything,
    a body that drips byte by byte included.
    """
    try:
        async with asyncio.timeout(ask.deadline):
            try:
                reader, writer = await _connect(ask.endpoint, local_host)
            except (OSError, ValueError, OverflowError) as error:  # the last two: no address, no port
                if isinstance(error, TimeoutError):
                    raise
                return HttpFailure(FailureKind.REFUSED, f"cannot connect: {_words(error)}")
            try:
                writer.write(ask.data)  # in one segment; no half-close: both confuse old gateways
                return await _read(reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return HttpFailure(FailureKind.TIMEOUT, f"no answer within {ask.deadline:g} s")
    except (OSError, MalformedMessage) as error:
        return HttpFailure(FailureKind.BROKEN, f"no usable answer: {error}")


async def _connect(to: Endpoint, local_host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; a zone index in ``to`` (``fe80::1%eth0``) says through which interface."""
    same_family = (":" in to.host) == (":" in local_host)
    source = (local_host, 0) if same_family else None
    return await asyncio.open_connection(to.host, to.port, local_addr=source)


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


async def _read(stream: asyncio.StreamReader) -> Response:
    reader = ResponseReader()
    while reader.response is None:
        try:
            async with asyncio.timeout(QUIET if reader.may_be_whole else None):
                data = await stream.read(PIECE)
        except TimeoutError:
            if not reader.may_be_whole:
                raise
            data = b""
        if not data:
            return reader.end()
        reader.feed(data)
    return reader.response
