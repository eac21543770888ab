"""What callers of the engine say and see: wishes, mappings, snapshots.

Lives here: frozen values, and what makes a gateway's words fit to be shown.
Never here: how a mapping is made, or an address of our own.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ..net.address import AddressKind
from ..net.values import frozen
from .errors import LocalError

LONGEST_WORDS: Final = 64


class Protocol(Enum):
    """What a mapping carries."""

    UDP = "udp"
    TCP = "tcp"


class GatewayType(Enum):
    """The protocol the gateway in use speaks, in FreeSWITCH's words (``nat_type``)."""

    NAT_PMP = "pmp"
    UPNP = "upnp"


class MappingState(Enum):
    """How far a mapping has come. Accepted is not reachable: the gateway said yes, nothing more."""

    REQUESTED = "requested"  # wanted; no gateway yet, or not asked yet
    ACCEPTED = "accepted"  # granted by the gateway, and renewed
    REFUSED = "refused"  # the gateway said no; asked again later
    DISABLED = "disabled"  # port mapping is switched off: nothing is asked


@frozen
class Wanted:
    """One mapping somebody wants kept alive.

    ``external_port`` None asks for the number of the internal port. With ``exact`` only that external port
    will do; without it the gateway, or a conflict there, may lead to another one. ``sticky`` and ``listed``
    change nothing on the gateway: they are for those who show the table.

    Raises:
        LocalError: a port outside 1–65535 (0 means "all ports" to some gateways: never asked).
    """

    protocol: Protocol
    internal_port: int
    external_port: int | None = None
    exact: bool = False
    label: str = ""  # goes into the UPnP description, e.g. "Ringthru sip-udp-5060"
    sticky: bool = False
    listed: bool = True

    def __post_init__(self) -> None:
        for port in (self.internal_port, self.wanted_external_port):
            if not 1 <= port <= 65535:
                raise LocalError(f"port {port} cannot be mapped: ports are 1 to 65535")

    @property
    def wanted_external_port(self) -> int:
        """The external port to ask for first."""
        return self.internal_port if self.external_port is None else self.external_port


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


@frozen
class GatewayEntry:
    """One entry of the gateway's own table, whoever made it; texts as the gateway gave them."""

    protocol: Protocol
    external_port: int  # 0: all ports
    internal_client: str
    internal_port: int
    description: str
    lifetime: int | None  # seconds left; None: for ever, or not told
    enabled: bool
    ours: bool  # it leads to our address, and bears our name


@frozen
class GatewayListing:
    """The gateway's own table as far as it could be read."""

    entries: tuple[GatewayEntry, ...]
    complete: bool
    reason: str  # why it is not complete, in words; empty when it is


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


def printable(text: str) -> str:
    """A gateway's words, fit for a log line or a table: one line, no control characters, not long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:512]).split())[:LONGEST_WORDS]
