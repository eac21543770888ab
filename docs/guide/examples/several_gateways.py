"""Two lines to the Internet, a VPN, a second router: a port is opened on every gateway there is."""

import asyncio
from functools import partial
from pathlib import Path

from ringthru.portmap import MapperGroup, PortMapper, Protocol, Wanted


async def main(places=None, store=Path("ports.sqlite3"), patience=10.0):
    group = MapperGroup(partial(PortMapper, store=store), places=places)
    group.subscribe(lambda told: print(f"{told.interface}: {told.event}"))
    async with group:
        web = group.want(Wanted(Protocol.TCP, 8080, label="web"))
        try:
            async with asyncio.timeout(patience):  # each gateway takes its time; none takes another one's
                await web.settled_everywhere()
        except TimeoutError:
            print("not everybody has answered; going on with", web.granted)
        for name, mapping in web.on.items():
            address = group.mapper(name).snapshot().external_address
            print(name, "is reached at", address, mapping.external_port, mapping.reason)
        return {name: web.on[name].external_port for name in web.granted}


if __name__ == "__main__":
    asyncio.run(main())
