"""Two gateways seen as one: what subscribers hear, and what a snapshot shows, at the end of the chain.

Lives here: the near gateway's word joined with the outer one's. Never here: how either is talked to.
"""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from typing import Final

from ...net.values import replace
from ..events import (
    Event,
    ExternalAddressChanged,
    MappingAdded,
    MappingFailed,
    MappingFell,
    MappingProven,
    MappingRemoved,
)
from ..snapshots import MapperSnapshot, MappingSnapshot
from ..values import Family, MappingState, Protocol, Rung

LADDER: Final = tuple(Rung)  # lowest first
NOT_YET: Final = "a gateway beyond ours is looked for"
NONE_BEYOND: Final = "our gateway is behind another NAT, and no gateway that maps ports was found there"

Key = tuple[Protocol, int]  # protocol and internal port


class Told:
    """What subscribers were told and what is true, so that they hear of every change once.

    Every method gives the events that they should hear now.
    """

    def __init__(self) -> None:
        self._address: str | None = None
        self._added: dict[Key, MappingAdded] = {}
        self._proven: dict[tuple[Key, Rung], MappingProven] = {}

    def address(self, current: str | None) -> list[Event]:
        """The usable external address is this one."""
        if current == self._address:
            return []
        previous, self._address = self._address, current
        return [ExternalAddressChanged(previous, current)]

    def knows_address(self, current: str | None) -> None:
        """Subscribers heard it in another event."""
        self._address = current

    def added(self, event: MappingAdded) -> list[Event]:
        """A mapping is held, all along the chain."""
        key = event.protocol, event.internal_port
        if self._added.get(key) == event:
            return []
        self._added[key] = event
        return [event]

    def removed(self, protocol: Protocol, internal_port: int) -> list[Event]:
        """A mapping is not held any more, at one gateway at least."""
        for rung in LADDER:
            self._proven.pop(((protocol, internal_port), rung), None)
        told = self._added.pop((protocol, internal_port), None)
        if told is None:
            return []
        return [MappingRemoved(protocol, internal_port, told.external_port, told.sticky)]

    def proven(self, event: MappingProven) -> list[Event]:
        """A rung holds all along the chain; the same word of one who came through both is told once."""
        at = (event.protocol, event.internal_port), event.rung
        if self._proven.get(at) == event:
            return []
        self._proven[at] = event
        return [event]

    def fell(self, event: MappingFell) -> list[Event]:
        """A rung does not hold any more at one gateway: of the chain it was perhaps never said to hold."""
        told = self._proven.pop(((event.protocol, event.internal_port), event.rung), None)
        return [event] if told is not None else []

    def all_removed(self) -> list[Event]:
        return [event for protocol, port in list(self._added) for event in self.removed(protocol, port)]

    def passed_on(self, event: Event) -> list[Event]:
        """An event of a chain of one gateway, which subscribers hear as it is."""
        if isinstance(event, ExternalAddressChanged):
            return self.address(event.current)
        if _is_of_a_mapping(event) and event.family is Family.IPV4:  # type: ignore[union-attr]
            if isinstance(event, MappingAdded):
                return self.added(event)
            if isinstance(event, MappingRemoved):
                return self.removed(event.protocol, event.internal_port)
        return [event]


def _is_of_a_mapping(event: Event) -> bool:
    return isinstance(event, MappingAdded | MappingRemoved | MappingFailed | MappingProven | MappingFell)


def joined(
    near: MapperSnapshot, outer: MapperSnapshot | None, ports: ReadOnly[Key, int], hopeless: bool
) -> MapperSnapshot:
    """Both gateways as one. ``ports`` lead from the key of a near mapping to the port it has between them;
    ``hopeless``: nobody was found beyond."""
    beyond = {(each.protocol, each.internal_port): each for each in outer.mappings} if outer else {}
    mappings = []
    for mapping in near.mappings:
        between = ports.get((mapping.protocol, mapping.internal_port))
        further = beyond.get((mapping.protocol, between)) if between is not None else None
        address = outer.external_address if outer else None
        mappings.append(_mapping(mapping, further, address, hopeless) if _is_nested(mapping) else mapping)
    return replace(
        near,
        external_address=outer.external_address if outer else None,
        mappings=tuple(mappings),
        chain=(outer,) if outer else (),
    )


def _is_nested(mapping: MappingSnapshot) -> bool:
    return mapping.family is Family.IPV4 and mapping.state is MappingState.ACCEPTED


def _mapping(
    near: MappingSnapshot, outer: MappingSnapshot | None, address: str | None, hopeless: bool
) -> MappingSnapshot:
    """A mapping that the near gateway holds, with what the outer one says of it."""
    if outer is None:
        state = MappingState.REFUSED if hopeless else MappingState.REQUESTED
        reason = NONE_BEYOND if hopeless else NOT_YET
        return replace(
            near,
            external_port=None,
            external_address=None,
            state=state,
            reason=near.reason or reason,
            rung=Rung.REQUESTED,
        )
    return replace(
        near,
        external_port=outer.external_port,
        external_address=outer.external_address or (address if outer.external_port else None),
        state=outer.state,
        reason=near.reason or outer.reason,
        lifetime_left=_least((near.lifetime_left, outer.lifetime_left)),
        renews_in=_least((near.renews_in, outer.renews_in)),
        rung=min(near.rung, outer.rung, key=LADDER.index),
    )


def _least(times: Sequence[float | None]) -> float | None:
    return min((each for each in times if each is not None), default=None)
