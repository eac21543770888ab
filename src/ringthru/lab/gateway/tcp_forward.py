"""One TCP port forwarded by a plain relay.

Lives here: two connections joined.
Never here: who may have the port, and for how long.

Unlike UDP the inside host sees the gateway's inside address as the source, not the peer's: user space
cannot connect in another's name where that one holds a connection itself.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ...net.address import Endpoint
from .tcp_service import TcpService, listen_tcp
from .udp_forward import LetsIn, Traffic

PIECE: Final = 65536  # bytes


class TcpForward:
    """Forwards connections to ``outside`` on to ``internal``, from the gateway's ``inside`` address.

    Whom ``lets_in`` refuses is hung up on at once: user space cannot leave a connection unaccepted.

    Raises:
        OSError: the external port is taken.
    """

    def __init__(
        self, outside: Endpoint, internal: Endpoint, inside: str, traffic: Traffic, lets_in: LetsIn
    ) -> None:
        self.internal = internal
        self._lets_in = lets_in
        self.traffic = traffic
        self._inside = inside
        self._service = TcpService(listen_tcp(outside), self._relay)
        self.outside = self._service.local

    def sweep(self) -> None:
        """Nothing idles out: a TCP relay ends with its connections."""

    def close(self) -> None:
        self._service.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._lets_in(writer.get_extra_info("peername")[0]):
            writer.transport.abort()
            return
        inner_reader, inner_writer = await asyncio.open_connection(
            *self.internal, local_addr=(self._inside, 0)
        )
        try:
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._pump(reader, inner_writer, inward=True))
                both_ways.create_task(self._pump(inner_reader, writer, inward=False))
        except* OSError:
            pass  # one side was reset: the relay ends
        finally:
            inner_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, inward: bool
    ) -> None:
        while piece := await reader.read(PIECE):
            self.traffic.inward += inward
            self.traffic.outward += not inward
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
