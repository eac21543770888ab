"""Open ports on the router, say where others reach them, close them at the end."""

import asyncio
from pathlib import Path

from ringthru.portmap import PortMapper, Protocol, SetRule, Wanted


async def main(surroundings=None, store=Path("ports.sqlite3"), seconds=60.0):
    async with PortMapper(surroundings, store=store) as mapper:
        mapper.subscribe(print)  # every event, as it happens
        web = mapper.want(Wanted(Protocol.TCP, 8080, label="web"))
        sip = mapper.want_set((Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060)), SetRule.SAME_NUMBER)
        if not (await web.settled() and await sip.settled()):
            print("no:", web.reason or sip.mappings[0].reason)
        for each in mapper.snapshot().mappings:
            print(each.protocol.value, each.internal_port, "is at", each.external_port, each.rung.value)
        await asyncio.sleep(seconds)  # your program's work; leases are renewed meanwhile
    # here the gateway has deleted them


if __name__ == "__main__":
    asyncio.run(main())
