"""Plays the fake gateway's UPnP server on TCP: scripts out in their time, events to subscribers.

Lives here: connections, waiting, resetting. Never here: what is said; an address outside 127.0.0.0/8.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ..loopback_guard import is_loopback
from .gena import Delivery
from .replies import Ending, HttpScript
from .tcp_service import TcpService, listen_tcp
from .upnp_server import UpnpServer

PATIENCE: Final = 10.0  # seconds for a whole request, for a client to close, for a subscriber to answer
NOTICE: Final = 0.05  # seconds in which a half-close is noticed, where it matters (HT08)
READ: Final = 65536  # bytes
ABORT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class UpnpDriver:
    """HTTP of one gateway on ``address``; another port after each ``start``, as miniupnpd has it (SD18).

    ``seen_as`` gives the address the gateway sees a client at, where a NAT stands between them.
    """

    def __init__(
        self,
        server: UpnpServer,
        address: str,
        clock: Callable[[], float],
        seen_as: Callable[[str], str] = lambda host: host,
    ) -> None:
        self._server = server
        self._address = address
        self._clock = clock
        self._seen_as = seen_as
        self._tcp: TcpService | None = None
        self._open = 0
        self._delivering: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: there is no port.
        """
        self._tcp = TcpService(listen_tcp(Endpoint(self._address, 0)), self._serve)
        self._server.http = self._tcp.local

    async def stop(self) -> None:
        self._server.http = None
        for task in self._delivering:
            task.cancel()
        await asyncio.gather(*self._delivering, return_exceptions=True)
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.closed()
            self._tcp = None

    def deliver(self) -> None:
        """Send the events that are owed; only to loopback, each on its own."""
        for delivery in self._server.events_to_send():
            if is_loopback(delivery.to.host):
                task = asyncio.get_running_loop().create_task(self._post(delivery))
                self._delivering.add(task)
                task.add_done_callback(self._delivering.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._server.admits(self._open, self._clock()):
            _reset(writer)
            return
        self._open += 1
        try:
            client = self._seen_as(writer.get_extra_info("peername")[0])
            received = await self._request(reader)
            if await self._is_half_closed(reader):
                _reset(writer)
                return
            await _play(self._server.respond(received, client, self._clock()), reader, writer)
        finally:
            self._open -= 1
        self._server.publish()
        self.deliver()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        received = b""
        async with asyncio.timeout(PATIENCE):
            while self._server.wants_more(received):
                more = await reader.read(READ)
                if not more:
                    raise EOFError
                received += more
        return received

    async def _is_half_closed(self, reader: asyncio.StreamReader) -> bool:
        if self._server.on_half_close() is not Ending.RESET:
            return False
        try:
            async with asyncio.timeout(NOTICE):
                return not await reader.read(1)
        except TimeoutError:
            return False

    async def _post(self, delivery: Delivery) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(*delivery.to, local_addr=(self._address, 0))
                writer.write(delivery.data)
                await reader.read(READ)
                writer.close()
        except (OSError, TimeoutError):
            pass  # a subscriber that went away; §4.3.2 has no second try


async def _play(script: HttpScript, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for piece in script.pieces:
        if piece.delay:
            await asyncio.sleep(piece.delay)
        writer.write(piece.data)
        await writer.drain()
    await asyncio.sleep(script.end_delay)
    if script.ending is Ending.RESET:
        _reset(writer)
    elif script.ending is Ending.KEEP_OPEN:
        async with asyncio.timeout(PATIENCE):
            await reader.read()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    writer.transport.abort()
