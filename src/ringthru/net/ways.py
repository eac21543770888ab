"""The way that the kernel has for what we send from one of our addresses, its routing rules heeded.

/proc shows the main table alone. A rule may lead one address by another table (``ip rule add from 10.9.0.2
table 100``), as VPNs and second lines are often set up; the kernel tells the outcome when it is asked for one
way (RTM_GETROUTE, rtnetlink(7)): one small question, one small answer, and nothing is sent to the network.

Lives here: that question. Never here: tables, or which way is the best.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from .values import frozen

GET_ROUTE: Final = 26  # RTM_GETROUTE, <linux/rtnetlink.h>
NEW_ROUTE: Final = 24  # RTM_NEWROUTE, the answer
REQUEST: Final = 1  # NLM_F_REQUEST
UNICAST: Final = 1  # RTN_UNICAST: it leads somewhere
DESTINATION, SOURCE, INTERFACE, GATEWAY = 1, 2, 4, 5  # RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY
HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
ROUTE: Final = struct.Struct("=BBBBBBBBI")  # struct rtmsg; family first, type of route the eighth
ATTRIBUTE: Final = struct.Struct("=HH")  # struct rtattr: length, type
LONGEST_ANSWER: Final = 4096  # bytes; it takes about 100
PATIENCE: Final = 0.2  # seconds; the kernel answers before the question's system call returns


@frozen
class Way:
    """By which interface (its number), and over whom; None: whoever is meant is on that link."""

    interface: int
    gateway: str | None


def way_from(address: str, to: str) -> Way | None:
    """The way from an IPv4 address of ours to another one; None where there is none, or nobody tells."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(PATIENCE)
            kernel.send(question(address, to))
            return answer(kernel.recv(LONGEST_ANSWER))
    except (OSError, AddressValueError):
        return None


def question(address: str, to: str) -> bytes:
    """RTM_GETROUTE for one way.

    Raises:
        AddressValueError: one of them is no IPv4 address.
    """
    route = ROUTE.pack(socket.AF_INET, 32, 32, 0, 0, 0, 0, 0, 0)
    ends = ((DESTINATION, to), (SOURCE, address))
    attributes = b"".join(ATTRIBUTE.pack(8, kind) + IPv4Address(host).packed for kind, host in ends)
    length = HEADER.size + len(route) + len(attributes)
    return HEADER.pack(length, GET_ROUTE, REQUEST, 1, 0) + route + attributes


def answer(message: bytes) -> Way | None:
    """What the kernel told; None for an error, or a way that leads nowhere."""
    start = HEADER.size + ROUTE.size
    if len(message) < start or HEADER.unpack_from(message)[1] != NEW_ROUTE:
        return None
    if ROUTE.unpack_from(message, HEADER.size)[7] != UNICAST:
        return None
    told = dict(_attributes(message[start : HEADER.unpack_from(message)[0]]))
    interface, gateway = told.get(INTERFACE, b""), told.get(GATEWAY, b"")
    if len(interface) != 4:
        return None
    return Way(
        int.from_bytes(interface, sys.byteorder), str(IPv4Address(gateway)) if len(gateway) == 4 else None
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kinds that nobody here knows are given too, and do no harm."""
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if length < ATTRIBUTE.size:
            return
        yield kind, data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
