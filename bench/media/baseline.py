"""What asyncio alone does: a stock datagram protocol for each leg, which sends on whatever comes.

Beside our engines it shows what the event loop costs, and its transport's 256 KiB for each datagram. Python's
packets share its interpreter with whatever else it does.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from ringthru.net.address import Endpoint


class Relay(asyncio.DatagramProtocol):
    """One leg: what comes goes out by the other leg (itself, for an echo) to whom it was told of."""

    def __init__(self, ports: socket.socket) -> None:
        self.local = Endpoint(*ports.getsockname())
        self.other = self
        self._there: tuple[str, int] = ("", 0)
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        if data[0] >> 6 == 2 and len(data) >= 12:
            self.other._transport.sendto(data, self.other._there)

    def connect(self, negotiated: Any, *, speak_first: bool = True) -> None:
        self._there = tuple(negotiated.remote_rtp)

    def bridge(self, other: Relay) -> None:
        self.other, other.other = other, self

    def echo(self) -> None:
        self.other = self

    def report(self) -> None:
        """Nothing is counted."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class AsyncioEngine:
    """As much of an engine as the bench asks for."""

    def __init__(self, first: int, last: int, capacity: int) -> None:
        self._legs: list[Relay] = []

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    def reserve(self, host: str) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.bind((host, 0))
        return sock

    def open(self, ports: socket.socket, *, name: str) -> Relay:
        leg = Relay(ports)
        self._legs.append(leg)
        self._loop.create_task(self._loop.create_datagram_endpoint(lambda: leg, sock=ports))
        return leg

    async def close(self) -> None:
        for leg in self._legs:
            leg.close()
