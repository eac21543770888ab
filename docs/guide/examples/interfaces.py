"""Two lines to the Internet: one engine for each interface."""

import asyncio
from contextlib import AsyncExitStack

from ringthru.net.surroundings import look_around
from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(places=None):
    places = places or {name: look_around(name) for name in ("eth0", "eth1")}
    async with AsyncExitStack() as stack:
        found = {}
        for name, surroundings in places.items():
            mapper = await stack.enter_async_context(PortMapper(surroundings))
            web = mapper.want(Wanted(Protocol.TCP, 8080))
            await web.settled()
            found[name] = (mapper.snapshot().external_address, web.external_port)
            print(name, "is reached at", *found[name])
        return found


if __name__ == "__main__":
    asyncio.run(main())
