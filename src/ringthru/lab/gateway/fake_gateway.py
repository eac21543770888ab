"""A NAT gateway on loopback: NAT-PMP, PCP, UPnP IGD, a mapping table and a forwarding plane.

Lives here: playing the core on sockets, with who else is around, and what a person can do to a gateway.
Never here: protocol bytes; an address outside 127.0.0.0/8.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..loopback_guard import require_loopback
from .company import Other, others, own_external
from .core import NATPMP_PORT, SSDP_PORT, GatewayCore
from .datagram_service import DatagramService
from .forwarding import ForwardingPlane
from .host_side import SSDP_GROUP, LeapingClock
from .mapping_table import Entry, Key
from .quirks import Quirks
from .replies import Reply
from .sip_alg import SipAlg
from .upnp_driver import UpnpDriver

log = logging.getLogger(__name__)

USUAL_PROTOCOLS: Final = frozenset({"natpmp", "upnp"})  # what most gateways speak; "pcp" is the third
SWEEP: Final = 0.5  # seconds between looks for what has expired


@frozen
class MappedPort:
    """One line of the gateway's table. ``forwarding`` False: listed, but not reachable."""

    protocol: str  # "udp" or "tcp"
    external_port: int
    internal: Endpoint
    description: str
    lifetime_left: float | None  # seconds; None: permanent
    made_by: str  # "natpmp", "pcp", "upnp", or "other" for what somebody else has there
    packets_in: int  # outside → inside
    packets_out: int
    forwarding: bool


class FakeGateway:
    """One gateway between ``inside`` (its own address there) and ``outside``; asyncio, ``start`` to ``stop``.

    Several live in one process on different addresses; one's outside may be in another's inside network
    (double NAT). ``clock`` gives monotonic seconds for leases and the epoch; with a manual one call
    ``expire`` after moving it. ``quirks`` may be replaced at any time. What happens by chance comes from
    ``seed``. With ``inside_v6`` it keeps IPv6 pinholes too (asked for over IPv4: loopback has no IPv6).

    Rows TO01, TO02, TO08 and TO11 bring other gateways with them, from ``start`` to ``stop``; they are in
    ``others``. Under TO08 ``outside`` is the address of the outer one, where the Internet begins.

    Raises:
        ValueError: an address outside 127.0.0.0/8, or an unknown protocol.
    """

    def __init__(
        self,
        inside: str,
        outside: str,
        *,
        inside_network: IPv4Network | None = None,  # None: the /24 around ``inside``
        protocols: Iterable[str] = USUAL_PROTOCOLS,
        quirks: Quirks | None = None,
        clock: Callable[[], float] = time.monotonic,
        inside_v6: IPv6Network | None = None,
        seed: int = 0,
    ) -> None:
        self.inside = require_loopback(inside)
        self.inside_network = inside_network or IPv4Network(f"{inside}/24", strict=False)
        self.row = ""  # because of which it stands beside another one; "" when it does not
        quirks, leaping = quirks or Quirks(), LeapingClock(clock)
        wan = own_external(outside, quirks)
        self._check(outside)
        self._check(wan)
        alg = SipAlg(lambda: self.quirks.has("TO09"))
        self._plane = ForwardingPlane(wan, inside, self.inside_network, leaping.read, alg, self._keeps_out)
        self.core = GatewayCore(
            inside,
            self.inside_network,
            outside=lambda: self._plane.outside,
            clock=leaping.read,
            open_port=self._plane.open,
            close_port=self._plane.close,
            protocols=protocols,
            quirks=quirks,
            inside_v6=inside_v6,
            seed=seed,
        )
        self.protocols = self.core.protocols
        self._table = self.core.table
        leaping.leaps = lambda: self.quirks.has("TO06")
        self._upnp = UpnpDriver(self.core.upnp, inside, leaping.read, self._seen_as)
        self._services: dict[int, DatagramService] = {}  # by port
        self._inner: FakeGateway | None = None  # the gateway that masquerades our clients
        around = others(inside, self.inside_network, outside, self.protocols, quirks)
        self.others = tuple(self._make(each, leaping.read) for each in around)
        self._sweeper: asyncio.TimerHandle | None = None

    def _keeps_out(self, slot: tuple[str, Endpoint], remote: str) -> bool:
        return self.core.port_control.pcp.book.keeps_out(slot, remote)

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
    def beyond(self) -> FakeGateway | None:
        """The next gateway on the way out (TO08)."""
        return next((each for each in self.others if each.row == "TO08"), None)

    @property
    def epoch(self) -> int:
        """Whole seconds since the table was last lost (RFC 6886 §3.6)."""
        return self.core.epoch()

    def grow_older(self, seconds: float) -> None:
        """Let the epoch say that it has run so much longer."""
        self.core.booted_at -= seconds

    @property
    def description_url(self) -> str | None:
        """Where UPnP's description is; None while stopped or without UPnP."""
        return self.core.upnp.description_url

    async def start(self) -> None:
        """Open the services.

        Raises:
            PortInUse: another gateway, or a program on every address, holds 1900 or 5351.
        """
        try:
            if self.core.port_control.is_open:
                self._serve(NATPMP_PORT)
            if "upnp" in self.protocols:
                self._serve(SSDP_PORT)
                self._upnp.start()
            for other in self.others:
                await other.start()
        except OSError:
            await self.stop()
            raise
        self._sweep()

    async def stop(self) -> None:
        """Close everything; all mappings are gone."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for service in self._services.values():
            service.close()
        self._services.clear()
        self._table.clear()
        self._plane.flush()
        await self._upnp.stop()
        for other in self.others:
            await other.stop()

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
        self._plane.flush()
        self.core.power_cycle()
        await self._another_port()

    async def restart_upnp(self) -> None:
        """The UPnP daemon starts anew, the mappings stay: another HTTP port, BOOTID counts on."""
        self.core.upnp.restarted()
        await self._another_port()

    def hold(
        self,
        protocol: str,
        external_port: int,
        internal: Endpoint,
        description: str,
        lifetime: int | None = None,
    ) -> None:
        """Put a mapping of another host into the table, as if it had always been there.

        Raises:
            Refused: the port is taken.
        """
        self._table.add(
            Key(protocol, external_port), internal, lifetime, description=description, made_by="other"
        )

    def flush(self) -> None:
        """Lose the forwarding behind the table's back: still listed, even renewed, never reachable.

        Deleting and adding again cures it.
        """
        self._plane.flush()

    def change_external_address(self, outside: str) -> None:
        """Another address from the provider: mappings move along, the epoch starts anew (like miniupnpd).

        Behind another gateway (TO08) it is that one's, and this one does not notice.
        """
        if self.beyond is not None:
            self.beyond.change_external_address(outside)
            return
        self._check(outside)
        self._plane.move(outside)
        self.core.address_changed()
        self._upnp.deliver()

    def masquerade(self, data: bytes, source: Endpoint, destination: Endpoint) -> bool:
        """Carry an inside host's datagram out as its default gateway would; for ``OutsideSocket``."""
        return self._plane.masquerade(data, source, destination)

    def _check(self, outside: str) -> None:
        if IPv4Address(require_loopback(outside)) in self.inside_network:
            raise ValueError(f"{outside} is in the inside network {self.inside_network}")

    async def _another_port(self) -> None:
        if "upnp" in self.protocols:
            await self._upnp.stop()
            self._upnp.start()

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

    def _make(self, other: Other, clock: Callable[[], float]) -> FakeGateway:
        gateway = FakeGateway(
            other.address,
            other.external,
            inside_network=other.network,
            protocols=other.protocols,
            quirks=other.quirks,
            clock=clock,
        )
        gateway.row = other.row
        if other.is_beyond:
            gateway._inner = self
            self._plane.carry = gateway.masquerade
        return gateway

    def _serve(self, port: int) -> None:
        self._services[port] = DatagramService(Endpoint(self.inside, port), partial(self._answer, port))

    def _answer(self, port: int, datagram: bytes, source: Endpoint) -> list[Reply]:
        """Its answers; a search is heard by those beside it too, as if it had been sent to the group."""
        for other in self.others if port == SSDP_PORT else ():
            if other.row != "TO08":
                other._overhear(datagram, source)
        return self.core.receive(port, datagram, Endpoint(self._seen_as(source.host), source.port))

    def _overhear(self, search: bytes, source: Endpoint) -> None:
        if (service := self._services.get(SSDP_PORT)) is not None:
            service.answer(self.core.receive(SSDP_PORT, search, source, SSDP_GROUP), source)

    def _seen_as(self, host: str) -> str:
        """A client's address as it gets here: from behind the inner gateway it is that one's."""
        if self._inner is None or IPv4Address(host) not in self._inner.inside_network:
            return host
        return self._inner.external_address

    def _sweep(self) -> None:
        self.expire()
        self.core.upnp.publish()
        self._upnp.deliver()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP, self._sweep)
