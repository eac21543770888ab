"""The hardware addresses of our neighbours on the LAN, read from the kernel's table without sending a packet.

Lives here: the table's text, and the one question asked of it.
Never here: resolving an address; the kernel knows a neighbour once it has talked to it.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from .address import parse_address

NEIGHBOURS: Final = Path("/proc/net/arp")
COMPLETE: Final = 0x2  # ATF_COM: the neighbour has answered


def read_neighbours(text: str, interface: str = "") -> dict[str, str]:
    """Parse /proc/net/arp: hardware addresses in lower case by IPv4 address; unanswered lines are left out.

    With ``interface`` those seen there. Without it an address that two interfaces see with different hardware
    is left out too: nobody knows which is meant.
    """
    found: dict[str, set[str]] = {}
    for line in text.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 6 or interface not in ("", columns[5]):
            continue
        if _flags(columns[2]) & COMPLETE and columns[3].strip("0:"):
            found.setdefault(columns[0], set()).add(columns[3].lower())
    return {address: hardware.pop() for address, hardware in found.items() if len(hardware) == 1}


def hardware_address(ip: str, table: Path = NEIGHBOURS, interface: str = "") -> str:
    """The hardware address of a neighbour, e.g. ``02:00:5e:10:00:01``; empty when it is not known.

    ``interface`` empty: seen over any.

    Always empty for IPv6: the kernel tells those neighbours over netlink only, there is no file of them.
    """
    address = parse_address(ip.partition("%")[0])
    if not isinstance(address, IPv4Address):
        return ""
    try:
        return read_neighbours(table.read_text(errors="replace"), interface).get(str(address), "")
    except OSError:
        return ""


def _flags(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
