"""A small TCP server that can be opened at once and closed completely.

Lives here: accepting, counting and ending connections.
Never here: what is said on them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from ...net.address import Endpoint

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def listen_tcp(local: Endpoint) -> socket.socket:
    """A listening, non-blocking socket (port 0: any).

    Raises:
        OSError: the endpoint is taken or forbidden.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(local)
        sock.listen(64)
    except OSError:
        sock.close()
        raise
    return sock


class TcpService:
    """Serves a listening socket, at most ``limit`` connections at a time; the others are hung up on.

    What a handler raises because of its peer (``OSError``, time-out, an early end) ends that connection only.
    """

    def __init__(self, sock: socket.socket, handler: Handler, *, limit: int = 64) -> None:
        self.local = Endpoint(*sock.getsockname())
        self._sock = sock
        self._handler = handler
        self._limit = limit
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._starting = asyncio.get_running_loop().create_task(self._start())

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._starting.cancel()
        if self._server is not None:
            self._server.close()
        self._sock.close()
        for task in self._running:
            task.cancel()

    async def closed(self) -> None:
        """Wait, after ``close``, until the last connection is gone."""
        await asyncio.gather(self._starting, *self._running, return_exceptions=True)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._sock)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._running) >= self._limit:
            writer.close()
            return
        self._running.add(task)
        try:
            await self._handler(reader, writer)
        except (OSError, TimeoutError, EOFError, ValueError):
            pass  # the peer went away, dawdled, or sent a line without end
        except asyncio.CancelledError:
            pass  # our own close; nobody waits for this task's outcome
        finally:
            self._running.discard(task)
            writer.close()
