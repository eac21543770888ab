"""What the engine tells its subscribers."""

from __future__ import annotations

from dataclasses import dataclass

from .values import GatewayType, Protocol


@dataclass(frozen=True, slots=True)
class GatewayFound:
    """A gateway answered and is in use; ``external_address`` is None unless it is public."""

    type: GatewayType
    gateway: str
    external_address: str | None


@dataclass(frozen=True, slots=True)
class NoGateway:
    """The first verdict of a detection is negative; the engine goes on looking."""


@dataclass(frozen=True, slots=True)
class GatewayLost:
    """The gateway in use went away; the engine looks for one again."""

    reason: str


@dataclass(frozen=True, slots=True)
class ExternalAddressChanged:
    """The usable external address is another one now; None: none that is public."""

    previous: str | None
    current: str | None


@dataclass(frozen=True, slots=True)
class MappingAdded:
    """The gateway granted a mapping, or granted it on another external port than before."""

    protocol: Protocol
    internal_port: int
    external_port: int
    sticky: bool


@dataclass(frozen=True, slots=True)
class MappingRemoved:
    """A mapping that was granted is gone: released, expired, or its gateway is lost."""

    protocol: Protocol
    internal_port: int
    external_port: int
    sticky: bool


@dataclass(frozen=True, slots=True)
class MappingFailed:
    """The gateway refused a mapping; told once for each new reason."""

    protocol: Protocol
    internal_port: int
    reason: str


Event = (
    GatewayFound
    | NoGateway
    | GatewayLost
    | ExternalAddressChanged
    | MappingAdded
    | MappingRemoved
    | MappingFailed
)
