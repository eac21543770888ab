"""One engine for one command: started, waited for, and left or stopped.

The one place where the command line meets ``PortMapper``.

Lives here: the engine's settings, and waiting with patience. Never here: what is printed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ..net.surroundings import Surroundings
from ..net.values import frozen
from ..portmap import Mapping, PortMapper
from ..portmap.drivers.engine_driver import Tap
from ..portmap.drivers.place_driver import NO_PLACE
from ..portmap.errors import LocalError
from ..portmap.events import Event
from ..portmap.mapping.sets import SetRule
from ..portmap.mapping.workbook import NO_LOOKING
from ..portmap.snapshots import Evidence, MapperSnapshot, MappingSnapshot
from ..portmap.values import Family, GatewayListing, GatewayType, MappingState, Protocol, Rung, Wanted
from . import memory
from .place import Ground, is_nowhere, nobody, own6_of, surroundings_of
from .trouble import Trouble
from .words import Exit

T = TypeVar("T")
OVER_SIX = "; by IPv6 there is a way: 'add' and 'explain' take --family ipv6"
POLL = 0.02  # seconds between two looks at the engine where no event wakes us


@frozen
class Doomed:
    """A mapping that is to be deleted."""

    protocol: Protocol
    internal_port: int
    external_port: int
    family: Family = Family.IPV4
    label: str = ""
    gateway: str = ""  # the one beyond ours; empty: ours
    internal_client: str = ""  # where it leads; empty: this machine
    allow_from: tuple[str, ...] = ()
    known: bool = True  # to the journal or the gateway's table; else it is tried by its number

    @property
    def key(self) -> tuple[Family, Protocol, int, int]:
        return self.family, self.protocol, self.internal_port, self.external_port


class Session:
    """An engine with this command's settings; ``async with`` starts it, and stops it at the end.

    Stopping deletes what was mapped, unless ``leave`` was called.

    Raises:
        Trouble: the interface does not exist, or an address is not one that can be used.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        ground: Ground,
        store: Path,
        *,
        mapping: bool = True,
        nested: bool | None = None,
        lease: int = 3600,
        kept: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self.ground = ground
        self.store = store
        if mapping:  # first of all: what could not be remembered is better not mapped
            with memory.opened(store):
                pass
        self.surroundings = surroundings_of(options, ground)
        self.own6 = own6_of(options, ground)
        self.timeout: float = options.timeout
        self._named = options.gateway is not None
        self._described = options.description_url is not None
        self._leaving = False
        self._stirred = asyncio.Event()
        self._only_looks = not mapping
        self.proves = bool(options.echo)
        try:
            self.mapper = PortMapper(
                self._where(options),
                interface=options.interface,
                address6=options.address6,
                mapping_enabled=mapping,
                lease=lease,
                log=_ignore,
                natpmp_port=ground.natpmp_port,
                ssdp_port=ground.ssdp_port,
                store=store if mapping else None,  # who only looks adopts and deletes nothing
                kept=kept,
                gateway=options.gateway,
                description_url=options.description_url,
                pcp_server=options.pcp_server,
                nested=getattr(options, "nested", False) if nested is None else nested,
                outer_gateway=getattr(options, "outer_gateway", None),
                witness_after=0.0,
                echo=[str(each) for each in options.echo or ()],
                echo_listens=True,
                tap=tap,
            )
        except (LocalError, ValueError) as error:
            raise Trouble(Exit.LOCAL, str(error)) from error

    def _where(self, options: argparse.Namespace) -> Surroundings | None:
        """Where the engine is; None: as the system has it, now and later."""
        if options.address6 is not None:
            return NO_PLACE  # for IPv6 alone
        return None if self.ground.look_around is None else self.surroundings

    async def __aenter__(self) -> Session:
        self.mapper.subscribe(lambda event: self._stirred.set())
        self.mapper.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._leaving:
            return
        stopping = asyncio.ensure_future(self.mapper.stop())
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:  # Ctrl-C while it is taken back already: that takes 3 s at most
            await stopping
            raise

    async def verdict(self, needed: bool = True) -> MapperSnapshot:
        """The engine once it knows whether there is a gateway; where it is not ``needed``, none is fine too.

        Raises:
            Trouble: there is none, or none answered in time.
        """
        hopeless = is_nowhere(self.surroundings) and not self._described
        await self.until(lambda: hopeless or self.mapper.snapshot().verdict_known)
        snapshot = self.mapper.snapshot()
        if snapshot.type is None and needed:
            known, slow = snapshot.verdict_known, snapshot.hesitant
            words = nobody(self.surroundings, known, self.timeout, slow, self._named)
            raise Trouble(Exit.NO_GATEWAY, words + (OVER_SIX if hopeless and self.own6 else ""))
        return memory.with_its_kind(snapshot, self.store) if self._only_looks else snapshot

    async def chain(self) -> MapperSnapshot:
        """The engine once it knows what is beyond our gateway, where there must be something."""

        def known() -> bool:
            snapshot = self.mapper.snapshot()
            return bool(snapshot.chain) or self.mapper.nothing_beyond

        await self.until(known)
        return self.mapper.snapshot()

    def has_firewall(self) -> bool:
        """Whether somebody answered who opens the IPv6 firewall."""
        return any(":" in each.gateway and each.in_use for each in self.mapper.snapshot().services)

    async def until(self, condition: Callable[[], object], patience: float | None = None) -> bool:
        """Wait until the condition holds; False when patience (seconds) ended first."""
        limit = self.timeout if patience is None else patience
        try:
            async with asyncio.timeout(limit):
                while not condition():
                    self._stirred.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL):
                            await self._stirred.wait()
        except TimeoutError:
            return False
        return True

    async def want(
        self, wanted: tuple[Wanted, ...], rule: SetRule | None = None, *, lingers: bool = True
    ) -> list[MappingSnapshot]:
        """Ask for mappings; wait for the verdict on each, and for what the gateway's table shows of them.

        Unless it ``lingers``, the table is not waited for where only another protocol could read it.
        """
        if rule is None:
            mappings = [self.mapper.want(each) for each in wanted]
        else:
            mappings = list(self.mapper.want_set(wanted, rule).mappings)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.timeout):
                await asyncio.gather(*(each.settled() for each in mappings))
        by_upnp = self.mapper.snapshot().type is GatewayType.UPNP
        if (lingers or by_upnp) and any(m.state is MappingState.ACCEPTED for m in self.shown(wanted)):
            patience = None if by_upnp else self.ground.linger
            await self.until(lambda: all(map(_is_looked_at, self.shown(wanted))), patience)
        return self.shown(wanted)

    async def prove(self, wanted: tuple[Wanted, ...]) -> list[MappingSnapshot]:
        """Wait for the outside echo's word on each."""
        await self.until(lambda: all(map(is_judged, self.shown(wanted))))
        return self.shown(wanted)

    def shown(self, wanted: tuple[Wanted, ...]) -> list[MappingSnapshot]:
        """The snapshots of these wishes, in their order."""
        rows = {
            (m.family, m.protocol, m.internal_port, m.internal_client): m
            for m in self.mapper.snapshot().mappings
        }
        keys = ((each.family, each.protocol, each.internal_port, each.internal_client) for each in wanted)
        return [rows[key] for key in keys if key in rows]

    async def remove(self, doomed: Doomed) -> str:
        """Delete a mapping of ours that this engine did not make; empty when it is gone, else why not.

        It is asked for once more, exactly as it is, and given back: who may delete a mapping may renew it,
        and a gateway refuses both for a mapping of somebody else.
        """
        wanted = Wanted(
            doomed.protocol,
            doomed.internal_port,
            doomed.external_port,
            exact=True,
            label=doomed.label,
            listed=False,
            family=doomed.family,
            internal_client=doomed.internal_client or None,
            allow_from=doomed.allow_from,
        )
        mapping: Mapping = self.mapper.want(wanted)
        no = (MappingState.REFUSED, MappingState.DISABLED)
        await self.until(lambda: mapping.near_port is not None or mapping.state in no)
        reason = mapping.reason
        if mapping.near_port != doomed.external_port:
            await self.release(mapping)
            return reason or "the gateway does not answer"
        agreed = await self.release(mapping)
        return "" if agreed else "the gateway did not agree to delete it"

    async def within(self, waiting: Awaitable[T]) -> T:
        """Wait as long as a person would.

        Raises:
            TimeoutError: it took longer.
        """
        async with asyncio.timeout(self.timeout):
            return await waiting

    async def release(self, mapping: Mapping) -> bool:
        try:
            async with asyncio.timeout(self.timeout):
                return await self.mapper.release(mapping)
        except TimeoutError:
            return False

    async def listing(self, limit: int) -> GatewayListing:
        """The gateway's own table; where its protocol has no request for it, its UPnP side is waited for."""
        await self.until(self._can_list, self.ground.linger)
        return await self.mapper.list_gateway(limit)

    def _can_list(self) -> bool:
        return self.mapper.snapshot().type is None or self.mapper.can_list

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        return self.mapper.subscribe(callback)

    async def leave(self) -> None:
        """End without deleting anything: the mappings stay until their leases end."""
        self._leaving = True
        self.mapper.leave()


def _is_looked_at(mapping: MappingSnapshot) -> bool:
    """Whether the gateway's table was read for it, whatever that told."""
    listed: list[Evidence] = [each for each in mapping.evidence if each.rung is Rung.LISTED]
    looked = any(each.holds is not None or NO_LOOKING not in each.words for each in listed)
    return looked or mapping.state is MappingState.REFUSED


def is_judged(mapping: MappingSnapshot) -> bool:
    """Whether the echo hosts have nothing more to say: at another machine's port they never knock."""
    refused = mapping.state is MappingState.REFUSED or mapping.internal_client is not None
    return refused or any(each.rung is Rung.REACHABLE for each in mapping.evidence)


def _ignore(level: int, text: str) -> None:
    """The engine's log is not for the command line: it tells in its own words."""
