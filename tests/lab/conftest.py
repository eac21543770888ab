"""A fake gateway between 127.41.0.0/24 (inside) and 127.42.0.0/24 (outside), and hosts on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway, ManualClock, OutsideSocket
from ringthru.lab.datagrams import Datagrams
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp

INSIDE = IPv4Network("127.41.0.0/24")
GATEWAY = "127.41.0.1"
PUBLIC = "127.42.0.1"
SWITCH = "127.41.0.103"


class InsideHost:
    """A UDP socket of an inside host; what it hears waits in a queue."""

    def __init__(self, local: Endpoint) -> None:
        self._heard: asyncio.Queue[tuple[bytes, Endpoint]] = asyncio.Queue()
        self._socket = Datagrams(bind_udp(local), lambda *heard: self._heard.put_nowait(heard))
        self.local = self._socket.local

    def send(self, data: bytes, to: Endpoint) -> bool:
        return self._socket.send(data, to)

    async def receive(self) -> tuple[bytes, Endpoint]:
        async with asyncio.timeout(30):
            return await self._heard.get()

    async def ask(self, data: bytes, to: Endpoint) -> bytes:
        self.send(data, to)
        answer, source = await self.receive()
        assert source == to
        return answer

    def heard_nothing(self) -> bool:
        return self._heard.empty()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def gateways(clock: ManualClock) -> AsyncIterator[Callable[..., object]]:
    """Start gateways that are stopped at the end; on the manual clock unless told otherwise."""
    async with AsyncExitStack() as stack:

        async def start(inside: str = GATEWAY, outside: str = PUBLIC, **settings: object) -> FakeGateway:
            gateway = FakeGateway(inside, outside, **{"clock": clock.read, **settings})
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return gateway

        yield start


@pytest.fixture
async def gateway(gateways) -> FakeGateway:
    return await gateways()


@pytest.fixture
async def hosts() -> AsyncIterator[Callable[..., InsideHost]]:
    opened: list[InsideHost] = []

    def open_host(address: str = SWITCH, port: int = 0) -> InsideHost:
        opened.append(InsideHost(Endpoint(address, port)))
        return opened[-1]

    yield open_host
    for host in opened:
        host.close()


@pytest.fixture
async def phones() -> AsyncIterator[Callable[..., OutsideSocket]]:
    """Outside sockets, closed at the end."""
    opened: list[OutsideSocket] = []

    def open_phone(address: str, port: int = 0, **settings: object) -> OutsideSocket:
        opened.append(OutsideSocket(Endpoint(address, port), INSIDE, **settings))
        return opened[-1]

    yield open_phone
    for phone in opened:
        phone.close()


@pytest.fixture
def settle() -> Callable[[], Awaitable[None]]:
    """Let everything already on its way arrive: loopback delivers at once, the loop needs a few turns."""

    async def turns() -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    return turns
