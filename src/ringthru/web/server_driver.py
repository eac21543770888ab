"""A small HTTP server: connections are counted, timed and bounded, and each is answered once.

Lives here: listening, reading, writing, patience. Never here: who may ask, and what is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from http import HTTPStatus
from typing import Final

from ..net.address import Endpoint
from ..net.sockets import keep_small_and_alive, listen_tcp
from ..net.values import frozen
from .http import HEAD_END, LONGEST_HEAD, BadRequest, Request, Response

log = logging.getLogger(__name__)

PATIENCE: Final = 5.0  # seconds for a request to come, and for its answer to go
SLOWEST: Final = 20.0  # seconds for one piece of a stream to be taken


@frozen
class Ends:
    """Both ends of a connection."""

    peer: Endpoint
    local: Endpoint


class HttpServer:
    """Serves from ``start`` to ``stop``."""

    def __init__(
        self,
        where: Endpoint,
        admits: Callable[[Ends], bool],
        answer: Callable[[Request, Ends], Awaitable[Response]],
        *,
        most: int,
        most_of_one: int | None = None,
    ) -> None:
        """At once ``most`` connections, and of one address ``most_of_one``; what is more is closed unread.

        ``admits`` may send a connection away before it is read.
        """
        self._where = where
        self._admits = admits
        self._answer = answer
        self._most = most
        self._most_of_one = most_of_one or most
        self._server: asyncio.Server | None = None
        self._held: Counter[str] = Counter()  # connections, by the peer's address
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None while it does not."""
        if self._server is None or not self._server.sockets:
            return None
        return Endpoint(*self._server.sockets[0].getsockname()[:2])

    @property
    def open(self) -> int:
        """Connections now."""
        return sum(self._held.values())

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the endpoint cannot be had.
        """
        sock = listen_tcp(self._where)
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=LONGEST_HEAD)

    async def stop(self) -> None:
        """No more; what is being answered is cut off."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = _ends(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._held[ends.peer.host] += 1
        try:
            has_room = self.open <= self._most and self._held[ends.peer.host] <= self._most_of_one
            if has_room and self._admits(ends):
                await self._converse(reader, writer, ends)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # too slow, too long, or gone
        except asyncio.CancelledError:
            pass  # the program ends; Python 3.11 would log it as an error of ours
        except Exception:
            log.exception("A request over HTTP failed")
        finally:
            self._tasks.discard(task)
            self._let_go(ends.peer.host)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _let_go(self, host: str) -> None:
        self._held[host] -= 1
        if not self._held[host]:
            del self._held[host]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: Ends) -> None:
        request, response = await self._exchange(reader, ends)
        async with asyncio.timeout(PATIENCE):
            writer.write(response.encode(head_only=request is not None and request.method == "HEAD"))
            await writer.drain()
        if response.stream is not None:
            keep_small_and_alive(writer.get_extra_info("socket"))
            await _until_either_ends(reader, writer, response.stream)

    async def _exchange(self, reader: asyncio.StreamReader, ends: Ends) -> tuple[Request | None, Response]:
        """A request, None where it was none, and its answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                request = Request.parse(await reader.readuntil(HEAD_END))
                if length := request.content_length:
                    body = await reader.readexactly(length)
                    request = Request(request.method, request.path, request.query, request.headers, body)
        except BadRequest as error:
            return None, Response.text(error.status, str(error))
        return request, await self._answer(request, ends)


async def _until_either_ends(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: AsyncGenerator[bytes, None]
) -> None:
    """Write a stream; the client says nothing more, so whatever comes of it is its end."""
    sending = asyncio.ensure_future(_write_all(writer, pieces))
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (sending, gone):
            each.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)
        if writer.transport.get_write_buffer_size():
            writer.transport.abort()  # who did not take it by now never will


async def _write_all(writer: asyncio.StreamWriter, pieces: AsyncGenerator[bytes, None]) -> None:
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            writer.write(piece)
            async with asyncio.timeout(SLOWEST):
                await writer.drain()


def _ends(writer: asyncio.StreamWriter) -> Ends:
    peer = writer.get_extra_info("peername") or ("", 0)
    local = writer.get_extra_info("sockname") or ("", 0)
    return Ends(Endpoint(*peer[:2]), Endpoint(*local[:2]))


def bad_method(*allowed: str) -> Response:
    """Not by this method (RFC 9110 §15.5.6)."""
    words = f"Only {' and '.join(allowed)}."
    return Response.text(HTTPStatus.METHOD_NOT_ALLOWED, words, ("Allow", ", ".join(allowed)))
