"""The kernel's tables of routes and addresses, read from the text that /proc shows.

Lives here: pure readers, and the rows they give. Never here: opening the files, sockets, choosing.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from .values import frozen

UP = 0x0001  # RTF_UP; the flags of both route tables, <linux/route.h>
GATEWAY = 0x0002
REJECT = 0x0200
LOCAL = 0x80000000  # IPv6: one of our own addresses
TEMPORARY = 0x01  # IFA_F_TEMPORARY, a privacy address (RFC 8981); <linux/if_addr.h>
DAD_FAILED = 0x08  # somebody else has it
DEPRECATED = 0x20
TENTATIVE = 0x40
NO_INTERFACE = "*"  # what /proc/net/route shows for a blackhole


@frozen
class Route:
    """One line of the kernel's IPv4 main table."""

    interface: str
    network: IPv4Network
    gateway: str | None
    metric: int


@frozen
class Route6:
    """One IPv6 route, of whichever table."""

    interface: str
    network: IPv6Network
    gateway: IPv6Address | None
    metric: int


@frozen
class Address6:
    """One IPv6 address of ours; ``flags`` are the kernel's lowest eight."""

    interface: str
    index: int  # of the interface
    address: IPv6Address
    prefix_length: int
    flags: int

    @property
    def is_stable(self) -> bool:
        """Neither a privacy address nor one that is being given up, and surely ours."""
        return not self.flags & (TEMPORARY | DEPRECATED | TENTATIVE | DAD_FAILED)


def read_routes(text: str) -> list[Route]:
    """Parse /proc/net/route; lines that are not routes in use are left out."""
    routes = []
    for line in text.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 8 or columns[0] == NO_INTERFACE:
            continue
        flags = int(columns[3], 16)
        if not flags & UP or flags & REJECT:
            continue
        destination, mask = _number(columns[1]), _number(columns[7])
        network = IPv4Network((destination & mask, mask.bit_count()))
        gateway = str(IPv4Address(_number(columns[2]))) if flags & GATEWAY else None
        routes.append(Route(columns[0], network, gateway, int(columns[6])))
    return routes


def read_routes6(text: str) -> list[Route6]:
    """Parse /proc/net/ipv6_route; what rejects, and what leads to ourselves, is left out."""
    routes = []
    for columns in _rows(text, 10):
        flags = int(columns[8], 16)
        if not flags & UP or flags & (REJECT | LOCAL):
            continue
        network = IPv6Network((bytes.fromhex(columns[0]), int(columns[1], 16)), strict=False)
        gateway = IPv6Address(bytes.fromhex(columns[4])) if flags & GATEWAY else None
        routes.append(Route6(columns[9], network, gateway, int(columns[5], 16)))
    return routes


def read_addresses6(text: str) -> list[Address6]:
    """Parse /proc/net/if_inet6."""
    return [
        Address6(
            interface=columns[5],
            index=int(columns[1], 16),
            address=IPv6Address(bytes.fromhex(columns[0])),
            prefix_length=int(columns[2], 16),
            flags=int(columns[4], 16),
        )
        for columns in _rows(text, 6)
    ]


def _rows(text: str, width: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        columns = line.split()
        if len(columns) >= width:
            yield columns


def _number(hexadecimal: str) -> int:
    """The table prints addresses and masks as hexadecimal in the machine's (little-endian) order."""
    return int.from_bytes(bytes.fromhex(hexadecimal), "little")
