"""A house for the command line: a gateway between 127.70.N.1 and 127.71.N.1, and us at 127.70.N.103.

N is the number of pytest-xdist's worker, so that each of them has a house of its own; 0 where there are none.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.nat.command import run
from ringthru.nat.place import Ground
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings
from ringthru.net.values import replace
from ringthru.portmap.memory.store_driver import Store

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
INSIDE, BEYOND = f"127.70.{WORKER}", f"127.71.{WORKER}"  # how addresses in and out of the house begin
US, GATEWAY, OUTSIDE = f"{INSIDE}.103", f"{INSIDE}.1", f"{BEYOND}.1"
HOUSE = Surroundings(
    US,
    IPv4Network(f"{INSIDE}.0/24"),
    GATEWAY,
    AddressRules((IPv4Network("127.71.0.0/16"),)),
    multicast=False,
)


class Said:
    """What a command said, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict:
        return json.loads(self.out)


class Shell:
    """Types commands on the ground of the house, with a journal of its own."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.surroundings = HOUSE
        self.linger = 0.5  # seconds that slower services are waited for
        self.survey = 30.0  # seconds that ``discover`` waits at most; it ends when all have answered
        self.out = io.StringIO()  # what the latest command has said so far

    async def __call__(self, line: str, *more: str) -> Said:
        return await self.on(lambda interface: self.surroundings, line, *more)

    async def on(self, look_around: Callable[[str | None], Surroundings], line: str, *more: str) -> Said:
        """The same where the kernel tells something else of the network."""
        out, err = io.StringIO(), io.StringIO()
        self.out = out
        ground = Ground(look_around, linger=self.linger, survey=self.survey)
        argv = [*line.split(), *more, "--store", str(self.store)]
        code = await run(argv, ground, out, err)
        return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture
async def start_gateway() -> AsyncIterator[Callable[..., object]]:
    async with AsyncExitStack() as stack:

        async def start(*protocols: str, **quirks: object) -> FakeGateway:
            gateway = FakeGateway(
                GATEWAY,
                OUTSIDE,
                protocols=protocols or ("natpmp", "upnp"),
                quirks=Quirks(**quirks),
                clock=time.monotonic,
            )
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return gateway

        yield start


@pytest.fixture
def nat(tmp_path: Path) -> Shell:
    """``await nat("add 5060")`` is ``ringthru nat add 5060`` in the house."""
    return Shell(tmp_path / "state" / "nat.sqlite3")


@pytest.fixture
def left_behind() -> Callable[[Path], None]:
    """Make of every remembered mapping one whose maker was killed."""

    def change(path: Path) -> None:
        store = Store(path)
        for entry in store.entries():
            store.keep(replace(entry, kept=False, owner=""))
        store.close()

    return change
