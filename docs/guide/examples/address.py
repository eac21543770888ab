"""Wait for the address that others dial."""

import asyncio

from ringthru.portmap import PortMapper


async def external_address(mapper, patience=10.0):
    """The public address; None when there is no gateway, or it has none in ``patience`` seconds."""
    news = asyncio.Event()
    forget = mapper.subscribe(lambda event: news.set())
    try:
        async with asyncio.timeout(patience):
            await mapper.verdict()  # the first search is over
            while mapper.snapshot().external_address is None:
                news.clear()
                await news.wait()
    except TimeoutError:
        pass
    finally:
        forget()
    return mapper.snapshot().external_address


async def main(surroundings=None, patience=10.0):
    async with PortMapper(surroundings) as mapper:
        address = await external_address(mapper, patience)
        seen = mapper.snapshot()
        if address:
            print("others dial", address)
        elif seen.gateway is None:
            print("no gateway that maps ports answered")
        else:
            print("the gateway has", seen.reported_address, "which is", seen.address_kind)
        return address


if __name__ == "__main__":
    asyncio.run(main())
