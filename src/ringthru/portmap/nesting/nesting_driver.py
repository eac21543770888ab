"""A gateway beyond our gateway: found, mapped on as well, and shown as one chain.

NAT-PMP and SOAP reach the next hop through the inner NAT; the outer gateway sees the inner one's external
address as its client. PCP notices the difference (ADDRESS_MISMATCH), and the engine goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...net.address import parse_address
from ...net.values import replace
from ..discovery.site import Site
from ..drivers.engine_driver import EngineDriver
from ..drivers.handles_driver import Mapping, beyond_of, lead_beyond, lease_of, set_nested
from ..engine.engine import Engine
from ..errors import LocalError
from ..events import (
    Event,
    ExternalAddressChanged,
    GatewayFound,
    MappingAdded,
    MappingFailed,
    MappingFell,
    MappingProven,
    MappingRemoved,
)
from ..mapping.lease import Lease
from ..snapshots import MapperSnapshot
from ..values import Family, MappingState
from .beyond_driver import Beyond, FindHops
from .chain import Key, Told, joined
from .hops_driver import next_hops
from .units_driver import beyond, is_of, set_beyond, units_of

OfAMapping = MappingAdded | MappingRemoved | MappingFailed | MappingProven | MappingFell


class Nesting:
    """The chain beyond the near gateway; ``make`` builds an engine's driver for a site.

    Call ``near_changed`` after every change at the near gateway, before its events are passed through
    ``translate``; what happens beyond it goes to ``publish``, and ``on_change`` is called after it.
    ``find_hops`` asks the network for the routers beyond the near one.
    """

    def __init__(
        self,
        near: EngineDriver,
        make: Callable[[Site, Callable[[], None]], EngineDriver],
        publish: Callable[[Event], None],
        mappings: Callable[[], Iterable[Mapping]],
        by_hand: str | None = None,
        *,
        on_change: Callable[[], None] = lambda: None,
        find_hops: FindHops = next_hops,
    ) -> None:
        if by_hand is not None and parse_address(str(by_hand)) is None:
            raise LocalError(f"outer gateway {by_hand!r}: give its address in numbers, as in 10.0.0.1")
        self._near = near
        self._publish = publish
        self._mappings = mappings
        self._on_change = on_change
        self._beyond = Beyond(near, make, self._beyond_changed, by_hand, find_hops)
        self._behind = ""  # the near gateway's external address, when it is not the Internet's
        self._site: Site | None = None  # where we were when that was learned
        self._leases: dict[Mapping, tuple[int, Lease]] = {}  # the port between the gateways, lease beyond
        self._released: set[Mapping] = set()  # given back, and not yet gone from the near gateway
        self._told = Told()
        self._stopping = False

    @property
    def active(self) -> bool:
        """Whether mappings must be made beyond the near gateway to be of use."""
        return bool(self._behind)

    @property
    def hopeless(self) -> bool:
        """Whether the first search beyond the near gateway is over, and found nobody (it goes on)."""
        return self.active and self._beyond.hopeless

    @property
    def external_address(self) -> str | None:
        """The address that others dial, at the end of the chain."""
        return self.outer.engine.external_address if self.outer is not None else None

    @property
    def reported_address(self) -> str:
        """The same as it was told, of whatever kind; empty when nobody told any."""
        return self.outer.engine.reported_address if self.outer is not None else ""

    @property
    def outer(self) -> EngineDriver | None:
        """The gateway beyond, once it is found."""
        return self._beyond.outer

    @property
    def drivers(self) -> tuple[EngineDriver, ...]:
        """Of the gateway beyond; of those that may be it, as long as none was found."""
        return self._beyond.drivers

    # What happens at the near gateway

    def near_changed(self) -> None:
        """Look at the near gateway again: does it need another one, and for which ports?"""
        if self._stopping:
            return
        moved = self._site is not None and self._site != self._near.site
        behind = "" if moved else self._beyond.behind_what(self._behind)
        if behind != self._behind:
            self._forget()
            self._behind, self._site = behind, self._near.site
            if behind:
                self._tell(self._told.all_removed())
                self._beyond.look(behind)
            elif not moved:
                self._tell_of_the_near()
        if moved:
            self._site = None
        self._match_mappings()

    def translate(self, event: Event) -> list[Event]:
        """What subscribers should hear of an event at the near gateway."""
        if not self.active:
            if isinstance(event, GatewayFound):
                self._told.knows_address(event.external_address)
            return self._told.passed_on(event)
        if isinstance(event, MappingRemoved) and event.family is Family.IPV4:
            return self._told.removed(event.protocol, event.internal_port)
        if isinstance(event, MappingAdded) and event.family is Family.IPV4:
            return []  # told when the gateway beyond holds it too
        if isinstance(event, MappingProven | MappingFell) and event.family is Family.IPV4:
            mapping = next((each for each in self._mappings() if is_of(event, each)), None)
            return self._judged(event, mapping)
        return [] if isinstance(event, ExternalAddressChanged) else [event]

    def _judged(self, event: MappingProven | MappingFell, mapping: Mapping | None) -> list[Event]:
        """A rung of the chain holds when it holds at every gateway, and falls with the first."""
        if isinstance(event, MappingFell):
            return self._told.fell(event)
        ends = () if mapping is None else (lease_of(mapping), beyond_of(mapping))
        whole = all(each is not None and each.ladder.holds(event.rung) for each in ends)
        return self._told.proven(event) if ends and whole else []

    def released(self, mapping: Mapping) -> None:
        """The mapping, and all of its set, is not wanted any more: take it off the gateway beyond as well."""
        unit = next((each for each in units_of(self._mappings()) if mapping in each), (mapping,))
        self._released.update(unit)
        self._let_go(unit)

    def each(self, call: Callable[[Engine, float], object]) -> None:
        """Tell every engine beyond something, with its time, and let it act."""
        for driver in self.drivers:
            call(driver.engine, driver.clock())
            driver.pump()

    def reached(self, mapping: Mapping, words: str) -> None:
        """Traffic from outside came through the whole chain."""
        held = self._leases.get(mapping)
        if held is not None and self.outer is not None:
            self.outer.engine.reached(held[1], words, self.outer.clock())

    def unreachable(self, mapping: Mapping, words: str) -> None:
        """An outside probe was lost somewhere in the chain: both gateways are asked again."""
        held = self._leases.get(mapping)
        if held is not None and self.outer is not None:
            self.outer.engine.unreachable(held[1], words, self.outer.clock())
            self.outer.pump()

    # The end

    def stop(self) -> None:
        self._stopping = True
        self._beyond.stop_looking()
        for driver in self.drivers:
            driver.engine.stop(driver.clock())
            driver.pump()

    @property
    def stopped(self) -> bool:
        return self._beyond.stopped

    def close(self) -> None:
        self._stopping = True
        self._beyond.close()

    def extend(self, snapshot: MapperSnapshot) -> MapperSnapshot:
        """The near gateway's snapshot with what others see of it, at the end of the chain."""
        if not self.active:
            return snapshot
        outer = None if self.outer is None else self.outer.engine.snapshot(self.outer.clock())
        ports: dict[Key, int] = {
            (mapping.protocol, mapping.internal_port): port for mapping, (port, _) in self._leases.items()
        }
        return joined(snapshot, outer, ports, self.hopeless)

    # What happens beyond

    def _beyond_changed(self) -> None:
        """Something happened at a gateway beyond; the first one that is found is the one."""
        for driver in self.drivers:
            for event in driver.engine.events():
                if isinstance(event, GatewayFound) and self.outer is None:
                    self._beyond.choose(driver)
                if driver is self.outer:
                    self._tell(self._at_the_end(event))
        if not self._stopping:
            self._tell(self._told.address(self.external_address) if self.active else [])
            self._match_mappings()
        self._on_change()

    def _at_the_end(self, event: object) -> list[Event]:
        """What subscribers should hear of an event at the gateway beyond."""
        mapping = self._whose(event)
        if mapping is None:
            return []  # the address is told by looking at it; the rest is of no meaning without the near one
        if isinstance(event, MappingAdded):
            return self._told.added(replace(event, internal_port=mapping.internal_port))
        if isinstance(event, MappingRemoved):
            return self._told.removed(mapping.protocol, mapping.internal_port)
        if isinstance(event, MappingProven | MappingFell):
            return self._judged(replace(event, internal_port=mapping.internal_port), mapping)
        if isinstance(event, MappingFailed):
            return [replace(event, internal_port=mapping.internal_port)]
        return []

    def _whose(self, event: object) -> Mapping | None:
        if not isinstance(event, OfAMapping):
            return None
        for mapping, (port, _) in self._leases.items():
            if (mapping.protocol, port) == (event.protocol, event.internal_port):
                return mapping
        return None

    # Mappings

    def _match_mappings(self) -> None:
        """Every mapping held by the near gateway is wanted beyond, at the port it has there."""
        mappings = [each for each in self._mappings() if lease_of(each).wanted.family is Family.IPV4]
        self._released &= set(mappings)
        for mapping in mappings:
            set_nested(mapping, self.active)
        for unit in units_of(mappings):
            near = [each.near_port for each in unit]
            held = [self._leases[each][0] if each in self._leases else None for each in unit]
            if held != near:
                self._let_go(unit)
            if held != near and None not in near and not self._released.intersection(unit):
                self._want_beyond(unit, [port for port in near if port is not None])

    def _want_beyond(self, unit: Sequence[Mapping], near_ports: Sequence[int]) -> None:
        """One mapping, or a whole set, which is a set there too: all of it or none at every gateway."""
        if self.outer is None:
            return
        wanted = tuple(beyond(each, port) for each, port in zip(unit, near_ports, strict=True))
        engine, now, group = self.outer.engine, self.outer.clock(), lease_of(unit[0]).group
        leases = (engine.want(wanted[0], now),) if group is None else set_beyond(engine, wanted, group, now)
        for mapping, port, lease in zip(unit, near_ports, leases, strict=True):
            self._leases[mapping] = (port, lease)
            lead_beyond(mapping, lease)
        self.outer.pump()

    def _let_go(self, unit: Sequence[Mapping]) -> None:
        """Have the gateway beyond delete it."""
        held = [self._leases.pop(each) for each in unit if each in self._leases]
        for mapping in unit:
            lead_beyond(mapping, None)
        if not held or self.outer is None:
            return
        for mapping in unit:
            self._tell(self._told.removed(mapping.protocol, mapping.internal_port))
        for _, lease in held:
            self.outer.engine.release(lease, self.outer.clock())
        self.outer.pump()

    def _forget(self) -> None:
        """The chain is another one now: what the old one held is left to its leases and the journal."""
        self._beyond.forget()
        for mapping in self._leases:
            lead_beyond(mapping, None)
        self._leases.clear()
        if self.active:
            self._tell(self._told.all_removed() + self._told.address(None))

    def _tell_of_the_near(self) -> None:
        """The near gateway has become the end of the chain: what it holds counts again."""
        self._tell(self._told.address(self._near.engine.external_address))
        for mapping in self._mappings():
            lease = lease_of(mapping)
            if lease.state is MappingState.ACCEPTED and lease.external_port is not None:
                wanted = lease.wanted
                event = MappingAdded(
                    wanted.protocol, wanted.internal_port, lease.external_port, wanted.sticky
                )
                self._tell(self._told.added(event))

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._publish(event)
