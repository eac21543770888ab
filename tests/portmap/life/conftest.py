"""Engines that die and live again, behind a fake gateway on loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.net.address import AddressRules, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.portmap.engine import leftovers
from ringthru.portmap.mapping import deletions
from ringthru.portmap.memory.holding import JournalEntry
from ringthru.portmap.memory.store_driver import Store

RULES = AddressRules((IPv4Network("127.84.0.0/16"),))
PATIENCE = 30.0  # seconds until a test is taken to hang
GRACE = 0.15  # seconds, instead of ten: what nobody wants again goes then


class House:
    """A network of its own on loopback: 127.83.N is inside, 127.84.N is outside."""

    def __init__(self, number: int, gateway: FakeGateway, store: Path) -> None:
        self.number, self.gateway, self.store = number, gateway, store
        self.us, self.inside, self.public = us(number), f"127.83.{number}.1", f"127.84.{number}.1"
        self.surroundings = around(number)

    def table(self) -> dict[int, str]:
        """Which external port leads where."""
        return {entry.external_port: str(entry.internal) for entry in self.gateway.mappings()}

    def ours(self) -> set[int]:
        """The external ports that lead to us."""
        return {port for port, internal in self.table().items() if internal.startswith(f"{self.us}:")}

    def journal(self) -> list[JournalEntry]:
        store = Store(self.store, lambda level, text: None)
        try:
            return store.entries()
        finally:
            store.close()

    def written(self) -> set[int]:
        """The external ports in the journal."""
        return {entry.holding.external_port for entry in self.journal()}

    def hold_for_others(self, port: int) -> None:
        self.gateway.hold("udp", port, Endpoint(f"127.83.{self.number}.77", port), "somebody else")


def us(number: int) -> str:
    return f"127.83.{number}.10"


def around(number: int) -> Surroundings:
    network = IPv4Network(f"127.83.{number}.0/24")
    return Surroundings(us(number), network, f"127.83.{number}.1", RULES, multicast=False)


@pytest.fixture
def short_grace(monkeypatch):
    monkeypatch.setattr(deletions, "GRACE", GRACE)
    monkeypatch.setattr(leftovers, "PATIENCE", GRACE)


@pytest.fixture
async def build(tmp_path) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """Makes houses, each with a gateway and a path for a journal."""
    numbers = itertools.count()
    async with AsyncExitStack() as stack:

        async def make(*protocols: str, **quirks: object) -> House:
            number = next(numbers)
            gateway = FakeGateway(
                f"127.83.{number}.1",
                f"127.84.{number}.1",
                protocols=protocols or ("natpmp", "upnp"),
                quirks=Quirks(**quirks),
            )
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return House(number, gateway, tmp_path / f"journal-{number}")

        yield make


@pytest.fixture
async def new_mapper() -> AsyncIterator[Callable[..., PortMapper]]:
    """An engine in a house; stopped at the end."""
    async with AsyncExitStack() as stack:

        def make(house: House, **settings: object) -> PortMapper:
            settings = {"store": house.store, "witness_after": 3600.0, **settings}
            mapper = PortMapper(house.surroundings, log=lambda level, text: None, **settings)
            stack.push_async_callback(mapper.stop)
            return mapper

        yield make


@pytest.fixture
async def die() -> AsyncIterator[Callable[..., Awaitable[bool]]]:
    """Live in another process, want ports, and be killed at a step; False: the life ended before."""
    script = str(Path(__file__).with_name("crasher.py"))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, script, stdin=pipe, stdout=pipe)

    async def run(house: House, ports: list[int], step: int = 0, when: str = "held") -> bool:
        life = {"house": house.number, "store": str(house.store), "ports": ports, "step": step, "when": when}
        process.stdin.write(json.dumps(life).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            status = int(await process.stdout.readline())
        assert status in (0, -9), f"the life ended with {status}"
        return status != 0

    yield run
    process.stdin.close()
    await process.wait()


class Tapped:
    """What is said to a gateway, in words: "map 5060", "unmap 5060", "address", or an action of UPnP."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.asked: list[bytes] = []

    def pmp_out(self, datagram: bytes, now: float) -> None:
        if datagram[:2] == b"\0\0":
            self.said.append("address")
        elif datagram[0] == 0:
            port, lifetime = int.from_bytes(datagram[4:6]), int.from_bytes(datagram[8:12])
            self.said.append(f"{'map' if lifetime else 'unmap'} {port}")

    def http_out(self, number: int, ask, now: float) -> None:
        self.asked.append(ask.data)
        action = re.search(rb'#(\w+)"', ask.data)
        self.said.append(action[1].decode() if action else ask.data.split(b" ", 2)[0].decode())

    def ssdp_out(self, datagram: bytes, to: Endpoint, now: float) -> None: ...
    def pmp_in(self, datagram: bytes, now: float) -> None: ...
    def pmp_refused(self, now: float) -> None: ...
    def ssdp_in(self, datagram: bytes, source: Endpoint, now: float) -> None: ...
    def http_in(self, number: int, reply: object, now: float) -> None: ...


@pytest.fixture
def tapped() -> Tapped:
    return Tapped()


async def settled(mapper: PortMapper, *ports: int):
    """Start, want these UDP ports, and wait until each is granted."""
    mapper.start()
    mappings = [mapper.want(Wanted(Protocol.UDP, port)) for port in ports]
    async with asyncio.timeout(PATIENCE):
        for mapping in mappings:
            assert await mapping.settled(), (mapping.internal_port, mapping.state, mapping.reason)
    return mappings
