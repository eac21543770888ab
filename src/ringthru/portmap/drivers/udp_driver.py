"""A UDP socket on the running loop, for a handful of datagrams; sends before anything is awaited."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ...net.address import Endpoint
from ...net.sockets import bind_udp, leave_by

BIGGEST = 4096  # bytes; no honest answer to us is bigger
AT_ONCE = 32  # datagrams read before others get their turn
MULTICAST_HOPS = 2  # UPnP DA 1.1 §1.3.2


class UdpPort:
    """A bound socket. ``on_failure`` is called when the system reports that nobody is there;
    ``interface_index`` says where IPv6 multicast leaves, and ``interface``, where it is named, everything.

    Raises (when made):
        OSError: the address cannot be bound, or ``peer`` cannot be reached.
    """

    def __init__(
        self,
        local_host: str,
        on_datagram: Callable[[bytes, Endpoint], None],
        on_failure: Callable[[], None],
        peer: Endpoint | None = None,
        interface_index: int = 0,
        interface: str = "",
    ) -> None:
        self._on_datagram = on_datagram
        self._on_failure = on_failure
        self._at_once = AT_ONCE if peer is None else 1  # a peer is asked one thing: its answer comes alone
        self._loop = asyncio.get_running_loop()
        self._socket = bind_udp(Endpoint(local_host, 0))
        try:
            if interface:
                leave_by(self._socket, interface)
            if peer is not None:
                self._socket.connect(
                    _with_scope(peer)
                )  # datagrams of others are dropped, refusals are reported
            else:
                self._aim_multicast(local_host, interface_index)
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _aim_multicast(self, local_host: str, interface_index: int) -> None:
        """Multicast leaves where our address is, and goes no further than UPnP allows."""
        if self._socket.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, MULTICAST_HOPS)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface_index)
            return
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, MULTICAST_HOPS)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(local_host))

    @property
    def local(self) -> Endpoint:
        """Where it is bound."""
        return Endpoint(*self._socket.getsockname()[:2])

    def send(self, datagram: bytes, to: Endpoint | None = None) -> None:
        """Send; a failure is reported later, from the loop."""
        try:
            if to is None:
                self._socket.send(datagram)
            else:
                self._socket.sendto(datagram, _with_scope(to))
        except BlockingIOError:
            pass  # as good as lost on the wire: it is sent again
        except OSError:
            self._loop.call_soon(self._on_failure)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(self._at_once):
            if self._socket.fileno() < 0:
                return  # closed by what the last datagram led to
            try:
                datagram, source = self._socket.recvfrom(BIGGEST)
            except BlockingIOError:
                return
            except OSError:
                self._on_failure()
                return
            self._on_datagram(datagram, Endpoint(*source[:2]))


def _with_scope(to: Endpoint) -> tuple[str, int] | tuple[str, int, int, int]:
    """As the system wants it: a link-local gateway's zone (``fe80::1%eth0``) by its number (PC18)."""
    host, _, zone = to.host.partition("%")
    return (host, to.port, 0, socket.if_nametoindex(zone)) if zone else to
