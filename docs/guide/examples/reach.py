"""Prove that others get through: by an echo host outside, or by your own traffic."""

import asyncio

from ringthru.portmap import MappingProven, PortMapper, Protocol, Rung, Wanted


class MyService(asyncio.DatagramProtocol):
    """What listens on your port; ``mapper`` is asked first, as a probe is of no use to you."""

    mapper = None

    def datagram_received(self, data, source):
        if not self.mapper.saw(data):
            print("somebody says", data)


async def main(echo, surroundings=None, host="0.0.0.0", patience=10.0):
    loop = asyncio.get_running_loop()
    transport, service = await loop.create_datagram_endpoint(MyService, local_addr=(host, 8000))
    proven = asyncio.Event()
    async with PortMapper(surroundings, echo=echo) as service.mapper:
        service.mapper.subscribe(
            lambda event: (
                proven.set() if isinstance(event, MappingProven) and event.rung is Rung.REACHABLE else None
            )
        )
        mapping = service.mapper.want(Wanted(Protocol.UDP, 8000))
        mapping.watched = True  # what comes in there goes through ``saw``: the echo host may knock
        try:
            async with asyncio.timeout(patience):
                await proven.wait()
        except TimeoutError:
            pass
        (seen,) = service.mapper.snapshot().mappings
        print(seen.rung.value, "-", seen.evidence[-1].words)
    transport.close()
    return seen


if __name__ == "__main__":
    asyncio.run(main("203.0.113.9:4478"))  # your own machine outside, where `ringthru nat echo` runs
