"""What the engine tells its subscribers."""

from __future__ import annotations

from ..net.address import Endpoint
from ..net.values import frozen
from .snapshots import FilterTruth
from .values import Family, GatewayType, Protocol, Rung


@frozen
class GatewayFound:
    """A gateway answered and is in use; ``external_address`` is None unless it is public."""

    type: GatewayType
    gateway: str
    external_address: str | None


@frozen
class NoGateway:
    """The first verdict of a detection is negative; the engine goes on looking."""


@frozen
class GatewayLost:
    """The gateway in use went away; the engine looks for one again."""

    reason: str


@frozen
class ExternalAddressChanged:
    """The usable external address is another one now; None: none that is public."""

    previous: str | None
    current: str | None


@frozen
class MappingAdded:
    """The gateway granted a mapping, or granted it on another external port than before."""

    protocol: Protocol
    internal_port: int
    external_port: int
    sticky: bool
    family: Family = Family.IPV4


@frozen
class MappingRemoved:
    """A mapping that was granted is gone: released, expired, or its gateway is lost."""

    protocol: Protocol
    internal_port: int
    external_port: int
    sticky: bool
    family: Family = Family.IPV4


@frozen
class MappingFailed:
    """The gateway refused a mapping; told once for each new reason."""

    protocol: Protocol
    internal_port: int
    reason: str
    family: Family = Family.IPV4


@frozen
class MappingProven:
    """A mapping reached a higher rung: it is listed, or reachable, and ``words`` say who shows it."""

    protocol: Protocol
    internal_port: int
    rung: Rung
    words: str
    family: Family = Family.IPV4


@frozen
class MappingFell:
    """A mapping is less than it was: gone from the gateway's list, or no longer reachable. It is healed."""

    protocol: Protocol
    internal_port: int
    rung: Rung  # the rung that does not hold any more
    words: str
    family: Family = Family.IPV4


@frozen
class FilterJudged:
    """Somebody outside has shown whether strangers are kept out of a mapping (``Wanted.allow_from``)."""

    protocol: Protocol
    internal_port: int
    truth: FilterTruth
    words: str
    family: Family = Family.IPV4


@frozen
class EpochChanged:
    """The gateway lost its state, and every mapping is made again."""

    gateway: str
    words: str


@frozen
class PeerAdded:
    """The gateway keeps the translation of a flow, and the remote sees us at ``external``.

    Not ``whole``: it is translated once more beyond our gateway, and what the remote sees is not known.
    """

    protocol: Protocol
    internal_port: int
    remote: Endpoint
    external: Endpoint
    whole: bool = True


@frozen
class PeerRemoved:
    """A flow is seen at ``external`` no more, or nobody keeps it alive: given back, expired, gateway lost."""

    protocol: Protocol
    internal_port: int
    remote: Endpoint
    external: Endpoint


@frozen
class PeerFailed:
    """The gateway refused to keep a flow, or has no request for it; told once for each new reason."""

    protocol: Protocol
    internal_port: int
    remote: Endpoint
    reason: str


Event = (
    GatewayFound
    | NoGateway
    | GatewayLost
    | ExternalAddressChanged
    | EpochChanged
    | MappingAdded
    | MappingRemoved
    | MappingFailed
    | MappingProven
    | MappingFell
    | FilterJudged
    | PeerAdded
    | PeerRemoved
    | PeerFailed
)
