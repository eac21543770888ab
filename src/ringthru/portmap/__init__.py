"""NAT gateways and our mappings on them; a library of its own. Imports net."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .driver import PortMapper
from .drivers.handles_driver import Mapping, MappingSet, PeerMapping
from .errors import LocalError, MalformedMessage, PortmapError, RemoteError
from .events import (
    EpochChanged,
    Event,
    ExternalAddressChanged,
    FilterJudged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingFailed,
    MappingFell,
    MappingProven,
    MappingRemoved,
    NoGateway,
    PeerAdded,
    PeerFailed,
    PeerRemoved,
)
from .mapping.sets import SetRule
from .snapshots import (
    Attempt,
    Evidence,
    Filtering,
    FilterTruth,
    MapperSnapshot,
    MappingSnapshot,
    PeerSnapshot,
    ServiceSnapshot,
)
from .values import (
    Family,
    GatewayEntry,
    GatewayListing,
    GatewayType,
    MappingState,
    Protocol,
    Rung,
    Wanted,
    WantedPeer,
)

if TYPE_CHECKING:
    from .group.group_driver import MapperGroup
    from .group.group_mapping_driver import GroupMapping
    from .group.values import (
        GroupSnapshot,
        InterfaceAdded,
        InterfaceEvent,
        InterfaceRemoved,
        InterfaceSnapshot,
        InterfaceState,
        Placement,
        StandingBy,
        StandingIn,
    )

_LATE = {  # loaded when they are named (PEP 562): whoever has one gateway need not wait for them at the start
    "GroupMapping": ".group.group_mapping_driver",
    "MapperGroup": ".group.group_driver",
}
_GROUP_VALUES = ".group.values"

__all__ = [
    "Attempt",
    "EpochChanged",
    "Event",
    "Evidence",
    "ExternalAddressChanged",
    "Family",
    "FilterJudged",
    "FilterTruth",
    "Filtering",
    "GatewayEntry",
    "GatewayFound",
    "GatewayListing",
    "GatewayLost",
    "GatewayType",
    "GroupMapping",
    "GroupSnapshot",
    "InterfaceAdded",
    "InterfaceEvent",
    "InterfaceRemoved",
    "InterfaceSnapshot",
    "InterfaceState",
    "LocalError",
    "MalformedMessage",
    "MapperGroup",
    "MapperSnapshot",
    "Mapping",
    "MappingAdded",
    "MappingFailed",
    "MappingFell",
    "MappingProven",
    "MappingRemoved",
    "MappingSet",
    "MappingSnapshot",
    "MappingState",
    "NoGateway",
    "PeerAdded",
    "PeerFailed",
    "PeerMapping",
    "PeerRemoved",
    "PeerSnapshot",
    "Placement",
    "PortMapper",
    "PortmapError",
    "Protocol",
    "RemoteError",
    "Rung",
    "ServiceSnapshot",
    "SetRule",
    "StandingBy",
    "StandingIn",
    "Wanted",
    "WantedPeer",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE.get(name, _GROUP_VALUES), __name__), name)
