"""Port 5351 of a gateway: PCP and NAT-PMP share it, told apart by the version octet (RFC 6887 §9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..wire.natpmp import HEADER, ResultCode
from .natpmp_client import NatPmpClient
from .pcp_client import PcpClient

NATPMP_VERSION: Final = 0


class Port5351:
    """Both clients on one socket; ``natpmp`` is not asked where it cannot be (IPv6, anycast)."""

    def __init__(self, pcp: PcpClient, on_attempt: Callable[[int], None]) -> None:
        self.pcp = pcp
        self.natpmp = NatPmpClient(on_attempt)

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take a datagram *already known to come from the gateway's port*.

        Raises:
            MalformedMessage: it is an answer in neither protocol.
        """
        if _says_unsupported(datagram):
            # A NAT-PMP server refuses our PCP request in its own form (RFC 6887 §9); NAT-PMP never
            # has version trouble with version 0.
            self.pcp.receive_datagram(datagram, now)
        elif datagram[:1] == bytes((NATPMP_VERSION,)):
            self.natpmp.receive_datagram(datagram, now)
        else:
            self.pcp.receive_datagram(datagram, now)

    def refused(self, now: float) -> None:
        """The port is closed (ICMP), or the gateway cannot be reached at all."""
        self.pcp.refused(now)
        self.natpmp.refused(now)

    def abandon(self) -> None:
        self.pcp.abandon()
        self.natpmp.abandon()

    def handle_timeout(self, now: float) -> None:
        self.pcp.handle_timeout(now)
        self.natpmp.handle_timeout(now)

    def next_timeout(self) -> float | None:
        times = (self.pcp.next_timeout(), self.natpmp.next_timeout())
        return min((each for each in times if each is not None), default=None)

    def counters(self) -> dict[str, int]:
        """Answers that were passed over, by protocol and reason."""
        both = (("PCP", self.pcp.counters()), ("NAT-PMP", self.natpmp.counters()))
        return {f"{protocol}: {name}": count for protocol, counts in both for name, count in counts.items()}

    def datagrams_to_send(self) -> list[bytes]:
        return self.pcp.datagrams_to_send() + self.natpmp.datagrams_to_send()


def _says_unsupported(datagram: bytes) -> bool:
    if len(datagram) < HEADER.size or datagram[0] != NATPMP_VERSION:
        return False
    result: int = HEADER.unpack_from(datagram)[2]
    return result == ResultCode.UNSUPPORTED_VERSION
