"""NAT gateways and our mappings on them; a library of its own. Imports net."""

from .driver import Mapping, PortMapper
from .errors import LocalError, MalformedMessage, PortmapError, RemoteError
from .events import (
    Event,
    ExternalAddressChanged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingFailed,
    MappingRemoved,
    NoGateway,
)
from .values import (
    GatewayEntry,
    GatewayListing,
    GatewayType,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    Wanted,
)

__all__ = [
    "Event",
    "ExternalAddressChanged",
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
    "MappingRemoved",
    "MappingSnapshot",
    "MappingState",
    "NoGateway",
    "PortMapper",
    "PortmapError",
    "Protocol",
    "RemoteError",
    "Wanted",
]
