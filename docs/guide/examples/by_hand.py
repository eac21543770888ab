"""Say where the gateway is, when no search can find it."""

import asyncio

from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(surroundings=None, gateway="192.168.1.1", description_url=None):
    async with PortMapper(surroundings, gateway=gateway, description_url=description_url) as mapper:
        web = mapper.want(Wanted(Protocol.TCP, 8080))
        granted = await web.settled()
        print("mapped at", web.external_port if granted else None)
        return web.external_port


if __name__ == "__main__":
    asyncio.run(main(description_url="http://192.168.1.1:5000/rootDesc.xml"))
