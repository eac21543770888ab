"""The engines of this machine: one for IPv4, and one for IPv6 once somebody wants it.

Lives here: how an engine is made, and which one a wish belongs to. Never here: what callers hold or hear.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ...net.changes import clock
from ...net.values import frozen, replace
from ..discovery.site import Site
from ..engine.engine import Engine
from ..snapshots import MapperSnapshot
from ..values import Family, GatewayType, Wanted, WantedPeer
from .engine_driver import EngineDriver, OwnPort, Recall, Tap
from .place_driver import Place, network_key

if TYPE_CHECKING:  # loaded when there is a journal
    from ..memory.memory_driver import Memory

SIX_LATER: Final = 1.5  # seconds: some gateways break when searched in both families at once (SD09)

Log = Callable[[int, str], None]


@frozen
class EngineSettings:
    """What all engines have in common; the units are those of ``PortMapper``."""

    log: Log
    lease: int
    budget: int
    witness_after: float
    pmp_port: int
    ssdp_port: int
    memory: Memory | None = None
    tap: Tap | None = None


class Engines:
    """All that was made for ``place``; ``on_change`` is called whenever events may be read."""

    def __init__(
        self, settings: EngineSettings, place: Place, enabled: bool, on_change: Callable[[], None]
    ) -> None:
        self.enabled = enabled
        self._settings = settings
        self._place = place
        self._on_change = on_change
        self.near = self.make(place.site(), on_change)
        self.six: EngineDriver | None = None

    def all(self) -> list[EngineDriver]:
        return [self.near] if self.six is None else [self.near, self.six]

    def serving(self, wanted: Wanted | WantedPeer) -> EngineDriver:
        """The one for that wish."""
        return self.near if wanted.family is Family.IPV4 else self._serving_six()

    def _serving_six(self) -> EngineDriver:
        if self.six is None:
            self.six = self.make(self._place.site6(), self._on_change)
            if self.near.started:
                self.six.start_after(SIX_LATER)
        return self.six

    def look_for_pinholes(self) -> None:
        """What an earlier run left in the IPv6 firewall is to be closed, even if nobody wants a hole now."""
        memory = self._settings.memory
        if self.six is None and memory is not None and memory.left_pinholes(self._place.site6().address):
            self._serving_six()

    def make(self, site: Site, on_change: Callable[[], None]) -> EngineDriver:
        """An engine for a site, with its driver; not started."""
        settings = self._settings

        def make_engine(own_port: OwnPort, recall: Recall) -> Engine:
            return Engine(
                site,
                log=settings.log,
                entropy=os.urandom,
                ssdp_port=settings.ssdp_port,
                own_port=own_port,
                recall=recall,
                mapping_enabled=self.enabled,
                lifetime=settings.lease,
                budget=settings.budget,
                witness_after=settings.witness_after,
            )

        return EngineDriver(
            make_engine,
            site,
            clock=clock,
            log=settings.log,
            on_change=on_change,
            pmp_port=settings.pmp_port,
            memory=settings.memory,
            tap=settings.tap,
        )

    def start(self) -> None:
        self.near.start()
        if self.six is not None:
            self.six.start_after(SIX_LATER)

    def each(self, call: Callable[[Engine, float], object]) -> None:
        """Tell every engine something, with its time, and let it act."""
        for driver in self.all():
            call(driver.engine, driver.clock())
            driver.pump()

    def set_enabled(self, enabled: bool) -> None:
        self.enabled = enabled
        self.each(lambda engine, now: engine.set_mapping_enabled(enabled, now))

    def look_again(self) -> None:
        """The kernel says that the network changed: are we still where we were?"""
        if not self.move_if_elsewhere():
            self.near.engine.stirred(self.near.clock())
            self.near.pump()

    def move_if_elsewhere(self) -> bool:
        """Look where we are; True when the engine for IPv4 had to move."""
        site = self._place.site()
        moved = site != self.near.site
        if moved:
            words = f"Our network changed: {site.address} behind {site.gateway or 'nobody'}"
            self._settings.log(logging.INFO, words)
            self.near.move(site)
        if self.six is not None:
            site6 = self._place.site6()
            if site6 != self.six.site:
                self.six.move(site6)
        return moved

    def use_the_wait(self) -> None:
        """No answer yet: load what UPnP takes, and ask the gateway of the last time directly."""
        if not self.near.engine.has_gateway:
            self.near.load_upnp()
            self._ask_directly(frozenset(GatewayType))

    def ask_the_last(self) -> None:
        """Where UPnP was the best way the last time, its answer to a search need not be waited for."""
        memory = self._settings.memory
        if memory is not None and memory.exists and not self.near.engine.has_gateway:
            self._ask_directly(frozenset((GatewayType.UPNP,)))

    def _ask_directly(self, kinds: frozenset[GatewayType]) -> None:
        memory, driver = self._settings.memory, self.near
        known = None if memory is None else memory.last_gateway(network_key(driver.site))
        if memory is not None and known is not None and known.type in kinds:
            driver.engine.remembered(known.control, driver.clock(), memory.serves_several(known))
            driver.pump()

    def found(self, driver: EngineDriver) -> None:
        """A gateway was found: it is tried first the next time that we are here."""
        identity, memory = driver.engine.identity, self._settings.memory
        if identity is not None and memory is not None:
            memory.remember_gateway(identity, network_key(driver.site))

    @property
    def stopped(self) -> bool:
        return all(each.engine.stopped for each in self.all())

    def snapshot(self) -> MapperSnapshot:
        """The near gateway's, with the services and mappings of both families."""
        snapshot = self.near.engine.snapshot(self.near.clock())
        if self.six is None:
            return snapshot
        six = self.six.engine.snapshot(self.six.clock())
        mappings, services = snapshot.mappings + six.mappings, snapshot.services + six.services
        peers = snapshot.peers + six.peers
        return replace(snapshot, mappings=mappings, services=services, peers=peers)
