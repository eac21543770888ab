"""One port on one gateway, whichever grants it; another one takes over when that one is lost."""

import asyncio

from ringthru.portmap import InterfaceEvent, MapperGroup, MappingAdded, Placement, Protocol, Wanted


async def main(places=None, enough=lambda told: False):
    told, news = [], asyncio.Event()

    def hear(event):
        match event:
            case InterfaceEvent(interface, MappingAdded(_, port, external)):
                told.append(f"{port} is reached over {interface} at port {external}")
        news.set()

    async with MapperGroup(places=places) as group:
        group.subscribe(hear)
        mail = group.want(Wanted(Protocol.TCP, 2525), Placement.FIRST)
        await mail.settled()
        while not enough(told):
            news.clear()
            await news.wait()
        print(*told, sep="\n")
        return mail.granted


if __name__ == "__main__":
    asyncio.run(main())
