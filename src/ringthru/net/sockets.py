"""Opening sockets, with errors a person can act on."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from pathlib import Path
from typing import Any

from .address import Endpoint

DATAGRAM_LIMIT = 65535  # bytes; asyncio's default reads 256 KiB per datagram, at five times the cost


class PortInUse(OSError):
    """The endpoint is taken; the message names the holder where the system tells."""


def bind_udp(local: Endpoint, *, reuse_port: bool = False) -> socket.socket:
    """A non-blocking UDP socket on ``local``.

    Raises:
        PortInUse: somebody has it; the message says who, where the system tells.
        OSError: any other refusal, with the endpoint in its text.
    """
    family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(local)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            holder = port_holder(local.port)
            who = f" by {holder}" if holder else ""
            raise PortInUse(error.errno, f"UDP port {local} is already in use{who}") from error
        raise OSError(error.errno, f"cannot open UDP port {local}: {error.strerror}") from error
    return sock


async def open_datagram(sock: socket.socket, protocol: asyncio.DatagramProtocol) -> asyncio.DatagramTransport:
    """Hand a bound socket to the running loop, reading at most one datagram's worth at a time."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol, sock=sock)
    small: Any = transport
    small.max_size = DATAGRAM_LIMIT
    return transport


def port_holder(port: int) -> str | None:
    """Who holds a UDP port on this machine: ``name (pid N)``, or None when the system does not say."""
    inodes = _inodes_of(port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in inodes:
                    return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # another user's process, or one that just ended
    return None


def _inodes_of(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if int(columns[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found
