"""The port-mapping engine on asyncio: moves its bytes and its time, knows no rule."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Final

from ..net.address import Endpoint
from ..net.surroundings import Surroundings
from .engine import Engine
from .events import Event
from .gateway.upnp_client import HttpRequest
from .mapping.book import Released
from .mapping.lease import Lease
from .udp_driver import UdpPort
from .values import GatewayListing, MapperSnapshot, MappingState, Protocol, Wanted
from .wire.natpmp import PORT as NATPMP_PORT
from .wire.ssdp import PORT as SSDP_PORT

STOP_PATIENCE: Final = 3.0  # seconds for deleting our mappings; then leases must do it
LOWEST_PICK: Final = 20000  # external ports to try after a conflict
PICKS: Final = 40000

log = logging.getLogger(__name__)


def pick_port() -> int:
    """A random external port, 20000–59999: clear of services and of what gateways reserve."""
    return LOWEST_PICK + int.from_bytes(os.urandom(4)) % PICKS


class Mapping:
    """A mapping that somebody wants: a view of it, always up to date."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._waiting: list[asyncio.Future[bool]] = []
        self._verdict: bool | None = None

    @property
    def protocol(self) -> Protocol:
        return self._lease.wanted.protocol

    @property
    def internal_port(self) -> int:
        return self._lease.wanted.internal_port

    @property
    def external_port(self) -> int | None:
        """The port others reach us at; None until it is granted."""
        return self._lease.external_port

    @property
    def state(self) -> MappingState:
        return self._lease.state

    @property
    def expires_at(self) -> float | None:
        """When the lease ends, on the loop's clock; None when it is not granted, or for ever."""
        return self._lease.expires_at

    @property
    def reason(self) -> str:
        """The last error in words; empty when there was none."""
        return self._lease.reason

    async def settled(self) -> bool:
        """Wait for a verdict: True when granted; False when refused, disabled, released or without a gateway.

        It may take as long as the gateway does: callers set their own limit.
        """
        if self._verdict is not None:
            return self._verdict
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return bool(await future)

    def _settle(self, verdict: bool | None) -> None:
        self._verdict = verdict
        if verdict is None:
            return
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(verdict)


class PortMapper:
    """Finds the NAT gateway, keeps mappings alive on it, and watches the external address.

    To be used inside a running loop. ``lease`` is the lifetime asked for, in seconds; ``log`` takes
    FreeSWITCH's texts (a logger, or a function of level and text). The two ports are where a gateway listens.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        mapping_enabled: bool = True,
        lease: int = 3600,
        log: Callable[[int, str], None] | logging.Logger = log,
        natpmp_port: int = NATPMP_PORT,
        ssdp_port: int = SSDP_PORT,
        stop_patience: float = STOP_PATIENCE,
    ) -> None:
        self._surroundings = surroundings
        self._log = log.log if isinstance(log, logging.Logger) else log
        self._natpmp_port = natpmp_port
        self._stop_patience = stop_patience
        self._engine = Engine(
            surroundings,
            pick_port=pick_port,
            log=self._log,
            mapping_enabled=mapping_enabled,
            lifetime=lease,
            ssdp_port=ssdp_port,
        )
        self._natpmp: UdpPort | None = None
        self._ssdp: UdpPort | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._mappings: dict[Lease, Mapping] = {}
        self._releasing: dict[Lease, asyncio.Future[bool]] = {}
        self._subscribers: list[Callable[[Event], None]] = []
        self._changed: list[asyncio.Future[None]] = []  # those who wait for a verdict, or for the end
        self._started = self._closed = False

    def start(self) -> None:
        """Begin to look for a gateway, in the background and for ever. Returns at once."""
        if self._started:
            return
        self._started = True
        address, gateway = self._surroundings.address, self._surroundings.gateway
        if gateway is not None:
            peer = Endpoint(gateway, self._natpmp_port)
            self._natpmp = self._open(address, self._got_natpmp, self._natpmp_failed, peer)
        if gateway is not None or self._surroundings.multicast:
            self._ssdp = self._open(address, self._got_ssdp, lambda: None, None)
        self._engine.start(self._now())
        self._pump()

    async def stop(self) -> None:
        """Delete every mapping of ours (3 seconds at most in all), and close everything."""
        if self._closed:
            return
        if self._started:
            self._engine.stop(self._now())
            self._pump()
            await self._wait(lambda: self._engine.stopped, self._stop_patience)
        self._close()

    async def reinit(self) -> None:
        """Forget the gateway, detect again, and return when there is a verdict."""
        if not self._started:
            self.start()
        elif not self._closed:
            self._engine.reinit(self._now())
            self._pump()
        await self._wait(lambda: self._engine.verdict_known or self._closed, None)

    def want(self, wanted: Wanted) -> Mapping:
        """Keep this mapping alive from now on; asked twice, it is the same ``Mapping``."""
        lease = self._engine.want(wanted, self._now())
        mapping = self._mappings.setdefault(lease, Mapping(lease))
        self._pump()
        return mapping

    async def release(self, mapping: Mapping) -> bool:
        """Delete the mapping on the gateway and forget it. True when the gateway holds it no more."""
        lease = mapping._lease
        if self._closed or not self._engine.release(lease, self._now()):
            return False
        future = self._releasing[lease] = asyncio.get_running_loop().create_future()
        self._pump()
        return bool(await future)

    async def republish(self) -> None:
        """Ask again for every mapping, now."""
        self._engine.republish(self._now())
        self._pump()

    async def list_gateway(self, limit: int = 512) -> GatewayListing:
        """Read the gateway's own table, whoever made its entries; 10 seconds and ``limit`` entries at most.

        What was read until then is told in any case, with the reason why it is not all; a gateway that
        speaks NAT-PMP cannot list at all.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        listing = self._engine.list_gateway(limit, self._now())
        self._pump()
        await self._wait(lambda: listing.result is not None or self._closed, None)
        return listing.result or GatewayListing((), False, "port mapping has stopped")

    @property
    def mapping_enabled(self) -> bool:
        return self._engine.mapping_enabled

    def set_mapping_enabled(self, enabled: bool) -> None:
        """While disabled, nothing is mapped, renewed or deleted; detection goes on."""
        self._engine.set_mapping_enabled(enabled, self._now())
        self._pump()

    def set_listed(self, mapping: Mapping, listed: bool) -> None:
        """Whether faces should show the mapping."""
        mapping._lease.listed = listed

    def snapshot(self) -> MapperSnapshot:
        return self._engine.snapshot(self._now())

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Have ``callback`` called with every event; what is returned ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _open(
        self,
        address: str,
        on_datagram: Callable[[bytes, Endpoint], None],
        on_failure: Callable[[], None],
        peer: Endpoint | None,
    ) -> UdpPort | None:
        try:
            return UdpPort(address, on_datagram, on_failure, peer)
        except OSError as error:
            self._log(logging.WARNING, f"no way to ask for a NAT gateway from {address}: {error}")
            asyncio.get_running_loop().call_soon(on_failure)
            return None

    def _got_natpmp(self, datagram: bytes, source: Endpoint) -> None:
        self._engine.receive_natpmp(datagram, self._now())
        self._pump()

    def _natpmp_failed(self) -> None:
        if not self._closed:
            self._engine.natpmp_refused(self._now())
            self._pump()

    def _got_ssdp(self, datagram: bytes, source: Endpoint) -> None:
        self._engine.receive_ssdp(datagram, source, self._now())
        self._pump()

    async def _fetch(self, request: HttpRequest) -> None:
        from .http_driver import fetch  # late: of no use before somebody has answered the search

        reply = await fetch(request.ask, self._surroundings.address)
        self._engine.receive_http(request.number, reply, self._now())
        self._pump()

    def _on_timer(self, when: float) -> None:
        self._engine.handle_timeout(max(when, self._now()))
        self._pump()

    def _pump(self) -> None:
        """Carry out what the engine wants done. Safe to be entered again from a subscriber."""
        if not self._started or self._closed:
            self._tell()
            return
        for datagram in self._engine.natpmp_to_send():
            if self._natpmp is not None:
                self._natpmp.send(datagram)
        for datagram, to in self._engine.ssdp_to_send():
            if self._ssdp is not None:
                self._ssdp.send(datagram, to)
        for request in self._engine.http_to_send():
            if self._fetching is not None and self._fetching is not asyncio.current_task():
                self._fetching.cancel()  # given up by the engine: one request at a time
            self._fetching = asyncio.get_running_loop().create_task(self._fetch(request))
        self._set_timer()
        self._tell()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        when = self._engine.next_timeout()
        loop = asyncio.get_running_loop()
        self._timer = None if when is None else loop.call_at(when, self._on_timer, when)

    def _tell(self) -> None:
        for event in self._engine.events():
            if isinstance(event, Released):
                self._released(event)
            else:
                self._publish(event)
        for lease, mapping in self._mappings.items():
            mapping._settle(self._verdict(lease))
        changed, self._changed = self._changed, []
        for future in changed:
            if not future.done():
                future.set_result(None)

    def _verdict(self, lease: Lease) -> bool | None:
        if lease.state is MappingState.REQUESTED:
            hopeless = self._engine.verdict_known and not self._engine.has_gateway
            return False if hopeless or self._closed else None
        return lease.state is MappingState.ACCEPTED

    def _released(self, event: Released) -> None:
        mapping = self._mappings.pop(event.lease, None)
        if mapping is not None:
            mapping._settle(False)
        future = self._releasing.pop(event.lease, None)
        if future is not None and not future.done():
            future.set_result(event.agreed)

    def _publish(self, event: Event) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(event)
            except Exception:  # a subscriber's mistake must not stop the engine
                log.exception("a subscriber failed at %r", event)

    async def _wait(self, condition: Callable[[], bool], patience: float | None) -> None:
        """Until the condition holds, or patience (seconds) ends."""
        try:
            async with asyncio.timeout(patience):
                while not condition():
                    future = asyncio.get_running_loop().create_future()
                    self._changed.append(future)
                    await future
        except TimeoutError:
            self._log(logging.WARNING, "The NAT gateway does not answer: mappings are left to their leases.")

    def _close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._fetching is not None:
            self._fetching.cancel()
        for port in (self._natpmp, self._ssdp):
            if port is not None:
                port.close()
        for lease in [*self._mappings, *self._releasing]:
            self._released(Released(lease, False))
        self._tell()
