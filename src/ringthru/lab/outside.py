"""The outside of the fake gateway: sockets of hosts on the laboratory's Internet.

Lives here: the outside host's socket, and telling what it could never have seen.
Never here: what a phone says.

On loopback every address reaches every other. A real inside host's datagram would leave with the gateway's
address, or not at all; so an outside socket drops what comes straight from the inside network, or hands it to
the gateway that stands between (``masquerade``), which carries it out as a real one would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ..net.address import Endpoint
from ..net.sockets import bind_udp
from .datagrams import Datagrams, OnDatagram
from .loopback_guard import require_loopback

LONGEST_QUEUE: Final = 1024  # datagrams nobody has read yet; the newest are dropped beyond

Masquerade = Callable[[bytes, Endpoint, Endpoint], bool]  # data, inside source, outside destination


def is_leak(source: tuple[str, int], inside: IPv4Network) -> bool:
    """Whether a datagram from ``source`` came past the gateway instead of through it."""
    return IPv4Address(source[0]) in inside


class OutsideSocket:
    """A UDP socket of an outside host; must run on the gateway's loop or in a process of its own.

    Opened with SO_REUSEPORT, because the gateway borrows this address to speak to inside hosts in its name.
    With ``on_datagram`` everything heard goes there, else it waits for ``receive``. ``leaks`` counts what
    came straight from ``inside`` and no ``masquerade`` carried (hand over ``FakeGateway.masquerade``).

    Raises:
        ValueError: ``local`` is not a loopback address.
        PortInUse: somebody holds ``local`` without SO_REUSEPORT.
    """

    def __init__(
        self,
        local: Endpoint,
        inside: IPv4Network,
        *,
        on_datagram: OnDatagram | None = None,
        masquerade: Masquerade | None = None,
    ) -> None:
        require_loopback(local.host)
        self._inside = inside
        self._on_datagram = on_datagram
        self._masquerade = masquerade
        self._queue: asyncio.Queue[tuple[bytes, Endpoint]] = asyncio.Queue(LONGEST_QUEUE)
        self._datagrams = Datagrams(bind_udp(local, reuse_port=True), self._receive)
        self.local = self._datagrams.local
        self.leaks = 0

    def send(self, data: bytes, to: Endpoint) -> bool:
        """Send; False, and nothing sent, to an inside address: no outside host has a route to it."""
        if is_leak(to, self._inside):
            return False
        require_loopback(to.host)
        return self._datagrams.send(data, to)

    async def receive(self) -> tuple[bytes, Endpoint]:
        """The next datagram and its source; the caller brings its own time-out."""
        return await self._queue.get()

    def close(self) -> None:
        self._datagrams.close()

    def _receive(self, data: bytes, source: Endpoint) -> None:
        if is_leak(source, self._inside):
            if self._masquerade is None or not self._masquerade(data, source, self.local):
                self.leaks += 1
        elif self._on_datagram is not None:
            self._on_datagram(data, source)
        elif not self._queue.full():
            self._queue.put_nowait((data, source))
