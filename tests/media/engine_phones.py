"""Phones on real sockets of the loopback, and legs for them at an engine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ringthru.media import Engine, Leg
from ringthru.media.description.offer_answer import PCMU, Negotiated
from ringthru.media.rtp.packet import RtpPacket
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp

HOST = "127.30.0.1"


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so; the limit is reached by a broken build only."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)


class Phone:
    """A socket for RTP and one for RTCP, and the frames it hears."""

    def __init__(self, host: str) -> None:
        self.rtp, self.rtcp = bind_udp(Endpoint(host, 0)), bind_udp(Endpoint(host, 0))
        self.heard: list[RtpPacket] = []
        self.sequence = 0

    def agreed(self) -> Negotiated:
        rtp, rtcp = (Endpoint(*sock.getsockname()) for sock in (self.rtp, self.rtcp))
        return Negotiated(b"", PCMU, rtp, rtcp, 101, "sendrecv", 20, 0, 101)

    def say(self, frame: bytes, leg: Leg, sock: socket.socket | None = None) -> None:
        self.sequence += 1
        packet = RtpPacket(0, self.sequence, self.sequence * 160, 9, frame)
        (sock or self.rtp).sendto(packet.encode(), leg.local)

    async def listen(self, count: int) -> list[RtpPacket]:
        """Wait for so many packets that are not silence."""
        loop = asyncio.get_running_loop()
        while len(self.heard) < count:
            packet = RtpPacket.decode(await asyncio.wait_for(loop.sock_recv(self.rtp, 2048), 30))
            if set(packet.payload) != {0xFF}:
                self.heard.append(packet)
        return self.heard

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def leg(engine: Engine, phone: Phone, name: str = "leg") -> Leg:
    made = engine.open(engine.reserve(HOST), name=name)
    made.connect(phone.agreed())
    return made
