"""Ports that are of use only together."""

import asyncio

from ringthru.portmap import PortMapper, Protocol, SetRule, Wanted


async def main(surroundings=None):
    async with PortMapper(surroundings) as mapper:
        # SIP over UDP and TCP: one number, because the address others see has only one
        sip = mapper.want_set((Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060)), SetRule.SAME_NUMBER)
        # RTP and RTCP: an even number and the next one (RFC 3550)
        rtp = mapper.want_set((Wanted(Protocol.UDP, 16384), Wanted(Protocol.UDP, 16385)), SetRule.PAIR)
        for members in (sip, rtp):
            if await members.settled():
                print([each.internal_port for each in members.mappings], "at", members.external_ports)
            else:
                print("none of them:", [each.reason for each in members.mappings])
        return sip.external_ports, rtp.external_ports


if __name__ == "__main__":
    asyncio.run(main())
