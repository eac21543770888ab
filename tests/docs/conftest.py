"""A house on loopback for what the pages show: a fake gateway at 127.84.N.1, our host at 127.84.N.103."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Network
from pathlib import Path
from types import ModuleType

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings

DOCS = Path(__file__).parents[2] / "docs"
OUTSIDE = IPv4Network("127.85.0.0/16")  # what is the Internet here
RULES = AddressRules(also_public=(OUTSIDE,))


def load(path: Path) -> ModuleType:
    """A file of the pages as a module; it is not run as a program."""
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def house(number: int = 0) -> Surroundings:
    return Surroundings(
        address=f"127.84.{number}.103",
        network=IPv4Network(f"127.84.{number}.0/24"),
        gateway=f"127.84.{number}.1",
        rules=RULES,
        multicast=False,  # loopback has none
    )


@pytest.fixture
async def new_gateway() -> AsyncIterator[Callable[..., object]]:
    async with AsyncExitStack() as stack:

        async def start(number: int = 0, protocols=("natpmp", "upnp"), **quirks: object) -> FakeGateway:
            gateway = FakeGateway(
                f"127.84.{number}.1",
                f"127.85.{number}.1",
                protocols=protocols,
                quirks=Quirks(**quirks),
            )
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return gateway

        yield start


@pytest.fixture
async def gateway(new_gateway) -> FakeGateway:
    return await new_gateway()
