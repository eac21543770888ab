"""Addresses and endpoints: what they are, and which of them count as public.

Lives here: values and their tests.
Never here: sockets, name lookups, or an address of our own.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Final, NamedTuple

from .values import frozen


class Endpoint(NamedTuple):
    """A host and a port (0–65535); equal to the plain tuple that sockets use."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class AddressKind(Enum):
    """What sort of address a gateway (or a peer) has, seen from here."""

    PUBLIC = "public"
    PRIVATE = "private"  # RFC 1918
    SHARED = "carrier-grade NAT"  # RFC 6598, 100.64.0.0/10
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    DOCUMENTATION = "documentation"  # RFC 5737
    UNSPECIFIED = "unspecified"  # 0.0.0.0
    RESERVED = "reserved"
    INVALID = "not an address"


def _range(text: str, kind: AddressKind) -> tuple[int, int, AddressKind]:
    network = IPv4Network(text)
    return int(network.network_address), int(network.broadcast_address), kind


KINDS: Final = (  # first and last address, as numbers: every peer is judged by them
    _range("0.0.0.0/32", AddressKind.UNSPECIFIED),
    _range("0.0.0.0/8", AddressKind.RESERVED),
    _range("10.0.0.0/8", AddressKind.PRIVATE),
    _range("100.64.0.0/10", AddressKind.SHARED),
    _range("127.0.0.0/8", AddressKind.LOOPBACK),
    _range("169.254.0.0/16", AddressKind.LINK_LOCAL),
    _range("172.16.0.0/12", AddressKind.PRIVATE),
    _range("192.0.2.0/24", AddressKind.DOCUMENTATION),
    _range("192.168.0.0/16", AddressKind.PRIVATE),
    _range("198.18.0.0/15", AddressKind.RESERVED),
    _range("198.51.100.0/24", AddressKind.DOCUMENTATION),
    _range("203.0.113.0/24", AddressKind.DOCUMENTATION),
    _range("224.0.0.0/3", AddressKind.RESERVED),
)
LONGEST_ADDRESS: Final = 80  # characters; an IPv6 address in brackets with the name of its interface has 60


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; ``::ffff:a.b.c.d`` is its IPv4 address. None when it is no address."""
    return _parse(text.strip("[]")) if len(text) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)  # the same peers come again and again, and the library takes 5 µs each time
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def same_host(one: str, other: str) -> bool:
    """Whether two texts are one host; an IPv6 address can be written in many ways (RFC 5118 §4.10)."""
    if one == other or ":" not in one or ":" not in other:
        return one.lower() == other.lower()
    address = parse_address(one)
    return address is not None and address == parse_address(other)


@frozen
class AddressRules:
    """Which addresses count as public: the Internet's own, and what the operator adds.

    A laboratory whose "Internet" is a loopback range names that range in ``also_public``;
    nothing else in the program knows the difference.
    """

    also_public: tuple[IPv4Network, ...] = ()

    def kind(self, text: str) -> AddressKind:
        """The kind of an IPv4 address given as text; IPv6 is judged by ``is_global``."""
        address = parse_address(text)
        if address is None:
            return AddressKind.INVALID
        if isinstance(address, IPv6Address):
            return AddressKind.PUBLIC if address.is_global else AddressKind.RESERVED
        if any(address in network for network in self.also_public):
            return AddressKind.PUBLIC
        number = int(address)
        return next((kind for first, last, kind in KINDS if first <= number <= last), AddressKind.PUBLIC)

    def is_public(self, text: str) -> bool:
        return self.kind(text) is AddressKind.PUBLIC


INTERNET: Final = AddressRules()
