"""Hearing what gateways say unasked: the multicast groups of NAT-PMP, PCP and SSDP. Never sends a datagram.

Lives here: sockets that only receive. Never here: whom to believe, and what an announcement means.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ..wire.ssdp import PORT as SSDP_PORT

ANNOUNCEMENT_PORT: Final = 5350  # RFC 6886 §3.2.1; RFC 6887 §19.1
ALL_HOSTS: Final = "224.0.0.1"
SSDP_GROUP: Final = "239.255.255.250"  # UPnP DA 1.1 §1.2
ALL_NODES: Final = "ff02::1"
SSDP_GROUP_6: Final = "ff02::c"  # UPnP DA 1.1, annex A: the link's own
IP_MULTICAST_ALL: Final = 49  # Linux, ip(7): 0 means only groups that this very socket joined
IPV6_MULTICAST_ALL: Final = 29  # the same, since Linux 4.20
LINK_LOCAL: Final = ("fe8", "fe9", "fea", "feb")  # how fe80::/10 begins, as the kernel writes it
BIGGEST: Final = 2048  # bytes; no honest announcement is bigger
AT_ONCE: Final = 32  # datagrams read before others get their turn

Heard = Callable[[bytes, Endpoint], None]

log = logging.getLogger(__name__)


class Hearing:
    """Receives announcements and NOTIFYs on the link of ``address``, which is one of ours.

    ``interface`` (name and index) is needed for IPv6. With ``multicast`` False it listens on the address
    itself: for a loopback laboratory, which has no multicast. Nothing is opened before ``open``, so that a
    start need not wait for it. What cannot be opened is told once, at debug: polling stays the base.
    """

    def __init__(
        self,
        address: str,
        on_announcement: Heard,
        on_notify: Heard,
        *,
        interface: tuple[str, int] | None = None,
        multicast: bool = True,
        announcement_port: int = ANNOUNCEMENT_PORT,
        ssdp_port: int = SSDP_PORT,
    ) -> None:
        self._address = address
        self._zone, self._index = interface or ("", 0)
        self._is_ipv6 = ":" in address
        groups = (ALL_NODES, SSDP_GROUP_6) if self._is_ipv6 else (ALL_HOSTS, SSDP_GROUP)
        if not multicast:
            groups = (address, address)
        self._multicast = multicast
        self._wanted = (
            (Endpoint(groups[0], announcement_port), on_announcement),
            (Endpoint(groups[1], ssdp_port), on_notify),
        )
        self._sockets: list[socket.socket] = []

    def open(self) -> None:
        """Begin to listen, on the running loop. Asked twice, the second time does nothing."""
        if self._sockets:
            return
        loop = asyncio.get_running_loop()
        for local, on_datagram in self._wanted:
            try:
                sock = self._open(local)
            except OSError as error:
                log.debug("announcements to %s are not heard: %s", local, error)
                continue
            self._sockets.append(sock)
            loop.add_reader(sock.fileno(), self._readable, sock, on_datagram)

    @property
    def heard_at(self) -> tuple[Endpoint, ...]:
        """Where it listens; empty when nothing could be opened."""
        return tuple(Endpoint(*sock.getsockname()[:2]) for sock in self._sockets)

    def close(self) -> None:
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets = []

    def _open(self, local: Endpoint) -> socket.socket:
        """Bound to the group itself: what is sent to the port by unicast goes to others, not here."""
        family = socket.AF_INET6 if self._is_ipv6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if self._multicast:  # other listeners of the group hear it as well
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((*local, 0, self._index) if self._is_ipv6 else local)
            if self._multicast:
                self._join(sock, local.host)
        except OSError:
            sock.close()
            raise
        return sock

    def _join(self, sock: socket.socket, group: str) -> None:
        """On our own link, and on no other that a program beside us may have joined."""
        if self._is_ipv6:
            request = struct.pack("@16sI", socket.inet_pton(socket.AF_INET6, group), self._index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
        else:
            request = socket.inet_aton(group) + socket.inet_aton(self._address)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)

    def _readable(self, sock: socket.socket, on_datagram: Heard) -> None:
        for _ in range(AT_ONCE):
            if sock.fileno() < 0:
                return  # closed by what the last datagram led to
            try:
                datagram, source = sock.recvfrom(BIGGEST)
            except BlockingIOError:
                return
            except OSError as error:
                log.debug("listening for announcements: %s", error)
                return
            on_datagram(datagram, self._named(source[0], source[1]))

    def _named(self, host: str, port: int) -> Endpoint:
        """The sender; a link-local one with its zone, as the gateway of ``Surroundings6`` is written."""
        needs_zone = self._zone and "%" not in host and host.startswith(LINK_LOCAL)
        return Endpoint(f"{host}%{self._zone}" if needs_zone else host, port)
