"""The next routers on the way out, asked of the network by datagrams that live two hops only (Linux).

A gateway beyond ours answers such a datagram with "time exceeded", and so tells its address. Not a
traceroute: nothing ever goes further than ``MOST_HOPS``.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from ...net.address import Endpoint
from ...net.sockets import bind_udp, leave_by
from ..wire.pcp import ANYCAST_IPV4

MOST_HOPS: Final = 3  # ours is the first; a third would be a NAT behind a NAT behind ours
WAIT: Final = 1.0  # seconds for all answers
IP_RECVERR: Final = 11  # linux/in.h; Python names neither
ORIGIN_ICMP: Final = 2  # SO_EE_ORIGIN_ICMP, linux/errqueue.h
TIME_EXCEEDED: Final = 11  # ICMP type
EXTENDED_ERROR: Final = 16  # octets of struct sock_extended_err, before the offender's address
BIGGEST: Final = 512
WHERE_TO: Final = Endpoint(ANYCAST_IPV4, 9)  # RFC 863 at an address no host of the Internet has for itself


async def next_hops(
    local_host: str, interface: str = "", *, first: int = 2, to: Endpoint = WHERE_TO
) -> list[str]:
    """The routers from hop ``first`` on, nearest first; empty where nobody tells. Never raises.

    ``interface``, where it is named, is the one to ask over, whatever the routes say.
    """
    try:
        sock = bind_udp(Endpoint(local_host, 0))
    except OSError:
        return []
    try:
        if interface:
            leave_by(sock, interface)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        for hop in range(first, MOST_HOPS + 1):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
            _send(sock, to)
        return await _offenders(sock, MOST_HOPS - first + 1)
    except OSError:
        return []
    finally:
        sock.close()


def _send(sock: socket.socket, to: Endpoint) -> None:
    """Send; where an answer to the one before has come already, that is what the system reports instead."""
    try:
        sock.sendto(b"", to)
    except OSError:
        sock.sendto(b"", to)


async def _offenders(sock: socket.socket, expected: int) -> list[str]:
    """Who reported that time was exceeded, until all have or the wait is over."""
    found: list[str] = []
    loop = asyncio.get_running_loop()
    ends = loop.time() + WAIT
    while len(found) < expected and (left := ends - loop.time()) > 0:
        await _error_waits(sock, left)
        while (offender := _read_error(sock)) is not None:
            if offender and offender not in found:
                found.append(offender)
    return found


async def _error_waits(sock: socket.socket, patience: float) -> None:
    """Until the error queue has something: it makes the socket readable."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def readable() -> None:
        loop.remove_reader(sock.fileno())
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock.fileno(), readable)
    try:
        async with asyncio.timeout(patience):
            await ready
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(sock.fileno())


def _read_error(sock: socket.socket) -> str | None:
    """One report: the offender, "" for another kind of error; None when the queue is empty."""
    try:
        _, ancillary, _, _ = sock.recvmsg(BIGGEST, BIGGEST, socket.MSG_ERRQUEUE)
    except OSError:  # nothing there, or nothing that the system wants to tell
        return None
    for level, kind, data in ancillary:
        reported = level == socket.IPPROTO_IP and kind == IP_RECVERR and len(data) >= EXTENDED_ERROR + 8
        if reported and data[4] == ORIGIN_ICMP and data[5] == TIME_EXCEEDED:
            return socket.inet_ntoa(data[EXTENDED_ERROR + 4 : EXTENDED_ERROR + 8])
    return ""
