"""Keep a process on 127.0.0.0/8: whoever tries to leave gets an error instead of a packet.

Lives here: what counts as loopback, and the audit hook (PEP 578) that holds a process to it.
Never here: anything that opens a socket.

What the hook cannot see: programs started by this process, event loops that make their own system
calls (uvloop), and a host *name* given straight to ``sock.connect`` (CPython resolves it before it asks;
``getaddrinfo``, which asyncio and urllib use, is seen in time). The laboratory uses none of the three.
"""

from __future__ import annotations

import socket
import sys
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any, Final

LOOPBACK: Final = IPv4Network("127.0.0.0/8")
WITH_ADDRESS: Final = frozenset({"socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg"})
WITH_NAME: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
NEEDS_NO_NETWORK: Final = frozenset({socket.AF_UNIX, socket.AF_NETLINK})  # netlink talks to our own kernel


class LeavesLoopback(RuntimeError):
    """Somebody tried to reach, or to listen on, an address outside 127.0.0.0/8.

    Not an OSError on purpose: code that expects network trouble must not swallow it.
    """


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an IPv4 address (never a name) in 127.0.0.0/8."""
    try:
        return IPv4Address(host) in LOOPBACK
    except AddressValueError:
        return False


def require_loopback(host: str) -> str:
    """Return ``host`` if it is a loopback address.

    Raises:
        ValueError: it is not.
    """
    if not is_loopback(host):
        raise ValueError(f"{host!r} is not in 127.0.0.0/8; the laboratory never leaves loopback")
    return host


def confine_to_loopback() -> None:
    """Hold this process to 127.0.0.0/8 from now on.

    An audit hook cannot be removed: it lasts as long as the process. Refused with ``LeavesLoopback``:
    binding, connecting or sending to any other IPv4 address (0.0.0.0 listens elsewhere too, multicast and
    broadcast leave), IPv6, raw and packet sockets, and looking up any name. Unix sockets, pipes and epoll,
    which asyncio needs, stay as they are.
    """
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return  # the hook sees everything the interpreter does: leave early
    if event in WITH_ADDRESS:
        _check_address(event, *arguments)
    elif event in WITH_NAME:
        _check_name(event, arguments[0])
    elif event == "socket.__new__":
        _check_socket(*arguments[1:3])


def _check_address(event: str, sock: socket.socket, address: object) -> None:
    if address is None or sock.family in NEEDS_NO_NETWORK:
        return  # None: sendmsg on a connected socket, whose connect was checked
    host = address[0] if isinstance(address, tuple) and address else address
    if sock.family != socket.AF_INET or not isinstance(host, str) or not is_loopback(host):
        raise LeavesLoopback(f"{event} to {address!r}: this process is confined to 127.0.0.0/8")


def _check_name(event: str, host: object) -> None:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(text, str) or not is_loopback(text):
        raise LeavesLoopback(f"{event} of {host!r}: this process is confined to 127.0.0.0/8")


def _check_socket(family: int, kind: int) -> None:
    if family in (-1, *NEEDS_NO_NETWORK):
        return  # -1: taken over from a file descriptor
    if family != socket.AF_INET or kind == socket.SOCK_RAW:
        raise LeavesLoopback(f"a socket of family {family}, type {kind}: confined to IPv4 loopback")
