"""An engine under attack: what it asks, says, counts and holds, on a clock moved by hand."""

from __future__ import annotations

import gc
import itertools
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from ipaddress import IPv4Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.values import MappingState, Protocol, Wanted

LAN = IPv4Network("192.168.1.0/24")
US, GATEWAY = "192.168.1.103", "192.168.1.1"
FLOOD = 100_000  # datagrams
SIP = Wanted(Protocol.UDP, 5060)


class Attacked:
    """An engine without a gateway around it; what it sends is kept until it is asked for."""

    def __init__(self) -> None:
        self.now = 100.0
        self.logs: list[str] = []
        self.engine = Engine(
            Surroundings(US, LAN, GATEWAY),
            log=lambda level, text: self.logs.append(text),
            entropy=random.Random(1).randbytes,
        )
        self.engine.start(self.now)
        self.engine.want(SIP, self.now)

    def hear(self, datagram: bytes, host: str = GATEWAY, port: int = 1900) -> None:
        """A datagram for the search socket."""
        self.engine.receive_ssdp(datagram, Endpoint(host, port), self.now)

    def asked(self) -> list[Endpoint]:
        """Whom it wants to ask by HTTP."""
        return [request.ask.endpoint for request in self.engine.http_to_send()]

    @property
    def counters(self) -> dict[str, int]:
        return dict(self.engine.snapshot(self.now).counters)

    def said(self, words: str) -> int:
        """How many lines of the log have these words."""
        return sum(words in line for line in self.logs)


@pytest.fixture
def attacked() -> Attacked:
    return Attacked()


@pytest.fixture
def world_of() -> Callable[..., World]:
    """A virtual world whose gateway has these rows."""

    def make(*rows: str, protocols: tuple[str, ...] = ("upnp",)) -> World:
        clock, ports = ManualClock(), itertools.count(40000)
        quirks = Quirks(rows=frozenset(rows))
        gateway = VirtualGateway(clock.read, quirks=quirks, protocols=protocols, seed=0)
        engine = Engine(
            Surroundings(US, LAN, GATEWAY),
            pick_port=lambda: next(ports),
            log=lambda level, text: None,
            entropy=random.Random(0).randbytes,
        )
        world = World(engine, gateway, clock=clock, host=US)
        world.call("start")
        world.call("want", SIP)
        return world

    return make


@pytest.fixture
def is_mapped() -> Callable[[World], bool]:
    def look(world: World) -> bool:
        return world.engine.snapshot(world.now).mappings[0].state is MappingState.ACCEPTED

    return look


@pytest.fixture
def memory_below() -> Callable[[int], AbstractContextManager[None]]:
    """Within the block, this many KiB at most may be left allocated at its end, by Python's own account."""

    @contextmanager
    def measured(kibibytes: int) -> Iterator[None]:
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            yield
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert grown < kibibytes * 1024, f"{grown // 1024} KiB more"

    return measured


@pytest.fixture
def flood(
    memory_below: Callable[[int], AbstractContextManager[None]],
) -> Callable[[Callable[[int], object], int], None]:
    """Call ``send(0)`` to ``send(99999)``, after which there is no more than there was soon after the start.

    Blocks of memory are counted all the time, which costs nothing. The last fiftieth may add so many KiB by
    Python's own account, which takes three times as long.
    """

    def play(send: Callable[[int], object], kibibytes: int) -> None:
        soon, late = FLOOD // 100, FLOOD - FLOOD // 50
        for number in range(soon):  # caps fill, and lines that are told once are told
            send(number)
        gc.collect()
        before = sys.getallocatedblocks()
        for number in range(soon, late):
            send(number)
        with memory_below(kibibytes):
            for number in range(late, FLOOD):
                send(number)
        gc.collect()
        more = sys.getallocatedblocks() - before
        assert more < FLOOD // 100, f"{more} blocks of memory more"

    return play
