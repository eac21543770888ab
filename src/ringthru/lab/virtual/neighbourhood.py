"""The gateways of a virtual world: those a test made, and those that rows put there (TO01, TO02, TO08, TO11).

Lives here: who hears what is sent to an address, whom they see, and when something happens to them.
Never here: the way to them (world); where others are and how they behave (gateway/company).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..gateway.announcer import GROUP, SSDP_GROUP
from ..gateway.company import others, own_external
from ..gateway.port_control import ANYCAST
from .gateway import VirtualGateway

MULTICAST: Final = frozenset({GROUP.host, SSDP_GROUP.host, "ff02::c", "ff02::1"})


class Neighbourhood:
    """All gateways around ``host``; the first of ``gateways`` is the default one, whose rows bring others.

    With ``through`` they are beyond that NAT: no group reaches them, nor anything while it is off.
    """

    def __init__(
        self,
        gateways: tuple[VirtualGateway, ...],
        host: str,
        clock: Callable[[], float],
        through: VirtualGateway | None = None,
    ) -> None:
        self.gateways = (*gateways, *(each for first in gateways[:1] for each in company_of(first, clock)))
        self._host = host
        self._through = through

    @property
    def host(self) -> str:
        """Our address as the default gateway sees it."""
        return self._host if self._through is None else self._through.external

    def has(self, row: str) -> bool:
        """Whether the default gateway plays that row."""
        return bool(self.gateways) and self.gateways[0].quirks.has(row)

    def is_strange(self, gateway: VirtualGateway) -> bool:
        """Whether a row put it there, and it is not on our way out."""
        return bool(gateway.row) and gateway is not self.gateways[0].behind

    def hearers(self, address: str) -> list[VirtualGateway]:
        """Who hears what is sent to an address: one gateway, or all of them for a group."""
        if self._through is not None and (is_group(address) or not self._through.powered):
            return []
        if is_group(address):
            return [each for each in self.gateways if self._is_neighbour(each)]
        if address in ANYCAST:
            return [each for each in self.gateways if each.quirks.has("PC20")]
        return [each for each in self.gateways if address in each.addresses]

    def seen_from(self, gateway: VirtualGateway) -> str:
        """Our address as this gateway sees it: behind another NAT it is that one's external address."""
        inner = next((each for each in self.gateways if each.behind is gateway), None)
        return self.host if inner is None else inner.external

    def is_heard(self, gateway: VirtualGateway) -> bool:
        """Whether what it tells a group gets to us."""
        return self._through is None and self._is_neighbour(gateway)

    def next_timeout(self) -> float | None:
        times = (gateway.next_timeout() for gateway in self.gateways)
        return min((each for each in times if each is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        for gateway in self.gateways:
            due = gateway.next_timeout()
            if due is not None and due <= now:
                gateway.handle_timeout(now)

    def _is_neighbour(self, gateway: VirtualGateway) -> bool:
        return not any(each.behind is gateway for each in self.gateways)


def company_of(gateway: VirtualGateway, clock: Callable[[], float]) -> tuple[VirtualGateway, ...]:
    """The other gateways; under TO08 ``gateway`` is put behind one, and its WAN address is private."""
    found = []
    protocols, quirks = gateway.core.protocols, gateway.quirks
    for other in others(gateway.address, gateway.network, gateway.external, protocols, quirks):
        made = VirtualGateway(
            clock,
            other.address,
            other.external,
            network=other.network,
            protocols=other.protocols,
            quirks=other.quirks,
        )
        made.row = other.row
        found.append(made)
        if other.is_beyond:
            gateway.behind = made
            gateway.external = own_external(gateway.external, quirks)
    return tuple(found)


def is_group(address: str) -> bool:
    """Whether it is a multicast address, in whatever spelling: HOST says FF02::C."""
    return address.lower() in MULTICAST
