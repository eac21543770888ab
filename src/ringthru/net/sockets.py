"""Opening sockets, with errors a person can act on."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import sys
from contextlib import suppress
from typing import Any

from .address import Endpoint

KERNEL_BUFFER = 64 * 1024  # bytes asked for each way of a connection; Linux takes twice as much
BACKLOG = 128  # connections that the kernel holds ready for us
IP_UNICAST_IF = 50  # linux/in.h and in6.h; Python names neither
IPV6_UNICAST_IF = 76
DATAGRAM_LIMIT = 65535  # bytes; asyncio's default reads 256 KiB per datagram, at five times the cost


class PortInUse(OSError):
    """The endpoint is taken; the message names the holder where the system tells."""


def bind_udp(local: Endpoint, *, reuse_port: bool = False) -> socket.socket:
    """A non-blocking UDP socket on ``local``; ``reuse_port``: others that say so too may bind it as well.

    A port that the system chooses (0) is nobody else's all the same. Linux gives a socket that shares its
    port one that other sockets share already, in one of some ten thousand cases; so it shares it afterwards.

    Raises:
        PortInUse: somebody has it; the message says who, where the system tells.
        OSError: any other refusal, with the endpoint in its text.
    """
    sock = socket.socket(family_of(local.host), socket.SOCK_DGRAM)
    try:
        if reuse_port and local.port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bind(sock, local)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        sock.close()
        raise _in_words(error, "UDP", local) from error
    return sock


def listen_tcp(local: Endpoint) -> socket.socket:
    """A non-blocking TCP socket that listens on ``local``; a port of a connection just closed is free again.

    Raises:
        PortInUse: somebody listens there; the message says who, where the system tells.
        OSError: any other refusal, with the endpoint in its text.
    """
    sock = socket.socket(family_of(local.host), socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(sock, local)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _in_words(error, "TCP", local) from error
    return sock


def keep_small_and_alive(sock: socket.socket) -> None:
    """For a connection with short messages: small buffers in the kernel, and no peer that is long gone.

    The kernel finds out in a few minutes that a peer left without a word; what was written and not
    acknowledged for a minute ends the connection too.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)  # else up to 4 MiB each
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 120), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)


def allow_many_descriptors() -> int:
    """Raise the process's own limit on open files as far as the system lets it; what the limit is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # a container may refuse what it promised
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return descriptor_limit()


def descriptor_limit() -> int:
    """How many files and sockets the process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft if soft != resource.RLIM_INFINITY else sys.maxsize


def hold_to_interface(sock: socket.socket, interface: str) -> None:
    """Have everything leave over this interface, *and come in there alone*, whatever the routes say.

    Not where two interfaces are in one LAN and the routes do it anyway: hosts there may answer to either.
    Needs no privilege since Linux 5.7. Where it is refused, or the interface is gone, the routes decide.
    """
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")


def leave_by(sock: socket.socket, interface: str) -> None:
    """Have datagrams leave over this interface, whatever the routes say; they may come in over any.

    Needs no privilege; connected sockets heed it since Linux 6.1. Where it is refused, or the interface is
    gone, the routes decide.
    """
    ipv6 = sock.family is socket.AF_INET6
    with suppress(OSError):
        index = socket.if_nametoindex(interface).to_bytes(4, "big")
        level, option = (socket.IPPROTO_IPV6, IPV6_UNICAST_IF) if ipv6 else (socket.IPPROTO_IP, IP_UNICAST_IF)
        sock.setsockopt(level, option, index)


def family_of(host: str) -> socket.AddressFamily:
    """The family of an address given as text."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bind(sock: socket.socket, local: Endpoint) -> None:
    sock.setblocking(False)
    if sock.family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # one family a socket, one a profile
    sock.bind(local)


def _in_words(error: OSError, protocol: str, local: Endpoint) -> OSError:
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(local.port, protocol.lower())
        who = f" by {holder}" if holder else ""
        return PortInUse(error.errno, f"{protocol} port {local} is already in use{who}")
    return OSError(error.errno, f"cannot open {protocol} port {local}: {error.strerror}")


async def open_datagram(sock: socket.socket, protocol: asyncio.DatagramProtocol) -> asyncio.DatagramTransport:
    """Hand a bound socket to the running loop, reading at most one datagram's worth at a time."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol, sock=sock)
    small: Any = transport
    small.max_size = DATAGRAM_LIMIT
    return transport


def port_holder(port: int, protocol: str = "udp") -> str | None:
    """Who holds a port on this machine: ``name (pid N)``, or None when the system does not say.

    For ``tcp`` it is who listens there.
    """
    from .held_ports import held_ports, holder_of  # late: a start that finds its ports free never asks

    held = (each for each in held_ports(protocol) if each.port == port)
    return next((who for each in held if (who := holder_of(each.inode)) is not None), None)
