"""A small DNS server on loopback: a zone as text, and what it was asked."""

from __future__ import annotations

import asyncio
from collections import Counter

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp


class DnsServer(asyncio.DatagramProtocol):
    """Answers from ``zone``: (name, type) to its records' texts. A name in ``mute`` gets no answer at all."""

    def __init__(self, zone: dict[tuple[str, str], list[str]], ttl: int = 300) -> None:
        self.zone = zone
        self.ttl = ttl
        self.mute: set[str] = set()
        self.mute_kinds: set[str] = set()  # record types that are not answered
        self.asked: Counter[tuple[str, str]] = Counter()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str) -> Endpoint:
        sock = bind_udp(Endpoint(host, 0))
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, sock=sock
        )
        return Endpoint(*sock.getsockname()[:2])

    def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = question.rdtype.name
        self.asked[name, kind] += 1
        if name in self.mute or kind in self.mute_kinds:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if records := self.zone.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(response.to_wire(), addr)
