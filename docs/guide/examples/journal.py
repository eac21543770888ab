"""A file that outlives the program: what a crash leaves on the gateway is taken over at the next start."""

import asyncio
from pathlib import Path

from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(surroundings=None, store=Path("ports.sqlite3"), crash=False):
    mapper = PortMapper(surroundings, store=store)
    mapper.start()
    web = mapper.want(Wanted(Protocol.TCP, 8080))
    await web.settled()
    print("mapped at", web.external_port)
    if crash:
        mapper.leave()  # ends like kill -9: nothing is deleted, the file remembers
    else:
        await mapper.stop()
    return web.external_port


if __name__ == "__main__":
    asyncio.run(main())
