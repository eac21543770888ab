"""A port for one network alone, under a name of its own, and a port for another machine."""

import asyncio

from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(surroundings=None, friends="203.0.113.0/24", printer="192.168.1.9"):
    async with PortMapper(surroundings) as mapper:
        web = mapper.want(Wanted(Protocol.TCP, 8080, label="Ringthru web", allow_from=(friends,)))
        theirs = mapper.want(Wanted(Protocol.TCP, 631, internal_client=printer))
        for mapping in (web, theirs):
            if await mapping.settled():
                print(mapping.internal_port, "is at", mapping.external_port)
            else:
                print("no:", mapping.reason)
        return web.state, theirs.state


if __name__ == "__main__":
    asyncio.run(main())
