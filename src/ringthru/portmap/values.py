"""What callers of the engine say: wishes, the words they are made of, and entries of a gateway's own table.

Lives here: frozen values, and what makes a gateway's words fit to be shown.
Never here: what is shown of the engine (``snapshots``), how a mapping is made, or an address of our own.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_network
from typing import Final

from ..net.address import Endpoint, parse_address
from ..net.values import frozen
from .errors import LocalError

LONGEST_WORDS: Final = 64
OUR_NAME: Final = "Ringthru"  # every description of ours on a gateway begins with it
LONGEST_LIFETIME: Final = 604800  # seconds, a week: what WANIPConnection:2 §2.3.1 allows at most


class Word(Enum):
    """One of a few words, and a key of tables that are looked at with every answer of a gateway: Enum's own
    hash is that of its name, computed in Python each time."""

    __hash__ = object.__hash__


class Protocol(Word):
    """What a mapping carries."""

    UDP = "udp"
    TCP = "tcp"


class Family(Word):
    """Whose ports are opened: IPv4 ports translated by a NAT, or IPv6 ports let through a firewall."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class GatewayType(Word):
    """The protocol spoken with the gateway in use; the first three letters a user of FreeSWITCH knows."""

    PCP = "pcp"
    NAT_PMP = "pmp"
    UPNP = "upnp"

    @property
    def nat_type(self) -> str:
        """FreeSWITCH's word: it knows no PCP, whose place NAT-PMP takes there."""
        return "pmp" if self is GatewayType.PCP else self.value

    @property
    def spoken(self) -> str:
        """Its name as people write it."""
        return {"pcp": "PCP", "pmp": "NAT-PMP", "upnp": "UPnP"}[self.value]


class MappingState(Word):
    """What we are doing about a mapping. How much of it is *proven* is its ``Rung``."""

    REQUESTED = "requested"  # wanted; no gateway yet, or not asked yet
    ACCEPTED = "accepted"  # granted by the gateway, and renewed
    REFUSED = "refused"  # the gateway said no; asked again later
    DISABLED = "disabled"  # port mapping is switched off: nothing is asked
    UNSUPPORTED = "unsupported"  # this gateway has no request for it: nothing was refused, nothing has failed


class Rung(Word):
    """How much is proven of a mapping, each rung above the one before it."""

    REQUESTED = "requested"  # we want it
    ACCEPTED = "accepted"  # the gateway said yes
    LISTED = "listed"  # the gateway's own table shows it, leading to us
    REACHABLE = "reachable"  # somebody outside came through it


@frozen
class Wanted:
    """One mapping somebody wants kept alive.

    ``external_port`` None asks for the number of the internal port. With ``exact`` only that external port
    will do; without it the gateway, or a conflict there, may lead to another one. ``sticky`` and ``listed``
    change nothing on the gateway: what is ``sticky`` is wanted at the next start too
    (``PortMapper.wishes``), but for sets and groups; ``listed`` is for those who show the table.

    ``internal_client`` maps for another machine than this one (PCP's THIRD_PARTY; most gateways refuse).
    ``allow_from`` names the networks that may come in (PCP's FILTER; IPv6 pinholes: one address); gateways
    that do not know it are not asked without it. That one filters is its word alone until somebody outside
    has tried (``MappingSnapshot.filtering``): miniupnpd 2.3.1 says so, and lets everybody in. ``lifetime`` in
    seconds overrides the engine's own.

    Raises:
        LocalError: a port outside 1–65535 (0 means "all ports" to some gateways: never asked), a lifetime
            outside 1–604800, or a protocol, an address or a network that is none.
    """

    protocol: Protocol
    internal_port: int
    external_port: int | None = None
    exact: bool = False
    label: str = ""  # shown in the gateway's table (UPnP, most PCP), e.g. "Ringthru sip-udp-5060"
    sticky: bool = False
    listed: bool = True
    family: Family = Family.IPV4
    internal_client: str | None = None
    allow_from: tuple[str, ...] = ()
    lifetime: int | None = None

    def __post_init__(self) -> None:
        for port in (self.internal_port, self.wanted_external_port):
            if not is_number(port, 65535):
                raise LocalError(f"port {port} cannot be mapped: ports are 1 to 65535")
        if not isinstance(self.protocol, Protocol):
            raise LocalError(f"protocol {self.protocol!r}: there are Protocol.UDP and Protocol.TCP")
        if self.lifetime is not None and not is_number(self.lifetime, LONGEST_LIFETIME):
            raise LocalError(f"a lease of {self.lifetime} seconds: 1 to {LONGEST_LIFETIME} make sense")
        if not isinstance(self.family, Family):
            raise LocalError(f"family {self.family!r}: there are Family.IPV4 and Family.IPV6")
        if self.internal_client is not None:
            _check_client(self.internal_client, self.family)
        if self.allow_from is None or isinstance(self.allow_from, str):
            raise LocalError(f"allow_from {self.allow_from!r}: a tuple of networks, as in ('10.0.0.0/8',)")
        for network in self.allow_from:
            _check_network(network, self.family)
        if not isinstance(self.allow_from, tuple):  # a list would do, but that a wish is looked up by it
            object.__setattr__(self, "allow_from", tuple(self.allow_from))

    @property
    def wanted_external_port(self) -> int:
        """The external port to ask for first."""
        return self.internal_port if self.external_port is None else self.external_port


def check_kind(kind: type, *given: object) -> None:
    """Raises:
    LocalError: something is of another kind; callers without a type checker hand in anything.
    """
    for each in given:
        if not isinstance(each, kind):
            raise LocalError(f"{each!r} is no {kind.__name__}, which belongs here")


def is_number(value: object, most: int) -> bool:
    """Whether it is a whole number from 1; callers without a type checker hand in anything."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _check_client(text: str, family: Family) -> None:
    address = parse_address(str(text))
    if address is None:
        raise LocalError(f"internal client {text!r}: an address, as in 192.168.1.5")
    if (address.version == 6) is not (family is Family.IPV6):
        raise LocalError(f"internal client {text} cannot have a mapping of {family.value}")
    if address.is_unspecified or address.is_multicast or text == "255.255.255.255":
        raise LocalError(f"internal client {text}: that is no machine; give its own address")


def _check_network(text: str, family: Family) -> None:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise LocalError(f"network {text!r}: an address or a prefix, as in 10.0.0.0/8") from error
    if (network.version == 6) is not (family is Family.IPV6):
        raise LocalError(f"network {text} cannot come in through a mapping of {family.value}")


@frozen
class WantedPeer:
    """The translation of one flow of ours that somebody wants kept alive, and told (RFC 6887 §12).

    The flow goes from ``internal_port`` of this machine to ``remote``; the gateway translates it as soon as
    its first packet passes, or is asked to. ``external_port`` is suggested, None: whatever the flow has or
    gets. ``lifetime`` in seconds overrides the engine's own. Only PCP has a request for this.

    Raises:
        LocalError: a port outside 1–65535, a lifetime outside 1–604800, or a protocol or remote that is none.
    """

    protocol: Protocol
    internal_port: int
    remote: Endpoint
    external_port: int | None = None
    lifetime: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.remote, Endpoint):
            raise LocalError(f"remote peer {self.remote!r}: an Endpoint, as in Endpoint('203.0.113.5', 5060)")
        suggested = 1 if self.external_port is None else self.external_port
        for port in (self.internal_port, suggested, self.remote.port):
            if not is_number(port, 65535):
                raise LocalError(f"port {port} cannot be one of a flow: ports are 1 to 65535")
        if not isinstance(self.protocol, Protocol):
            raise LocalError(f"protocol {self.protocol!r}: there are Protocol.UDP and Protocol.TCP")
        if self.lifetime is not None and not is_number(self.lifetime, LONGEST_LIFETIME):
            raise LocalError(f"a lease of {self.lifetime} seconds: 1 to {LONGEST_LIFETIME} make sense")
        if parse_address(self.remote.host) is None:
            raise LocalError(f"remote peer {self.remote.host!r}: an address in numbers, as in 203.0.113.5")

    @property
    def family(self) -> Family:
        return Family.IPV6 if ":" in self.remote.host else Family.IPV4


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


def printable(text: str) -> str:
    """A gateway's words, fit for a log line or a table: one line, no control characters, not long."""
    text = text[:512]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:LONGEST_WORDS]
