"""What belongs together at both gateways of a chain, and how it is wanted at the outer one.

Lives here: the way from a mapping's handle to a wish beyond. Never here: when it is wanted, or what is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...net.values import replace
from ..drivers.handles_driver import Mapping, lease_of
from ..engine.engine import Engine
from ..events import MappingFell, MappingProven
from ..mapping.lease import Lease
from ..mapping.sets import LeaseSet
from ..values import Wanted


def units_of(mappings: Iterable[Mapping]) -> list[tuple[Mapping, ...]]:
    """What belongs together: the members of a set in its order, everything else by itself."""
    by_lease = {lease_of(each): each for each in mappings}
    units: dict[int, tuple[Mapping, ...]] = {}
    for lease, mapping in by_lease.items():
        members = (lease,) if lease.group is None else lease.group.leases
        found = tuple(by_lease[each] for each in members if each in by_lease)
        units.setdefault(id(lease.group or mapping), found)
    return list(units.values())


def is_of(event: MappingProven | MappingFell, mapping: Mapping) -> bool:
    wanted = lease_of(mapping).wanted
    return (wanted.protocol, wanted.internal_port) == (event.protocol, event.internal_port)


def beyond(mapping: Mapping, near_port: int) -> Wanted:
    own = lease_of(mapping).wanted
    return replace(
        own,
        internal_port=near_port,
        external_port=own.wanted_external_port,
        internal_client=None,  # whoever it is for, to the gateway beyond it is our gateway
    )


def set_beyond(engine: Engine, wanted: tuple[Wanted, ...], group: LeaseSet, now: float) -> tuple[Lease, ...]:
    return engine.want_set(wanted, group.rule, now).leases
