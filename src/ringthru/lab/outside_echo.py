"""An echo host on the laboratory's Internet, beyond a fake gateway.

On loopback an asker's datagrams come with its inside address, which no host outside could see. Here they are
handed to the gateway (``OutsideSocket``), and come again with its outside address, at which the host knocks.

Lives here: the echo host's sockets. Never here: whom it answers (``EchoHost``).
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from ipaddress import IPv4Network

from ..net.address import Endpoint
from ..portmap.echo.echo_host import EchoHost, ProbeOrder
from ..portmap.values import Protocol
from ..portmap.wire.echo import Outcome
from .loopback_guard import require_loopback
from .outside import Masquerade, OutsideSocket


class OutsideEcho:
    """An echo host at ``local``, for askers in ``inside``, whose datagrams ``masquerade`` carries out."""

    def __init__(self, local: Endpoint, inside: IPv4Network, masquerade: Masquerade) -> None:
        self._inside = inside
        self._host = EchoHost(secrets.token_bytes(32))
        self._socket = OutsideSocket(local, inside, on_datagram=self._receive, masquerade=masquerade)
        self._knocking: set[OutsideSocket] = set()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def local(self) -> Endpoint:
        return self._socket.local

    def counters(self) -> dict[str, int]:
        return self._host.counters()

    def close(self) -> None:
        self._socket.close()
        for each in self._knocking:
            each.close()
        for task in self._running:
            task.cancel()

    def _receive(self, data: bytes, source: Endpoint) -> None:
        self._host.receive_datagram(data, source, asyncio.get_running_loop().time())
        self._pump()

    def _pump(self) -> None:
        for datagram, to in self._host.datagrams_to_send():
            self._socket.send(datagram, to)
        for order in self._host.probes():
            if order.protocol is Protocol.UDP:
                self._knock_udp(order)
            else:
                task = asyncio.get_running_loop().create_task(self._knock_tcp(order))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def _knock_udp(self, order: ProbeOrder) -> None:
        fresh = OutsideSocket(Endpoint(self.local.host, 0), self._inside)
        self._knocking.add(fresh)  # open until the end: the gateway speaks to the inside in its name
        sent = fresh.send(order.datagram, order.to)
        self._done(order, Outcome.SENT if sent else Outcome.FAILED)

    async def _knock_tcp(self, order: ProbeOrder) -> None:
        outcome = Outcome.REFUSED
        with suppress(OSError):
            require_loopback(order.to.host)
            _, writer = await asyncio.open_connection(*order.to, local_addr=(self.local.host, 0))
            outcome = Outcome.CONNECTED
            writer.write(order.datagram)
            writer.close()
            await writer.wait_closed()
        self._done(order, outcome)

    def _done(self, order: ProbeOrder, outcome: Outcome) -> None:
        self._host.done(order, outcome, asyncio.get_running_loop().time())
        self._pump()
