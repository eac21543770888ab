"""Where a gateway is looked for: our place in one network, seen by the engine.

Lives here: the value. Never here: how the system was asked for it.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Final
from urllib.parse import urlsplit

from ...net.address import INTERNET, AddressRules, parse_address
from ...net.surroundings import Surroundings, Surroundings6
from ...net.values import frozen
from ..errors import LocalError, MalformedMessage
from ..values import Family, GatewayType
from ..wire.location import Location, confine

EVERY_TYPE: Final = frozenset(GatewayType)


@frozen
class Site:
    """Our place, and whom we may ask there.

    ``seen_as`` is what the gateway knows us by: our own address, but behind another NAT that one's external
    address. ``speaks`` are the protocols to try; ``description`` is looked at first, without a search.
    """

    address: str  # ours; every request is sent from it
    network: IPv4Network | IPv6Network
    gateway: str | None
    seen_as: str
    rules: AddressRules = INTERNET
    multicast: bool = True
    speaks: frozenset[GatewayType] = EVERY_TYPE
    description: Location | None = None
    by_hand: bool = False  # ``description`` was given by a person, and is trusted like the gateway
    pcp_server: str | None = None  # who is asked by PCP and NAT-PMP; None: the gateway (RFC 7291)
    named: bool = False  # ``gateway`` was given by a person: nobody else will do
    interface: str = ""  # by which all requests leave; empty: as the kernel's routes have it
    interface_index: int = 0  # IPv6: its number, where multicast leaves

    @property
    def family(self) -> Family:
        return Family.IPV6 if ":" in self.address else Family.IPV4

    def speaks_with(self, kind: GatewayType) -> bool:
        """Whether that protocol is to be tried with the gateway itself, which needs one to be known."""
        if kind is GatewayType.NAT_PMP and self.family is Family.IPV6:
            return False  # RFC 6886 knows IPv4 only
        return kind in self.speaks and self.port_5351_at is not None

    @property
    def port_5351_at(self) -> str | None:
        """Who is asked by PCP and NAT-PMP."""
        return self.pcp_server or self.gateway

    @property
    def has_one_table(self) -> bool:
        """Whether who is asked by PCP is the gateway: another one's table is not what UPnP reads."""
        return self.pcp_server in (None, self.gateway)

    @property
    def searches(self) -> bool:
        """Whether there is anybody to search among by SSDP."""
        return GatewayType.UPNP in self.speaks and (self.gateway is not None or self.multicast)

    def trusts(self, host: str) -> bool:
        """Whether an answer from that host may count: the gateway's, or one of our own network.

        Where a person named the gateway, it is that one or none: another one may have another line.
        """
        if self.named or host == self.gateway:
            return self.is_gateway(host)
        address = parse_address(host.partition("%")[0])
        return address is not None and address.version == self.network.version and address in self.network

    def is_gateway(self, host: str) -> bool:
        """Whether that host is our gateway, or the one a person named."""
        named = self.by_hand and self.description is not None and self.description.host == host
        return host == self.gateway or named


def site_of(surroundings: Surroundings) -> Site:
    """The usual place: behind the default gateway."""
    return Site(
        surroundings.address,
        surroundings.network,
        surroundings.gateway,
        surroundings.address,
        surroundings.rules,
        surroundings.multicast,
    )


def site6_of(surroundings: Surroundings6, rules: AddressRules = INTERNET) -> Site:
    """Our place in the IPv6 Internet, where a firewall is asked for pinholes."""
    return Site(
        surroundings.address,
        surroundings.network,
        surroundings.gateway,
        surroundings.address,
        rules,
        interface=surroundings.interface,
        interface_index=surroundings.index,
    )


def description_by_hand(url: str) -> Location:
    """The place of a description that a person named.

    Raises:
        LocalError: no http URL with an address literal in it.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # "http://[::1"
        host = ""
    if parse_address(host.partition("%")[0]) is None:
        raise LocalError(
            f"{url!r} names no gateway: write http://ADDRESS:PORT/PATH with an address of digits"
        )
    try:
        return confine(url, host)
    except MalformedMessage as error:
        raise LocalError(f"{url!r} cannot be a gateway's description: {error}") from error
