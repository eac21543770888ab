"""Houses with several lines: gateway N at 127.90.N.1, outside at 127.91.N.1, we at 127.90.N.10 and beyond."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings

RULES = AddressRules(also_public=(IPv4Network("127.91.0.0/16"),))


def line(number: int, host: int = 10) -> Surroundings:
    """Where we are at a line; another ``host`` is another interface in the same LAN."""
    return Surroundings(
        f"127.90.{number}.{host}",
        IPv4Network(f"127.90.{number}.0/24"),
        f"127.90.{number}.1",
        RULES,
        multicast=False,
    )


@pytest.fixture
async def new_gateway() -> AsyncIterator[Callable[..., object]]:
    async with AsyncExitStack() as stack:

        async def start(number: int, *protocols: str, **quirks: object) -> FakeGateway:
            gateway = FakeGateway(
                f"127.90.{number}.1",
                f"127.91.{number}.1",
                protocols=protocols or ("natpmp", "upnp"),
                quirks=Quirks(**quirks),
            )
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return gateway

        yield start
