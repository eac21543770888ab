"""What callers of a group of port mappers say and see.

Lives here: frozen values. Never here: which gateway is which, or who is asked.
"""

from __future__ import annotations

from enum import Enum

from ...net.values import frozen
from ..events import Event
from ..snapshots import MapperSnapshot


class Placement(Enum):
    """On how many gateways a mapping is kept."""

    EVERY = "every"  # on every gateway there is
    FIRST = "first"  # on the one that grants it first; on another one when that one does so no more


class InterfaceState(Enum):
    """What an interface is to a group."""

    SEARCHING = "searching"  # no gateway is known there, or none any more
    SERVING = "serving"  # its gateway maps for us
    STANDING_BY = "standing by"  # its gateway maps for us already, over another interface
    ABSENT = "absent"  # it was named, and does not exist, or has no IPv4 address


@frozen
class InterfaceAdded:
    """An interface is served from now on; ``address`` is ours there."""

    address: str


@frozen
class InterfaceRemoved:
    """An interface is gone, and everything that was mapped over it is left to its lease."""


@frozen
class StandingBy:
    """The gateway here is one that maps for us over another interface: nothing is mapped twice."""

    instead: str  # the interface that serves


@frozen
class StandingIn:
    """The interface that served this gateway does so no more: this one does."""


GroupEvent = Event | InterfaceAdded | InterfaceRemoved | StandingBy | StandingIn


@frozen
class InterfaceEvent:
    """Something happened at an interface."""

    interface: str  # its name
    event: GroupEvent  # what: an event of its port mapper, or one about the interface itself


@frozen
class InterfaceSnapshot:
    """One interface of a group, as it is now."""

    interface: str  # its name
    state: InterfaceState  # what it is to the group
    instead: str  # the interface that serves this one's gateway while it stands by; else empty
    mapper: MapperSnapshot | None  # what its port mapper shows; None while it is absent


@frozen
class GroupSnapshot:
    """All interfaces of a group, the one with the best default route first."""

    interfaces: tuple[InterfaceSnapshot, ...]  # those that were named and are absent last

    @property
    def external_addresses(self) -> tuple[str, ...]:
        """The public addresses that others dial, each once; of the best default route first."""
        told = (each.mapper.external_address for each in self.interfaces if each.mapper is not None)
        return tuple(dict.fromkeys(address for address in told if address is not None))
