"""The port-mapping engine on asyncio: what programs use. Moves events and handles, knows no rule."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..net.changes import clock
from ..net.surroundings import Surroundings
from ..net.values import replace
from .discovery.site import Site
from .engine import WITNESS_AFTER, Engine
from .engine_driver import EngineDriver, OwnPort, Recall, Tap
from .events import Event
from .handles_driver import Mapping, MappingSet
from .mapping.book import Released
from .mapping.lease import Lease
from .mapping.sets import SetRule
from .place_driver import Place
from .values import Family, GatewayListing, MapperSnapshot, MappingState, Wanted
from .wire.natpmp import PORT as PMP_PORT
from .wire.ssdp import PORT as SSDP_PORT

if TYPE_CHECKING:  # loaded when they are asked for: the start is a budget
    from .listening_driver import Listener
    from .memory.memory_driver import Memory
    from .nesting_driver import Nesting
    from .proving_driver import Proving

STOP_PATIENCE: Final = 3.0  # seconds for deleting our mappings; then leases must do it
LISTEN_AFTER: Final = 1.0  # seconds: announcements and changes are listened to when the start is over
RECALL_AFTER: Final = 0.01  # seconds: PCP and NAT-PMP have answered by then, and the memory stays closed
SIX_LATER: Final = 1.5  # seconds: some gateways break when searched in both families at once (SD09)

log = logging.getLogger(__name__)


class PortMapper:
    """Finds the NAT gateway, keeps mappings alive on it, and watches the external address.

    To be used inside a running loop, by ``start`` and ``stop`` or as an asynchronous context. Without
    ``surroundings`` the system is asked for them (``interface`` picks one of several).

    ``lease`` is the lifetime asked for, in seconds; ``budget`` the number of mappings held at most; ``log``
    takes FreeSWITCH's texts (a logger, or a function of level and text). ``store`` is the file of the
    journal and of what gateways taught us: without one a crash leaves mappings to their leases.
    ``gateway`` and ``description_url`` name a gateway by hand; with ``nested`` a gateway beyond ours is
    mapped on as well (``outer_gateway`` names it). ``echo`` ("HOST:PORT", in numbers) is a host outside that
    knocks at our mappings, to prove them; with ``echo_listens`` at ports that nobody has, too, which are
    bound for the moment. The two ports are where gateways listen.

    Raises:
        LocalError: a lease, an echo host or a description that cannot be one.
    """

    def __init__(
        self,
        surroundings: Surroundings | None = None,
        *,
        mapping_enabled: bool = True,
        lease: int = 3600,
        budget: int = 64,
        witness_after: float = WITNESS_AFTER,
        log: Callable[[int, str], None] | logging.Logger = log,
        store: Path | None = None,
        kept: bool = False,
        interface: str | None = None,
        gateway: str | None = None,
        description_url: str | None = None,
        nested: bool = False,
        outer_gateway: str | None = None,
        echo: str | None = None,
        echo_listens: bool = False,
        natpmp_port: int = PMP_PORT,
        ssdp_port: int = SSDP_PORT,
        stop_patience: float = STOP_PATIENCE,
        tap: Tap | None = None,
    ) -> None:
        self._log = log.log if isinstance(log, logging.Logger) else log
        self._pmp_port, self._ssdp_port = natpmp_port, ssdp_port
        self._stop_patience = stop_patience
        self._tap = tap
        self._memory = self._open_memory(store, kept)
        self._place = Place(surroundings, interface, gateway, description_url)
        self._enabled, self._lease, self._budget = mapping_enabled, lease, budget
        self._witness_after = witness_after
        self._subscribers: list[Callable[[Event], None]] = []
        self._mappings: dict[Lease, Mapping] = {}
        self._releasing: dict[Lease, asyncio.Future[bool]] = {}
        self._changed: list[asyncio.Future[None]] = []  # those who wait for a verdict, or for the end
        self._closed = False
        self._near = self._driver(self._place.site(), self._tell)
        self._six: EngineDriver | None = None  # IPv6's; made when somebody wants it
        self._nesting = self._make_nesting(outer_gateway) if nested else None
        self._proving = self._make_proving(echo, echo_listens) if echo is not None else None
        self._listener: Listener | None = None
        self._timers: list[asyncio.TimerHandle] = []

    async def __aenter__(self) -> PortMapper:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to look for a gateway, in the background and for ever. Returns at once."""
        if self._near.started or self._closed:
            return
        self._near.start()
        if self._six is not None:
            self._six.start()
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(LISTEN_AFTER, self._listen))
        if self._memory is not None:
            self._timers.append(loop.call_later(RECALL_AFTER, self._recall_gateway))

    async def stop(self) -> None:
        """Delete every mapping of ours (3 seconds at most in all), and close everything."""
        if self._closed:
            return
        self._stop_listening()
        if self._near.started:
            for driver in self._drivers():
                driver.engine.stop(driver.clock())
                driver.pump()
            if self._nesting is not None:
                self._nesting.stop()
            await self._wait(self._all_stopped, self._stop_patience)
        self._close()

    def leave(self) -> None:
        """End without deleting anything: mappings stay until their leases end."""
        if not self._closed:
            self._stop_listening()
            self._close()

    async def reinit(self) -> None:
        """Forget the gateway, detect again, and return when there is a verdict."""
        if not self._near.started:
            self.start()
        elif not self._closed:
            for driver in self._drivers():
                driver.engine.reinit(driver.clock())
                driver.pump()
        await self._wait(lambda: self._near.engine.verdict_known or self._closed, None)

    async def verdict(self) -> bool:
        """Wait until the first detection is over: True when there is a gateway."""
        await self._wait(lambda: self._near.engine.verdict_known or self._closed, None)
        return self._near.engine.has_gateway

    def want(self, wanted: Wanted) -> Mapping:
        """Keep this mapping alive from now on; asked twice, it is the same ``Mapping``."""
        driver = self._driver_for(wanted)
        lease = driver.engine.want(wanted, driver.clock())
        mapping = self._mappings.setdefault(lease, Mapping(lease))
        driver.pump()
        return mapping

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule = SetRule.INDEPENDENT) -> MappingSet:
        """Keep all of these alive, or none; ``rule`` binds their external ports together.

        Raises:
            LocalError: no member, members of two families, or ports that break the rule from the start.
        """
        driver = self._driver_for(wanted[0])
        members = driver.engine.want_set(wanted, rule, driver.clock())
        mappings = [self._mappings.setdefault(lease, Mapping(lease)) for lease in members.leases]
        driver.pump()
        return MappingSet(mappings)

    async def release(self, mapping: Mapping) -> bool:
        """Delete the mapping on the gateway and forget it. True when the gateway holds it no more."""
        lease = mapping._lease
        driver = self._driver_for(lease.wanted)
        if self._nesting is not None:
            self._nesting.released(mapping)
        if self._closed or not driver.engine.release(lease, driver.clock()):
            return False
        future = self._releasing[lease] = asyncio.get_running_loop().create_future()
        driver.pump()
        return bool(await future)

    async def republish(self) -> None:
        """Ask again for every mapping, now."""
        for driver in self._drivers():
            driver.engine.republish(driver.clock())
            driver.pump()

    async def list_gateway(self, limit: int = 512) -> GatewayListing:
        """Read the gateway's own table, whoever made its entries; 10 seconds and ``limit`` entries at most.

        What was read until then is told in any case, with the reason why it is not all; a gateway that
        speaks neither UPnP beside PCP or NAT-PMP cannot list at all.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        listing = self._near.engine.list_gateway(limit, self._near.clock())
        self._near.pump()
        await self._wait(lambda: listing.result is not None or self._closed, None)
        return listing.result or GatewayListing((), False, "port mapping has stopped")

    def reached(self, mapping: Mapping, words: str) -> None:
        """Tell that traffic from outside came through the mapping; ``words`` say whose."""
        driver = self._driver_for(mapping._lease.wanted)
        driver.engine.reached(mapping._lease, words, driver.clock())
        self._tell()

    def unreachable(self, mapping: Mapping, words: str) -> None:
        """Tell that an outside probe did not come through the mapping: it is made again."""
        driver = self._driver_for(mapping._lease.wanted)
        driver.engine.unreachable(mapping._lease, words, driver.clock())
        driver.pump()

    def saw(self, datagram: bytes) -> bool:
        """Take a datagram of a mapped port that is ``watched``; True when it was the echo host's, for us."""
        return self._proving is not None and self._proving.saw(datagram)

    @property
    def mapping_enabled(self) -> bool:
        return self._near.engine.mapping_enabled

    def set_mapping_enabled(self, enabled: bool) -> None:
        """While disabled, nothing is mapped, renewed or deleted; detection goes on."""
        self._enabled = enabled
        for driver in self._drivers():
            driver.engine.set_mapping_enabled(enabled, driver.clock())
            driver.pump()

    def set_listed(self, mapping: Mapping, listed: bool) -> None:
        """Whether faces should show the mapping."""
        mapping._lease.listed = listed

    def snapshot(self) -> MapperSnapshot:
        """Everything there is to show; with ``nested`` the addresses and ports at the end of the chain."""
        snapshot = self._near.engine.snapshot(self._near.clock())
        if self._six is not None:
            mappings = self._six.engine.snapshot(self._six.clock()).mappings
            snapshot = replace(snapshot, mappings=snapshot.mappings + mappings)
        return snapshot if self._nesting is None else self._nesting.extend(snapshot)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Have ``callback`` called with every event; what is returned ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    # Inside

    def _open_memory(self, store: Path | None, kept: bool) -> Memory | None:
        if store is None:
            return None
        from .memory.memory_driver import Memory

        return Memory(store, self._log, kept)

    def _make_nesting(self, outer_gateway: str | None) -> Nesting:
        from .nesting_driver import Nesting

        mappings = self._mappings
        return Nesting(
            self._near, self._driver, self._publish, lambda: list(mappings.values()), outer_gateway
        )

    def _make_proving(self, echo: str, listens: bool) -> Proving:
        from .proving_driver import Proving, read_echo

        mappings = self._mappings
        return Proving(
            read_echo(echo),
            lambda: self._near.site.address,
            lambda: list(mappings.values()),
            lambda: self._near.engine.reported_address,
            self._proved,
            listens=listens,
        )

    def _proved(self, mapping: Mapping, holds: bool | None, words: str) -> None:
        if holds is not None and not self._closed:
            (self.reached if holds else self.unreachable)(mapping, words)

    def _recall_gateway(self) -> None:
        """The gateway of the last time is asked directly, while the search is still under way."""
        if self._memory is not None and not self._near.engine.has_gateway:
            known = self._memory.last_gateway(self._place.network)
            if known is not None:
                self._near.engine.remembered(known.control, self._near.clock())
                self._near.pump()

    def _listen(self) -> None:
        from .listening_driver import Listener

        self._listener = Listener(
            self._near,
            self._log,
            follows_the_system=self._place.follows_the_system,
            on_change=self._look_again,
            on_resume=self._resumed,
        )

    def _stop_listening(self) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _look_again(self) -> None:
        """The kernel says that the network changed: are we still where we were?"""
        site = self._place.site()
        if site != self._near.site:
            self._log(logging.INFO, f"Our network changed: {site.address} behind {site.gateway or 'nobody'}")
            self._near.move(site)
        else:
            self._near.engine.stirred(self._near.clock())
            self._near.pump()
        if self._six is not None:
            site6 = self._place.site6()
            if site6 != self._six.site:
                self._six.move(site6)

    def _resumed(self, seconds: float) -> None:
        for driver in self._drivers():
            driver.engine.resumed(driver.clock())
            driver.pump()

    def _driver(self, site: Site, on_change: Callable[[], None]) -> EngineDriver:
        def make_engine(own_port: OwnPort, recall: Recall) -> Engine:
            return Engine(
                site,
                log=self._log,
                entropy=os.urandom,
                ssdp_port=self._ssdp_port,
                own_port=own_port,
                recall=recall,
                mapping_enabled=self._enabled,
                lifetime=self._lease,
                budget=self._budget,
                witness_after=self._witness_after,
            )

        return EngineDriver(
            make_engine,
            site,
            clock=clock,
            log=self._log,
            on_change=on_change,
            pmp_port=self._pmp_port,
            memory=self._memory,
            tap=self._tap,
        )

    def _driver_for(self, wanted: Wanted) -> EngineDriver:
        if wanted.family is Family.IPV4:
            return self._near
        if self._six is None:
            self._six = self._driver(self._place.site6(), self._tell)
            if self._near.started:
                self._six.start_after(SIX_LATER)
        return self._six

    def _drivers(self) -> list[EngineDriver]:
        return [self._near] if self._six is None else [self._near, self._six]

    def _all_stopped(self) -> bool:
        beyond = self._nesting is None or self._nesting.stopped
        return beyond and all(each.engine.stopped for each in self._drivers())

    def _tell(self) -> None:
        for driver in self._drivers():
            for event in driver.engine.events():
                if isinstance(event, Released):
                    self._released(event)
                elif driver is self._near and self._nesting is not None:
                    for told in self._nesting.translate(event):
                        self._publish(told)
                else:
                    self._publish(event)
        if self._nesting is not None and not self._closed:
            self._nesting.near_changed()
        if self._listener is not None:
            self._listener.look()
        if self._proving is not None and self._near.started and not self._closed:
            self._proving.look()
        self._settle()

    def _settle(self) -> None:
        for mapping in self._mappings.values():
            mapping._settle(self._verdict(mapping))
        changed, self._changed = self._changed, []
        for future in changed:
            if not future.done():
                future.set_result(None)

    def _verdict(self, mapping: Mapping) -> bool | None:
        if mapping.state is MappingState.REQUESTED:
            engine = self._driver_for(mapping._lease.wanted).engine
            hopeless = engine.verdict_known and not engine.has_gateway
            return False if hopeless or self._closed else None
        return mapping.state is MappingState.ACCEPTED

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
        for part in (self._nesting, self._proving):
            if part is not None:
                part.close()
        for driver in self._drivers():
            driver.close()
        for lease in [*self._mappings, *self._releasing]:
            self._released(Released(lease, False))
        self._tell()
        if self._memory is not None:
            self._memory.close()
