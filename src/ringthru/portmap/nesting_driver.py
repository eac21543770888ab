"""A gateway beyond our gateway: found, mapped on as well, and shown as one chain.

NAT-PMP and SOAP reach the next hop through the inner NAT; the outer gateway sees the inner one's external
address as its client. PCP notices the difference (ADDRESS_MISMATCH), and the engine goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ..net.values import replace
from .discovery.site import Site
from .engine_driver import EngineDriver
from .events import (
    Event,
    ExternalAddressChanged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingFailed,
    MappingRemoved,
)
from .handles_driver import Mapping
from .mapping.lease import Lease
from .values import Family, GatewayType, MapperSnapshot, MappingSnapshot, MappingState, Protocol
from .wire.pcp import ANYCAST_IPV4

MOST_CANDIDATES: Final = 5

Key = tuple[Protocol, int]


def outer_candidates(external: str, hops: Iterable[str] = (), by_hand: str | None = None) -> list[str]:
    """Where the next gateway may be, seen from an inner one whose external address is ``external``.

    A person's word first, then what lies on the way out, then the usual first and last host of its network;
    the PCP anycast address (RFC 7723) is where a provider's carrier-grade NAT may listen.
    """
    if by_hand is not None:
        return [by_hand]
    network = IPv4Network(f"{external}/24", strict=False)
    guesses = [str(network[1]), str(network[-2])]
    found = dict.fromkeys([*hops, *guesses])
    found.pop(external, None)
    return [*list(found)[: MOST_CANDIDATES - 1], ANYCAST_IPV4]


class Nesting:
    """The chain beyond the near gateway; ``make`` builds an engine's driver for a site.

    Call ``near_changed`` after every change at the near gateway; what subscribers should hear comes back
    from ``translate``, and what happens beyond it goes to ``publish``.
    """

    def __init__(
        self,
        near: EngineDriver,
        make: Callable[[Site, Callable[[], None]], EngineDriver],
        publish: Callable[[Event], None],
        mappings: Callable[[], Iterable[Mapping]],
        by_hand: str | None = None,
    ) -> None:
        self._near = near
        self._make = make
        self._publish = publish
        self._mappings = mappings
        self._by_hand = by_hand
        self._behind = ""  # the near gateway's external address, when it is not the Internet's
        self._candidates: list[EngineDriver] = []
        self.outer: EngineDriver | None = None  # the one that was found
        self._leases: dict[Mapping, tuple[int, Lease]] = {}  # near external port, lease beyond

    @property
    def active(self) -> bool:
        """Whether mappings must be made beyond the near gateway to be of use."""
        return bool(self._behind)

    @property
    def external_address(self) -> str | None:
        """The address that others dial, at the end of the chain."""
        return self.outer.engine.external_address if self.outer is not None else None

    def near_changed(self, hops: Iterable[str] = ()) -> None:
        """Look at the near gateway again: does it need another one, and for which ports?"""
        engine = self._near.engine
        behind = engine.reported_address if engine.external_address is None else ""
        try:
            behind = str(IPv4Address(behind)) if behind else ""
        except ValueError:
            behind = ""  # it knows no address at all: nothing to look beyond
        if behind != self._behind:
            self._forget()
            self._behind = behind
            if behind:
                self._search(behind, hops)
        self._match_mappings()

    def translate(self, event: Event) -> list[Event]:
        """What subscribers should hear of an event at the near gateway."""
        hidden = (MappingAdded, ExternalAddressChanged)
        if not self.active or not isinstance(event, (*hidden, MappingRemoved)):
            return [event]
        return []  # told when it happens at the end of the chain

    def released(self, mapping: Mapping) -> None:
        """The mapping is not wanted any more: take it off the gateway beyond as well."""
        held = self._leases.pop(mapping, None)
        if held is not None and self.outer is not None:
            self.outer.engine.release(held[1], self.outer.clock())
            self.outer.pump()

    def stop(self) -> None:
        for driver in self._everyone():
            driver.engine.stop(driver.clock())
            driver.pump()

    @property
    def stopped(self) -> bool:
        return all(each.engine.stopped for each in self._everyone())

    def close(self) -> None:
        for driver in self._everyone():
            driver.close()

    def extend(self, snapshot: MapperSnapshot) -> MapperSnapshot:
        """The near gateway's snapshot with what others see of it, at the end of the chain."""
        if not self.active:
            return snapshot
        beyond = {} if self.outer is None else dict(self._by_near_port())
        mappings = tuple(self._extended(each, beyond) for each in snapshot.mappings)
        chain = () if self.outer is None else (self.outer.engine.snapshot(self.outer.clock()),)
        return replace(snapshot, external_address=self.external_address, mappings=mappings, chain=chain)

    def _by_near_port(self) -> list[tuple[Key, Lease]]:
        return [((mapping.protocol, port), lease) for mapping, (port, lease) in self._leases.items()]

    def _extended(self, near: MappingSnapshot, beyond: dict[Key, Lease]) -> MappingSnapshot:
        if near.family is not Family.IPV4 or near.external_port is None:
            return near
        lease = beyond.get((near.protocol, near.external_port))
        if lease is None:
            return replace(near, external_port=None, external_address=None)
        return replace(
            near,
            external_port=lease.external_port,
            external_address=self.external_address,
            state=near.state if lease.state is MappingState.ACCEPTED else lease.state,
            reason=near.reason or lease.reason,
        )

    def _search(self, behind: str, hops: Iterable[str]) -> None:
        near = self._near.site
        for host in outer_candidates(behind, hops, self._by_hand):
            anycast = host == ANYCAST_IPV4
            speaks = frozenset({GatewayType.PCP}) if anycast else frozenset(GatewayType)
            site = Site(
                near.address,
                IPv4Network(f"{host}/32"),
                host,
                behind,
                near.rules,
                multicast=False,
                speaks=speaks,
            )
            driver = self._make(site, self._beyond_changed)
            self._candidates.append(driver)
        for driver in list(self._candidates):
            driver.start()

    def _beyond_changed(self) -> None:
        """Something happened at a gateway beyond; the first one that is found is the one."""
        for driver in list(self._candidates):
            for event in driver.engine.events():
                self._on_event(driver, event)  # type: ignore[arg-type]
        self._match_mappings()

    def _on_event(self, driver: EngineDriver, event: Event) -> None:
        if isinstance(event, GatewayFound):
            if self.outer is None:
                self._choose(driver)
            if driver is self.outer and event.external_address is not None:
                self._publish(ExternalAddressChanged(None, event.external_address))
        elif driver is not self.outer:
            return
        elif isinstance(event, GatewayLost):
            self._publish(event)
        elif isinstance(event, MappingAdded | MappingRemoved | MappingFailed):
            mapping = self._mapping_behind(event.protocol, event.internal_port)
            if mapping is not None:
                self._publish(replace(event, internal_port=mapping.internal_port))
        elif isinstance(event, ExternalAddressChanged):
            self._publish(event)

    def _choose(self, driver: EngineDriver) -> None:
        self.outer = driver
        for other in self._candidates:
            if other is not driver:
                other.close()
        self._candidates = [driver]

    def _match_mappings(self) -> None:
        """Every mapping held by the near gateway is wanted beyond, at the port it has there."""
        for mapping in self._mappings():
            mapping._nested = self.active
            near = mapping._lease.external_port if mapping._lease.state is MappingState.ACCEPTED else None
            held = self._leases.get(mapping)
            if held is not None and held[0] != near:
                self.released(mapping)
                mapping._beyond = held = None
            if held is None and near is not None and self.outer is not None:
                wanted = replace(
                    mapping._lease.wanted,
                    internal_port=near,
                    external_port=mapping._lease.wanted.wanted_external_port,
                )
                lease = self.outer.engine.want(wanted, self.outer.clock())
                self._leases[mapping] = (near, lease)
                mapping._beyond = lease
                self.outer.pump()

    def _mapping_behind(self, protocol: Protocol, near_port: int) -> Mapping | None:
        for mapping, (port, _) in self._leases.items():
            if mapping.protocol is protocol and port == near_port:
                return mapping
        return None

    def _forget(self) -> None:
        previous = self.external_address
        for driver in self._everyone():
            driver.close()
        self._candidates, self.outer = [], None
        for mapping in self._leases:
            mapping._beyond = None
        self._leases.clear()
        if previous is not None:
            self._publish(ExternalAddressChanged(previous, None))

    def _everyone(self) -> list[EngineDriver]:
        return list(self._candidates)
