"""Your own traffic proves it: nobody but your program knows who came from outside."""

import asyncio

from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(surroundings=None):
    async with PortMapper(surroundings) as mapper:
        web = mapper.want(Wanted(Protocol.TCP, 8080))
        if await web.settled():
            mapper.reached(web, "a visitor from 203.0.113.9")  # or mapper.unreachable(web, "nobody came")
        (seen,) = mapper.snapshot().mappings
        print([(each.rung.value, each.words) for each in seen.evidence])
        return seen


if __name__ == "__main__":
    asyncio.run(main())
