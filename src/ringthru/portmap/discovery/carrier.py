"""The carrier's NAT, where there is no other: asked by PCP at its anycast address (RFC 7723).

Lives here: who asks, when, and what came of it. Never here: gateways of our own network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...net.address import AddressKind
from ..gateway.orders import AddressTold, Declined, Silent
from ..gateway.pcp_client import PcpClient
from ..values import GatewayType
from ..wire.pcp import ANYCAST_IPV4
from .services import Service
from .site import Site

WORDS: Final = "the carrier's NAT"


class Carrier:
    """Asked once in each detection, and only by a host whose own address is the carrier's (100.64.0.0/10).

    Behind a NAT of our own a mapping there would lead nowhere: that is what nested gateways are for.
    """

    def __init__(self, site: Site, make_client: Callable[[Site], PcpClient]) -> None:
        self.client: PcpClient | None = None  # until it is asked
        self._site = site
        self._make_client = make_client
        self._asked = self._answers = self._pending = False

    @property
    def pending(self) -> bool:
        return self._pending

    def begin(self) -> None:
        """A new detection."""
        if self.client is not None:
            self.client.abandon()
        self._asked = self._answers = self._pending = False

    def ask(self, now: float) -> bool:
        """Whether there is something to wait for: everybody nearer is silent."""
        if not self._asked and self._is_possible:
            self._asked = self._pending = True
            self.client = self.client or self._make_client(self._site)
            self.client.probe(now)
        return self._pending

    def handle_timeout(self, now: float) -> None:
        if self.client is not None:
            self.client.handle_timeout(now)

    def next_timeout(self) -> float | None:
        return None if self.client is None else self.client.next_timeout()

    def datagrams_to_send(self) -> list[bytes]:
        return [] if self.client is None else self.client.datagrams_to_send()

    def service(self) -> Service | None:
        """What has answered."""
        if self.client is None:
            return None
        for event in self.client.events() if self._pending else ():
            if isinstance(event, AddressTold | Declined | Silent):
                self._pending, self._answers = False, isinstance(event, AddressTold)
        return Service(GatewayType.PCP, ANYCAST_IPV4, WORDS, "", self.client) if self._answers else None

    @property
    def _is_possible(self) -> bool:
        kind = self._site.rules.kind(self._site.address.partition("%")[0])
        return kind is AddressKind.SHARED and GatewayType.PCP in self._site.speaks
