"""async-upnp-client from PyPI: take the first answer to a search, then so many mappings one after another."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any

from async_upnp_client.aiohttp import AiohttpRequester  # type: ignore[import-not-found]
from async_upnp_client.client_factory import UpnpFactory  # type: ignore[import-not-found]
from async_upnp_client.profiles.igd import IgdDevice  # type: ignore[import-not-found]
from async_upnp_client.search import async_search  # type: ignore[import-not-found]

HERE, FIRST_PORT = "192.168.1.103", 20000
IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"


async def main(count: int) -> None:
    began = time.perf_counter()
    device = IgdDevice(await UpnpFactory(AiohttpRequester()).async_create_device(await location()), None)
    await add(device, FIRST_PORT - 1)
    first = time.perf_counter() - began
    began = time.perf_counter()
    for port in range(FIRST_PORT, FIRST_PORT + count):
        await add(device, port)
    print(json.dumps({"seconds": first, "many": time.perf_counter() - began}))


async def location() -> str:
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answered(headers: dict[str, str]) -> None:
        if not found.done():
            found.set_result(headers["location"])

    search = asyncio.ensure_future(async_search(answered, source=(HERE, 0), timeout=3, search_target=IGD))
    try:
        return await found
    finally:
        search.cancel()


async def add(device: Any, port: int) -> None:
    await device.async_add_port_mapping(
        remote_host=IPv4Address(0),
        external_port=port,
        protocol="UDP",
        internal_port=port,
        internal_client=IPv4Address(HERE),
        enabled=True,
        description="bench",
        lease_duration=timedelta(seconds=3600),
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
