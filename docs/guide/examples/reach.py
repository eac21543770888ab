"""Prove that others get through: by your own traffic, or by an echo host outside."""

import asyncio

from ringthru.net.address import Endpoint
from ringthru.net.surroundings import look_around
from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.portmap.echo_driver import EchoClient


async def main(echo, surroundings=None):
    surroundings = surroundings or look_around()
    async with PortMapper(surroundings) as mapper:
        mapping = mapper.want(Wanted(Protocol.UDP, 8000))
        if not await mapping.settled():
            return None
        # 1. Somebody outside spoke to us through this port: you know best when that is so.
        mapper.reached(mapping, "a call from 203.0.113.9")
        # 2. Have the echo host knock. It runs `ringthru nat echo` on a machine of the Internet.
        client = EchoClient(echo, surroundings.address)
        proof = await client.prove(Protocol.UDP, mapping.external_port, mapping.internal_port)
        if proof.holds:
            mapper.reached(mapping, proof.words)
        elif proof.holds is False:  # None: nobody could tell, which is no failure
            mapper.unreachable(mapping, proof.words)
        print(proof.words)
        return mapper.snapshot().mappings[0]


if __name__ == "__main__":
    asyncio.run(main(Endpoint("203.0.113.9", 4478)))  # your own echo host's address
