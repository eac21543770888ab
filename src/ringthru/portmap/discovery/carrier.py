"""The carrier's NAT, where there is no other: asked by PCP at its anycast address (RFC 7723).

Lives here: who asks, when, and what came of it. Never here: gateways of our own network.
"""

from __future__ import annotations

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

    def __init__(self, site: Site, client: PcpClient) -> None:
        self.client = client
        kind = site.rules.kind(site.address.partition("%")[0])
        self._possible = kind is AddressKind.SHARED and GatewayType.PCP in site.speaks
        self._asked = self._answers = self._pending = False

    @property
    def pending(self) -> bool:
        return self._pending

    def begin(self) -> None:
        """A new detection."""
        self.client.abandon()
        self._asked = self._answers = self._pending = False

    def ask(self, now: float) -> bool:
        """Whether there is something to wait for: everybody nearer is silent."""
        if self._possible and not self._asked:
            self._asked = self._pending = True
            self.client.probe(now)
        return self._pending

    def service(self) -> Service | None:
        """What has answered."""
        for event in self.client.events() if self._pending else ():
            if isinstance(event, AddressTold | Declined | Silent):
                self._pending, self._answers = False, isinstance(event, AddressTold)
        return Service(GatewayType.PCP, ANYCAST_IPV4, WORDS, "", self.client) if self._answers else None
