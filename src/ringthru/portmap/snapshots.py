"""What callers of the engine see: its gateway, its mappings, and how much is proven of each.

Lives here: frozen values of one moment; faces render them. Never here: how any of it comes about.
"""

from __future__ import annotations

from enum import Enum

from ..net.address import AddressKind, Endpoint
from ..net.values import frozen
from .values import Family, GatewayType, MappingState, Protocol, Rung


@frozen
class Evidence:
    """What is known of one rung: ``holds`` None means that it cannot be verified, which is no failure."""

    rung: Rung
    holds: bool | None
    words: str  # who says so, e.g. "GetSpecificPortMappingEntry: 192.168.1.5:5060, 3570 s left"
    at: float  # seconds of the engine's clock


class FilterTruth(Enum):
    """Whether a gateway keeps out whom a mapping does not allow (``Wanted.allow_from``)."""

    WORD = "its word alone"  # the gateway agreed; nobody outside has shown that it does, or does not
    ENFORCED = "enforced"  # somebody outside who may came in, and somebody who may not did not
    NOT_ENFORCED = "not enforced"  # somebody outside who may not came in


@frozen
class Filtering:
    """What is known of a mapping's filter, and who says so."""

    truth: FilterTruth
    words: str  # the evidence, e.g. "2 probes of 203.0.113.7:4478 did not come in …"
    at: float  # seconds of the engine's clock


@frozen
class Attempt:
    """One exchange about a mapping, for ``explain``."""

    at: float  # seconds of the engine's clock
    asked: str  # e.g. "PCP MAP udp 5060, wants external 5060 for 3600 s"
    answer: str  # the gateway's own words or code
    reading: str  # what we take it to mean
    next: str  # what follows, and when


@frozen
class PeerSnapshot:
    """The translation of one flow, as it is now."""

    protocol: Protocol
    internal_port: int
    remote: Endpoint
    external: Endpoint | None  # what the remote sees; None until it is known
    state: MappingState
    lifetime_left: float | None  # seconds; None: not granted
    renews_in: float | None  # seconds until the gateway is asked again
    reason: str  # why it is not kept alive, or not all the way, in words; empty when it is
    family: Family = Family.IPV4
    near: Endpoint | None = None  # where our gateway keeps it, which another NAT may hide from the remote


@frozen
class MappingSnapshot:
    """One mapping, as it is now."""

    protocol: Protocol
    internal_port: int
    external_port: int | None  # None until granted
    state: MappingState
    sticky: bool
    listed: bool
    lifetime_left: float | None  # seconds; None: not granted, or granted for ever
    reason: str  # the last error, in words; empty when there was none
    family: Family = Family.IPV4
    internal_client: str | None = None  # None: this machine
    external_address: str | None = None  # what others dial; None until it is known
    rung: Rung = Rung.REQUESTED  # the highest that holds
    evidence: tuple[Evidence, ...] = ()  # lowest rung first, one for each that was looked at
    attempts: tuple[Attempt, ...] = ()  # the latest last, bounded
    renews_in: float | None = None  # seconds until the gateway is asked again
    label: str = ""
    allow_from: tuple[str, ...] = ()
    filtering: Filtering | None = None  # are strangers kept out? None: for everybody, or not granted


@frozen
class ServiceSnapshot:
    """One service of a gateway that answered, in use or kept in reserve."""

    type: GatewayType
    gateway: str  # its address
    words: str  # maker and model, or what it said
    external_address: str | None
    in_use: bool
    control: Endpoint | None = None  # where it takes orders
    location: str = ""  # its description's URL (UPnP)
    status: str = ""  # in its own words: "Connected", "not authorized", …


@frozen
class MapperSnapshot:
    """The engine, as it is now."""

    type: GatewayType | None  # None: no gateway in use
    gateway: str | None  # its address
    description: str  # its maker and model, in its own words; empty when it has none
    external_address: str | None  # usable: public by the rules of our surroundings; else None
    reported_address: str | None  # whatever the gateway said
    address_kind: AddressKind | None  # of the reported address
    mapping_enabled: bool
    verdict_known: bool  # False while the first detection is still running
    mappings: tuple[MappingSnapshot, ...]  # by internal port, then protocol
    family: Family = Family.IPV4
    services: tuple[ServiceSnapshot, ...] = ()  # all that answered, best first
    chain: tuple[MapperSnapshot, ...] = ()  # the gateways beyond this one, nearest first
    fingerprint: str = ""  # what the learned profile is kept under
    learned: tuple[str, ...] = ()  # in words: "grants permanent leases only", …
    peers: tuple[PeerSnapshot, ...] = ()  # flows kept alive, by internal port, then remote
    counters: tuple[tuple[str, int], ...] = ()  # error codes, malformed, spoofed … by name
    address_age: float | None = None  # seconds since the gateway last told the reported address
    hesitant: bool = False  # no gateway yet, and somebody answers the search who has not told what it can do
