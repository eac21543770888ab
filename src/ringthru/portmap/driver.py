"""The port-mapping engine on asyncio: what programs use. Moves events and handles, knows no rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..net.values import replace
from .drivers.handles_driver import Mapping, MappingSet, PeerMapping, end, lease_of, peer_of
from .drivers.mapper_driver import MapperLife
from .events import Event
from .mapping.sets import SetRule, check_set
from .snapshots import MapperSnapshot
from .values import GatewayListing, Wanted, WantedPeer, check_kind


class PortMapper(MapperLife):
    """Finds the NAT gateway, keeps mappings alive on it, and watches the external address.

    To be used inside a running loop, by ``start`` and ``stop`` or as an asynchronous context. What is wanted
    before ``start``, without a ``store``, is asked for by PCP a round trip sooner. Without
    ``surroundings`` the system is asked for them (``interface`` picks one of several).

    ``lease`` is the lifetime asked for, in seconds; ``budget`` the number of mappings held at most; ``log``
    takes FreeSWITCH's texts (a logger, or a function of level and text). ``store`` is the file of the
    journal and of what gateways taught us: without one a crash leaves mappings to their leases.
    ``gateway`` and ``description_url`` name a gateway by hand, ``pcp_server`` whom to ask by PCP and NAT-PMP
    in its place (an address, or the path of a dhclient.leases file whose option says it: RFC 7291);
    ``address6`` names the one of our IPv6 addresses that pinholes lead to, where there are several; with
    ``nested`` a gateway beyond ours is mapped on as well (``outer_gateway`` names it). ``echo`` ("HOST:PORT",
    in numbers, or several of them) is a host outside that knocks at our mappings, to prove them; with
    ``echo_listens`` at ports that nobody has, too, which are bound for the moment. Two of them, one that may
    come in and one that may not, show whether a gateway keeps to ``allow_from``. The two ports are where
    gateways listen. ``stop_patience`` is how long a stop waits for a gateway, in seconds; ``tap`` hears
    everything that is said to gateways.

    Raises:
        LocalError: a lease, a budget, a port, an interface, a gateway, an echo host or a description that
            cannot be one; the text says what can.
    """

    async def __aenter__(self) -> PortMapper:
        self.start()
        return self

    async def reinit(self) -> None:
        """Forget the gateway, detect again, and return when there is a verdict, or the end has come."""
        self._refuse_elsewhere()
        if not self._stopping and not self._near.started:
            self.start()
        elif not self._stopping:
            self._engines.each(lambda engine, now: engine.reinit(now))
        await self._audience.until(self._judged)

    async def verdict(self) -> bool:
        """Wait until the first detection is over: True when there is a gateway."""
        self._refuse_elsewhere()
        await self._audience.until(self._judged)
        return self._near.engine.has_gateway

    def want(self, wanted: Wanted) -> Mapping:
        """Keep this mapping alive from now on; asked twice, it is the same ``Mapping``.

        What is ``sticky`` is written down in the ``store``, and among the ``wishes`` of the next start.

        Raises:
            LocalError: that port is mapped for others already (``allow_from``), or not at the exact external
                port that is demanded now; port mapping has been stopped, or runs in another thread.
        """
        self._refuse_misuse()
        check_kind(Wanted, wanted)
        driver = self._engines.serving(wanted)
        lease = driver.engine.want(wanted, driver.clock())
        if lease.wanted.sticky and self._memory is not None:
            self._memory.remember_wish(lease.wanted)
        driver.pump()
        return self._audience.mapping_of(lease)

    def wishes(self) -> list[Wanted]:
        """What earlier runs wanted for good (``Wanted.sticky``) and nobody gave back: to be wanted again.

        They are of whoever used this ``store``, at most 256. A stop deletes such a mapping on the gateway as
        any other; that it is wanted ends with ``release`` alone.
        """
        return [] if self._memory is None else self._memory.wishes()

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule = SetRule.INDEPENDENT) -> MappingSet:
        """Keep all of these alive, or none; ``rule`` binds their external ports together.

        Raises:
            LocalError: no member, members of two families, or ports that break the rule from the start; a
                member that is mapped otherwise already; port mapping has been stopped, or runs in another
                thread.
        """
        self._refuse_misuse()
        check_set(wanted, rule)
        driver = self._engines.serving(wanted[0])
        members = driver.engine.want_set(wanted, rule, driver.clock())
        mappings = [self._audience.mapping_of(lease) for lease in members.leases]
        driver.pump()
        return MappingSet(mappings)

    def want_peer(self, wanted: WantedPeer) -> PeerMapping:
        """Keep the translation of one outbound flow alive, and know where its remote sees us (PCP's PEER).

        The flow need not have begun. Where the gateway speaks no PCP, or its PCP no PEER, the state is
        ``UNSUPPORTED`` and the reason says so; nothing has failed then. Asked twice, it is one flow.

        Raises:
            LocalError: as many flows are kept as the budget allows; port mapping has been stopped, or runs in
                another thread.
        """
        self._refuse_misuse()
        check_kind(WantedPeer, wanted)
        driver = self._engines.serving(wanted)
        peer = driver.engine.want_peer(wanted, driver.clock())
        driver.pump()
        return self._audience.peer_of(peer, lambda: self._is_hopeless(driver))

    def release_peer(self, flow: PeerMapping) -> bool:
        """Keep the flow alive no more. False: it was given back before.

        Nobody can have the gateway forget it (RFC 6887 §12.1): that happens at ``expires_at``, or when the
        flow itself ends.
        """
        peer = peer_of(flow)
        self._refuse_elsewhere()
        driver = self._engines.serving(peer.wanted)
        end(flow)
        released = not self._closed and driver.engine.release_peer(peer, driver.clock())
        driver.pump()
        return released

    async def release(self, mapping: Mapping) -> bool:
        """Delete the mapping on the gateway and forget it. True when the gateway holds it no more.

        Raises:
            LocalError: it is no mapping; port mapping runs in another event loop.
        """
        lease = lease_of(mapping)
        if self._closed:
            return False
        self._refuse_elsewhere()
        if (already := self._audience.being_released(lease)) is not None:
            return bool(await asyncio.shield(already))
        if lease.wanted.sticky and self._memory is not None:
            self._memory.forget_wish(lease.wanted)
        driver = self._engines.serving(lease.wanted)
        if self._nesting is not None:
            self._nesting.released(mapping)
        if not driver.engine.release(lease, driver.clock()):
            return False
        released = self._audience.until_released(lease)
        driver.pump()
        return bool(await asyncio.shield(released))

    async def republish(self) -> None:
        """Ask again for every mapping, now."""
        self._refuse_elsewhere()
        if not self._stopping:
            self._engines.each(lambda engine, now: engine.republish(now))
            if self._nesting is not None:
                self._nesting.each(lambda engine, now: engine.republish(now))

    async def list_gateway(self, limit: int = 512) -> GatewayListing:
        """Read the gateway's own table, whoever made its entries; 10 seconds and ``limit`` entries at most.

        What was read until then is told in any case, with the reason why it is not all; a gateway that
        speaks neither UPnP beside PCP or NAT-PMP cannot list at all.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        self._refuse_elsewhere()
        listing = self._near.engine.list_gateway(limit, self._near.clock())
        self._near.pump()
        await self._audience.until(lambda: listing.result is not None or self._closed)
        return listing.result or GatewayListing((), False, "port mapping has stopped")

    @property
    def can_list(self) -> bool:
        """Whether ``list_gateway`` would be answered now: the UPnP side of a gateway may be found later."""
        return self._near.engine.can_list

    def saw(self, datagram: bytes) -> bool:
        """Take a datagram of a mapped port that is ``watched``; True when it was the echo host's, for us."""
        return self._proving is not None and self._proving.saw(datagram)

    @property
    def mapping_enabled(self) -> bool:
        return self._near.engine.mapping_enabled

    def set_mapping_enabled(self, enabled: bool) -> None:
        """While disabled, nothing is mapped, renewed or deleted; detection goes on."""
        self._refuse_elsewhere()
        self._engines.set_enabled(enabled)
        if self._nesting is not None:
            self._nesting.each(lambda engine, now: engine.set_mapping_enabled(enabled, now))

    def set_listed(self, mapping: Mapping, listed: bool) -> None:
        """Whether faces should show the mapping."""
        lease_of(mapping).listed = listed

    def snapshot(self) -> MapperSnapshot:
        """Everything there is to show; with ``nested`` the addresses and ports at the end of the chain."""
        snapshot = self._engines.snapshot()
        if self._watching is not None:
            counters = (*snapshot.counters, *self._watching.counters().items())
            snapshot = replace(snapshot, counters=tuple(sorted(counters)))
        return snapshot if self._nesting is None else self._nesting.extend(snapshot)

    @property
    def left_over(self) -> int:
        """How many mappings of earlier runs, by another protocol of a gateway, are still to be deleted."""
        beyond = self._nesting.drivers if self._nesting is not None else ()
        return sum(each.engine.left_over for each in (*self._engines.all(), *beyond))

    @property
    def nothing_beyond(self) -> bool:
        """Whether no gateway beyond ours is needed, or none was found, or ``nested`` was not asked for."""
        nesting, near = self._nesting, self._near.engine
        public = near.external_address is not None
        return nesting is None or public or nesting.hopeless or (near.verdict_known and not near.has_gateway)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Have ``callback`` called with every event; what is returned ends that."""
        return self._audience.subscribe(callback)
