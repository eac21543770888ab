"""One interface of a group, with its port mapper; and which interfaces there are.

Lives here: what the system and the engine know of an interface. Never here: what follows from it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Sequence

from ...net.interfaces import interfaces, uplinks
from ...net.neighbours import hardware_address
from ...net.surroundings import Surroundings, look_everywhere6
from ..driver import PortMapper
from ..drivers.engine_driver import EngineDriver
from ..drivers.handles_driver import Mapping, MappingSet
from ..drivers.mapper_driver import engines_of
from ..drivers.place_driver import NO_PLACE
from ..errors import LocalError
from ..values import GatewayType
from .group_mapping_driver import members
from .sameness import Whereabouts
from .values import InterfaceSnapshot, InterfaceState


class Member:
    """An interface and its port mapper."""

    def __init__(self, interface: str, mapper: PortMapper) -> None:
        self.interface = interface
        self.mapper = mapper
        self._hardware: tuple[str, str] = ("", "")  # a gateway, and its hardware address once it is known

    @property
    def found(self) -> bool:
        """Whether a gateway is in use."""
        return self._near.engine.has_gateway

    @property
    def judged(self) -> bool:
        """Whether the first search is over."""
        return self._near.engine.verdict_known

    @property
    def address(self) -> str:
        """Ours, on this interface."""
        return self._near.site.address

    def whereabouts(self) -> Whereabouts:
        """What tells its gateway from those of other interfaces."""
        engine, site = self._near.engine, self._near.site
        gateway = engine.gateway or site.gateway
        by_upnp = engine.identity is not None and engine.identity.type is GatewayType.UPNP
        return Whereabouts(
            self.interface,
            site.network,
            gateway,
            self.found,
            self.judged,
            engine.gateway_name if by_upnp else "",
            self._hardware_of(gateway or ""),
            engine.reported_address or None,
            engine.external_address is not None,
        )

    def snapshot(self, instead: str) -> InterfaceSnapshot:
        """``instead``: who serves its gateway, empty when it does so itself."""
        six = engines_of(self.mapper).six
        serves = self.found or (six is not None and six.engine.has_gateway)
        state = InterfaceState.SERVING if serves else InterfaceState.SEARCHING
        if instead:
            state = InterfaceState.STANDING_BY
        return InterfaceSnapshot(self.interface, state, instead, self.mapper.snapshot())

    @property
    def _near(self) -> EngineDriver:
        """The engine of its IPv4."""
        return engines_of(self.mapper).near

    async def release(self, held: Mapping | MappingSet) -> bool:
        """Delete on the gateway; True when it holds nothing of it any more."""
        return all(await asyncio.gather(*(self.mapper.release(each) for each in members(held))))

    def _hardware_of(self, gateway: str) -> str:
        """Asked of the kernel until it knows: it does once something was said to the gateway."""
        known, address = self._hardware
        if known != gateway or not address:
            self._hardware = (gateway, hardware_address(gateway, interface=self.interface))
        return self._hardware[1]


def interfaces_here(named: Sequence[str], known: Collection[str]) -> dict[str, Surroundings | None]:
    """The interfaces to serve, the best default route first; the system is asked where we are there.

    ``named`` empty: all that a default route or a rule leads out by. One of those ``known`` that exists still
    is served on, so that a cable pulled for a moment costs nothing: its port mapper notices by itself.
    """
    usable = [each.name for each in interfaces() if each.addresses and ":" not in each.addresses[0]]
    ways_out = uplinks()
    chosen = [name for name in usable if (name in named if named else name in ways_out)]
    there = {name for _, name in socket.if_nameindex()}
    return dict.fromkeys([*chosen, *(name for name in known if name in there and name not in chosen)])


def further_addresses(named: Sequence[str], served: Collection[str]) -> dict[str, Surroundings | None]:
    """Places of IPv6 alone: what interfaces have beside their steadiest address; all of those not served.

    Each is named by interface and address. There is no IPv4 there, and so nobody to ask by it.
    """
    found: dict[str, Surroundings | None] = {}
    first = dict.fromkeys(served, True)
    for place in look_everywhere6():
        wanted = place.interface in named if named else True
        if wanted and not first.pop(place.interface, False):
            found[f"{place.interface} {place.address}"] = NO_PLACE
    return found


def refuse_absent(named: Sequence[str]) -> None:
    """Raises:
    LocalError: always; none of these interfaces can be used.
    """
    usable = ((each.name, each.addresses[0]) for each in interfaces() if each.addresses)
    listed = ", ".join(f"{name} ({address})" for name, address in usable if ":" not in address) or "none"
    raise LocalError(f"no interface {' or '.join(named)} with an IPv4 address; there are: {listed}")
