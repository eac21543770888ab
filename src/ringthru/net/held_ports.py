"""Which ports of this machine somebody holds, read from the kernel's tables; nothing is opened or sent.

Lives here: /proc/net and the descriptors of processes. Never here: what a port is wanted for.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .values import frozen

PROC: Final = Path("/proc")
LISTENING: Final = "0A"  # the state TCP_LISTEN in the kernel's tables
ANY: Final = ("0.0.0.0", "::")


@frozen
class HeldPort:
    """One bound socket; of TCP, one that listens."""

    host: str
    port: int
    inode: str  # ``socket:[12345]``, as a process's descriptor names it

    def is_in_the_way_of(self, host: str) -> bool:
        """Whether nobody else can bind its port at ``host``."""
        return self.host == host or self.host in ANY or host in ANY


def held_ports(protocol: str, proc: Path = PROC) -> tuple[HeldPort, ...]:
    """All of ``udp`` or ``tcp``, IPv4 and IPv6; empty where the kernel does not say."""
    return tuple(each for name in (protocol, f"{protocol}6") for each in _rows(proc / "net" / name, protocol))


def _rows(table: Path, protocol: str) -> Iterator[HeldPort]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        columns = line.split()
        if len(columns) < 10 or (protocol == "tcp" and columns[3] != LISTENING):
            continue
        address, _, port = columns[1].rpartition(":")
        yield HeldPort(_address(address), int(port, 16), f"socket:[{columns[9]}]")


def _address(text: str) -> str:
    """The kernel writes words of 32 bits in its own order."""
    words = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


def sockets_of(process: str, proc: Path = PROC) -> frozenset[str]:
    """The inodes of a process's sockets, by its pid; empty for another user's."""
    found = set()
    try:
        for descriptor in (proc / process / "fd").iterdir():
            try:
                found.add(os.readlink(descriptor))
            except OSError:
                continue  # closed in between
    except OSError:
        return frozenset()
    return frozenset(found)


def holder_of(inode: str, proc: Path = PROC) -> str | None:
    """Who has a socket: ``name (pid N)``; None where the system does not say."""
    for process in proc.glob("[0-9]*"):
        if inode in sockets_of(process.name, proc):
            try:
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
            except OSError:
                continue  # it has just ended
    return None
