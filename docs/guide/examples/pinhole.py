"""IPv6: nothing is translated, a firewall is asked to let others in."""

import asyncio

from ringthru.portmap import Family, PortMapper, Protocol, Wanted


async def main(surroundings=None):
    async with PortMapper(surroundings) as mapper:
        hole = mapper.want(Wanted(Protocol.TCP, 8080, family=Family.IPV6))
        if await hole.settled():
            print("others reach our own IPv6 address at port", hole.external_port)
        else:
            print("no pinhole:", hole.reason)
        return hole.state


if __name__ == "__main__":
    asyncio.run(main())
