"""A NAT gateway on loopback: NAT-PMP, UPnP IGD, a mapping table and a forwarding plane.

Lives here: putting the parts together, and what a person can do to a gateway.
Never here: protocol bytes; an address outside 127.0.0.0/8.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from ..net.address import Endpoint
from ..net.values import frozen
from .datagram_service import Answerer, DatagramService
from .forwarding import ForwardingPlane
from .loopback_guard import require_loopback
from .mapping_table import Entry, MappingTable
from .natpmp_server import NatPmpServer
from .quirks import Quirks
from .upnp_actions import WanIpConnection
from .upnp_server import UpnpServer

log = logging.getLogger(__name__)

NATPMP_PORT: Final = 5351  # RFC 6886 §1.1
SSDP_PORT: Final = 1900
EVERY_PROTOCOL: Final = frozenset({"natpmp", "upnp"})
SWEEP: Final = 0.5  # seconds between looks for what has expired


@frozen
class MappedPort:
    """One line of the gateway's table. ``forwarding`` False: listed, but not reachable."""

    protocol: str  # "udp" or "tcp"
    external_port: int
    internal: Endpoint
    description: str
    lifetime_left: float | None  # seconds; None: permanent
    made_by: str  # "natpmp" or "upnp"
    packets_in: int  # outside → inside
    packets_out: int
    forwarding: bool


class FakeGateway:
    """One gateway between ``inside`` (its own address there) and ``outside``; asyncio, ``start`` to ``stop``.

    Several live in one process on different addresses; one's outside may be in another's inside network
    (double NAT). ``clock`` gives monotonic seconds for leases and the epoch; with a manual one call
    ``expire`` after moving it. ``quirks`` may be replaced at any time.

    Raises:
        ValueError: an address outside 127.0.0.0/8, or an unknown protocol.
    """

    def __init__(
        self,
        inside: str,
        outside: str,
        *,
        inside_network: IPv4Network | None = None,  # None: the /24 around ``inside``
        protocols: Iterable[str] = EVERY_PROTOCOL,
        quirks: Quirks | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.inside = require_loopback(inside)
        self.inside_network = inside_network or IPv4Network(f"{inside}/24", strict=False)
        self._check(outside)
        self.protocols = frozenset(protocols)
        if self.protocols - EVERY_PROTOCOL:
            raise ValueError(f"unknown protocols: {', '.join(sorted(self.protocols - EVERY_PROTOCOL))}")
        self._clock = clock
        self._booted_at = clock()
        self._plane = ForwardingPlane(outside, inside, self.inside_network, clock)
        self._table = MappingTable(self.inside_network, clock, self._plane.open, self._plane.close)
        self._table.quirks = quirks or Quirks()
        self._natpmp = NatPmpServer(self._table, self._epoch, self._reported_address)
        service = WanIpConnection(self._table, self._epoch, self._reported_address)
        self._upnp = UpnpServer(self._table, service, inside, str(uuid5(NAMESPACE_DNS, inside)))
        self._services: list[DatagramService] = []
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def quirks(self) -> Quirks:
        return self._table.quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self._table.quirks = quirks

    @property
    def external_address(self) -> str:
        """The real outside address, whatever is reported."""
        return self._plane.outside

    @property
    def epoch(self) -> int:
        """Whole seconds since the table was last lost (RFC 6886 §3.6)."""
        return int(self._clock() - self._booted_at)

    @property
    def description_url(self) -> str | None:
        """Where UPnP's description is; None while stopped or without UPnP."""
        return f"http://{self._upnp.http}/rootDesc.xml" if self._upnp.http else None

    async def start(self) -> None:
        """Open the services.

        Raises:
            PortInUse: another gateway, or a program on every address, holds 1900 or 5351.
        """
        try:
            if "natpmp" in self.protocols:
                self._serve(NATPMP_PORT, self._natpmp.answer)
            if "upnp" in self.protocols:
                self._serve(SSDP_PORT, self._upnp.answer_search)
                self._upnp.start()
        except OSError:
            await self.stop()
            raise
        self._sweep()

    async def stop(self) -> None:
        """Close everything; all mappings are gone."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for service in self._services:
            service.close()
        self._services.clear()
        self._table.clear()
        self._plane.flush()
        await self._upnp.stop()

    def mappings(self) -> tuple[MappedPort, ...]:
        """The table, in the order the mappings were made."""
        return tuple(self._shown(entry) for entry in self._table)

    def expire(self) -> None:
        """Drop what the clock says has expired; happens by itself twice a second as well."""
        self._table.expire()
        self._plane.sweep()

    async def reboot(self) -> None:
        """A power cycle: mappings and flows lost, epoch 0, another HTTP port. There is no announcement."""
        log.info("gateway %s reboots", self.inside)
        self._table.clear()
        self._plane.flush()
        self._booted_at = self._clock()
        if "upnp" in self.protocols:
            await self._upnp.stop()
            self._upnp.boot_id += 1
            self._upnp.start()

    def flush(self) -> None:
        """Lose the forwarding behind the table's back: still listed, even renewed, never reachable.

        Deleting and adding again cures it.
        """
        self._plane.flush()

    def change_external_address(self, outside: str) -> None:
        """Another address from the provider: mappings move along, the epoch starts anew (like miniupnpd)."""
        self._check(outside)
        self._plane.move(outside)
        self._booted_at = self._clock()

    def masquerade(self, data: bytes, source: Endpoint, destination: Endpoint) -> bool:
        """Carry an inside host's datagram out as its default gateway would; for ``OutsideSocket``."""
        return self._plane.masquerade(data, source, destination)

    def _check(self, outside: str) -> None:
        if IPv4Address(require_loopback(outside)) in self.inside_network:
            raise ValueError(f"{outside} is in the inside network {self.inside_network}")

    def _epoch(self) -> int:
        return self.epoch

    def _reported_address(self) -> str:
        override = self.quirks.external_address
        return self.external_address if override is None else override

    def _shown(self, entry: Entry) -> MappedPort:
        traffic = self._plane.traffic(entry.key)
        return MappedPort(
            protocol=entry.key.protocol,
            external_port=entry.key.external_port,
            internal=entry.internal,
            description=entry.description,
            lifetime_left=self._table.lifetime_left(entry),
            made_by=entry.made_by,
            packets_in=traffic.inward,
            packets_out=traffic.outward,
            forwarding=self._plane.is_open(entry.key),
        )

    def _serve(self, port: int, answer: Answerer) -> None:
        service = DatagramService(Endpoint(self.inside, port), answer, lambda: self.quirks.delay)
        self._services.append(service)

    def _sweep(self) -> None:
        self.expire()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP, self._sweep)
