"""Know where a provider sees one flow of ours, and have the router keep it while nothing is said."""

import asyncio

from ringthru.net.address import Endpoint
from ringthru.portmap import MappingState, PortMapper, Protocol, WantedPeer

PROVIDER = Endpoint("203.0.113.5", 5060)


async def main(surroundings=None, remote=PROVIDER, patience=10.0):
    async with PortMapper(surroundings) as mapper:
        flow = mapper.want_peer(WantedPeer(Protocol.UDP, 5060, remote, lifetime=1800))
        async with asyncio.timeout(patience):
            kept = await flow.settled()
        if kept:
            print(flow.remote, "sees us at", flow.external)
        elif flow.state is MappingState.UNSUPPORTED:
            print("go on sending keep-alives:", flow.reason)
        else:
            print("no:", flow.reason)
        return flow.external


if __name__ == "__main__":
    asyncio.run(main())
