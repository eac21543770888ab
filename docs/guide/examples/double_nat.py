"""A router behind a router: the port is mapped on both."""

import asyncio

from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(surroundings=None, outer_gateway=None):
    news = asyncio.Event()
    async with PortMapper(surroundings, nested=True, outer_gateway=outer_gateway) as mapper:
        mapper.subscribe(lambda event: news.set())
        web = mapper.want(Wanted(Protocol.TCP, 8080))
        async with asyncio.timeout(30):
            while mapper.snapshot().external_address is None or web.external_port is None:
                news.clear()
                await news.wait()
        seen = mapper.snapshot()
        chain = " then ".join(str(each.gateway) for each in (seen, *seen.chain))
        print(f"others dial {seen.external_address}:{web.external_port}, through {chain}")
        return seen


if __name__ == "__main__":
    asyncio.run(main())
