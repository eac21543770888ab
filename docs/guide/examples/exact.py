"""This external port and no other."""

import asyncio

from ringthru.portmap import PortMapper, Protocol, Wanted


async def main(surroundings=None):
    async with PortMapper(surroundings) as mapper:
        mail = mapper.want(Wanted(Protocol.TCP, 2525, external_port=25, exact=True))
        if await mail.settled():
            print("port 25 leads to our 2525")
        else:
            print("not to be had:", mail.reason, "(it is asked for again later)")
        return mail.external_port


if __name__ == "__main__":
    asyncio.run(main())
