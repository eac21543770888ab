"""NAT gateways and our mappings on them; a library of its own. Imports net."""

from .driver import PortMapper
from .drivers.handles_driver import Mapping, MappingSet
from .errors import LocalError, MalformedMessage, PortmapError, RemoteError
from .events import (
    EpochChanged,
    Event,
    ExternalAddressChanged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingFailed,
    MappingFell,
    MappingProven,
    MappingRemoved,
    NoGateway,
)
from .mapping.sets import SetRule
from .values import (
    Attempt,
    Evidence,
    Family,
    GatewayEntry,
    GatewayListing,
    GatewayType,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    Rung,
    ServiceSnapshot,
    Wanted,
)

__all__ = [
    "Attempt",
    "EpochChanged",
    "Event",
    "Evidence",
    "ExternalAddressChanged",
    "Family",
    "GatewayEntry",
    "GatewayFound",
    "GatewayListing",
    "GatewayLost",
    "GatewayType",
    "LocalError",
    "MalformedMessage",
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
    "PortMapper",
    "PortmapError",
    "Protocol",
    "RemoteError",
    "Rung",
    "ServiceSnapshot",
    "SetRule",
    "Wanted",
]
