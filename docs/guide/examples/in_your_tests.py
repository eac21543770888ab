"""A gateway for one test of your own program, in the same process."""

import asyncio
from ipaddress import IPv4Network

from ringthru.lab import FakeGateway, Quirks
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper, Protocol, Wanted

HOME = Surroundings(
    address="127.87.0.103",  # your program's host
    network=IPv4Network("127.87.0.0/24"),
    gateway="127.87.0.1",
    rules=AddressRules(also_public=(IPv4Network("127.88.0.0/16"),)),  # loopback's part of the Internet
    multicast=False,  # loopback has none: searches go to the gateway's address
)


async def main():
    gateway = FakeGateway("127.87.0.1", "127.88.0.1", quirks=Quirks(rows=frozenset({"AD01", "LI06"})))
    await gateway.start()
    try:
        async with PortMapper(HOME) as mapper:  # or your own program, told where its gateway is
            web = mapper.want(Wanted(Protocol.TCP, 8080))
            assert await web.settled()
            (entry,) = gateway.mappings()
            assert (entry.external_port, str(entry.internal)) == (8080, "127.87.0.103:8080")
            await gateway.reboot()  # a power cycle: does your program notice?
        assert gateway.mappings() == ()
    finally:
        await gateway.stop()


if __name__ == "__main__":
    asyncio.run(main())
