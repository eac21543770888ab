"""Where a gateway brings its events: a small TCP server on our LAN address (UPnP DA 1.1 §4.3).

Lives here: connections, their caps and their time. Never here: subscriptions, and what an event means.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint, parse_address
from ..errors import PortmapError
from ..wire.gena import Notification, answer, event_reader, read_event

MOST_CONNECTIONS: Final = 4  # at once; a gateway needs one
PATIENCE: Final = 5.0  # seconds for a whole event
QUIET: Final = 0.5  # seconds without a byte end a body of unknown length
PIECE: Final = 16384  # bytes read at once
ACCEPTED: Final = 200
NO_SUBSCRIPTION: Final = 412
REFUSED: Final = 400

log = logging.getLogger(__name__)


class GenaServer:
    """Takes events on ``host``, a LAN address of ours, at a port that the system gives.

    ``on_event`` says whether the event belongs to a subscription of ours; only its answer is told to the
    gateway. Connections of others than ``expect`` named are closed unread: anybody on the LAN can come.
    """

    def __init__(self, host: str, on_event: Callable[[Notification], bool]) -> None:
        self._host = host
        self._on_event = on_event
        self._expected: str | None = None
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.refused = 0  # connections of strangers, or too many at once
        self.malformed = 0  # requests that were no events

    def expect(self, gateway: str | None) -> None:
        """Take events of this address alone from now on (None: of nobody)."""
        self._expected = gateway

    async def open(self) -> Endpoint | None:
        """Listen; where to, or None when the system refuses (told at debug: polling stays the base)."""
        if self._server is None:
            try:
                await self._listen()
            except OSError as error:
                log.debug("no events from the gateway: cannot listen on %s: %s", self._host, error)
        return self.local

    @property
    def local(self) -> Endpoint | None:
        if self._server is None:
            return None
        return Endpoint(*self._server.sockets[0].getsockname()[:2])

    async def close(self) -> None:
        """Stop listening, and end what is under way."""
        if self._server is not None:
            self._server.close()
            self._server = None
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _listen(self) -> None:
        """Made first and set going then: who is cancelled in between must not leave a server behind."""
        server = await asyncio.start_server(self._accept, self._host, 0, limit=PIECE, start_serving=False)
        try:
            await server.start_serving()
        except BaseException:
            server.close()
            raise
        self._server = server

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve in a task of ours: asyncio's own complains aloud when it is cancelled before it ran.

        The connection ends with the task, not in it: a task that is cancelled early never runs at all.
        """
        if self._server is None:  # closed since the system took the connection
            writer.transport.abort()
            return
        if len(self._running) >= MOST_CONNECTIONS or not self._is_expected(writer):
            self.refused += 1
            if self.refused == 1:
                log.info("somebody else than the gateway brings events: not read (from now on only counted)")
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(answer(await self._take(reader)))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            pass  # it went away, or dawdled
        except asyncio.CancelledError:
            pass  # our own close; nobody waits for the outcome

    def _is_expected(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        if self._expected is None or peer is None:
            return False
        known = parse_address(self._expected.partition("%")[0])
        return known is not None and parse_address(str(peer[0]).partition("%")[0]) == known

    async def _take(self, stream: asyncio.StreamReader) -> int:
        """Read one request; the status to answer."""
        try:
            event = await self._read(stream)
        except PortmapError as error:
            self.malformed += 1
            if self.malformed == 1:
                log.info("the gateway brings nonsense as an event: %s (from now on only counted)", error)
            return REFUSED
        return ACCEPTED if self._on_event(event) else NO_SUBSCRIPTION

    async def _read(self, stream: asyncio.StreamReader) -> Notification:
        reader = event_reader()
        while reader.request is None:
            try:
                async with asyncio.timeout(QUIET if reader.may_be_whole else None):
                    data = await stream.read(PIECE)
            except TimeoutError:
                if not reader.may_be_whole:
                    raise
                data = b""
            if not data:
                return read_event(reader.end())
            reader.feed(data)
        return read_event(reader.request)
