"""One engine for one command: started, waited for, and left or stopped.

The one place where the command line meets ``PortMapper``.

Lives here: the engine's settings, and waiting with patience. Never here: what is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from ..net.surroundings import Surroundings, look_around
from ..net.values import frozen, replace
from ..portmap import Mapping, PortMapper
from ..portmap.engine_driver import Tap
from ..portmap.errors import LocalError
from ..portmap.events import Event
from ..portmap.mapping.sets import SetRule
from ..portmap.values import (
    Evidence,
    GatewayListing,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    Rung,
    Wanted,
)
from .trouble import Trouble
from .words import Exit

LINGER = 1.5  # seconds that slower services, and the gateway's own table, are waited for
POLL = 0.02  # seconds between two looks at the engine
SILENT = logging.CRITICAL + 10


@frozen
class Ground:
    """Where the command stands; a laboratory hands over its own."""

    look_around: Callable[[str | None], Surroundings] = look_around
    natpmp_port: int = 5351
    ssdp_port: int = 1900
    linger: float = LINGER


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
        lease: int = 3600,
        tap: Tap | None = None,
    ) -> None:
        self.ground = ground
        self.store = store
        self.surroundings = _surroundings(options, ground)
        self.timeout: float = options.timeout
        self._leaving = False
        try:
            self.mapper = PortMapper(
                self.surroundings,
                mapping_enabled=mapping,
                lease=lease,
                log=_ignore,
                natpmp_port=ground.natpmp_port,
                ssdp_port=ground.ssdp_port,
                store=store if mapping else None,  # who only looks adopts and deletes nothing
                gateway=options.gateway,
                description_url=options.description_url,
                nested=getattr(options, "nested", False),
                witness_after=0.0,
                tap=tap,
            )
        except LocalError as error:
            raise Trouble(Exit.LOCAL, str(error)) from error

    async def __aenter__(self) -> Session:
        self.mapper.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._leaving:
            await self.mapper.stop()

    async def verdict(self) -> MapperSnapshot:
        """The engine once it knows whether there is a gateway.

        Raises:
            Trouble: there is none, or none answered in time.
        """
        await self.until(lambda: self.mapper.snapshot().verdict_known)
        snapshot = self.mapper.snapshot()
        if snapshot.type is None:
            raise Trouble(Exit.NO_GATEWAY, _nobody(self.surroundings, snapshot, self.timeout))
        return snapshot

    async def until(self, condition: Callable[[], object], patience: float | None = None) -> bool:
        """Wait until the condition holds; False when patience (seconds) ended first."""
        limit = self.timeout if patience is None else patience
        try:
            async with asyncio.timeout(limit):
                while not condition():
                    await asyncio.sleep(POLL)
        except TimeoutError:
            return False
        return True

    async def want(self, wanted: tuple[Wanted, ...], rule: SetRule | None = None) -> list[MappingSnapshot]:
        """Ask for mappings; wait for the verdict on each, and for what the gateway's table shows of them."""
        if rule is None:
            for each in wanted:
                self.mapper.want(each)
        else:
            self.mapper.want_set(wanted, rule)
        await self.until(lambda: all(m.state is not MappingState.REQUESTED for m in self.shown(wanted)))
        if any(m.state is MappingState.ACCEPTED for m in self.shown(wanted)):
            await self.until(lambda: all(map(_is_looked_at, self.shown(wanted))), self.ground.linger)
        return self.shown(wanted)

    def shown(self, wanted: tuple[Wanted, ...]) -> list[MappingSnapshot]:
        """The snapshots of these wishes, in their order."""
        rows = {(m.family, m.protocol, m.internal_port): m for m in self.mapper.snapshot().mappings}
        keys = ((each.family, each.protocol, each.internal_port) for each in wanted)
        return [rows[key] for key in keys if key in rows]

    async def remove(self, protocol: Protocol, internal_port: int, external_port: int) -> str:
        """Delete a mapping of ours that this engine did not make; empty when it is gone, else why not.

        It is asked for once more, exactly as it is, and given back: who may delete a mapping may renew it,
        and a gateway refuses both for a mapping of somebody else.
        """
        wanted = Wanted(protocol, internal_port, external_port, exact=True, listed=False)
        mapping: Mapping = self.mapper.want(wanted)
        await self.until(lambda: mapping.state is not MappingState.REQUESTED)
        granted, reason = mapping.external_port, mapping.reason
        if mapping.state is not MappingState.ACCEPTED or granted != external_port:
            await self._release(mapping)
            return reason or "the gateway does not answer"
        agreed = await self._release(mapping)
        return "" if agreed else "the gateway did not agree to delete it"

    async def _release(self, mapping: Mapping) -> bool:
        try:
            async with asyncio.timeout(self.timeout):
                return await self.mapper.release(mapping)
        except TimeoutError:
            return False

    async def listing(self, limit: int) -> GatewayListing:
        return await self.mapper.list_gateway(limit)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        return self.mapper.subscribe(callback)

    async def leave(self) -> None:
        """End without deleting anything: the mappings stay until their leases end."""
        self._leaving = True
        self.mapper.leave()


def _is_looked_at(mapping: MappingSnapshot) -> bool:
    known: tuple[Evidence, ...] = mapping.evidence
    refused = mapping.state is MappingState.REFUSED
    return refused or any(each.rung is Rung.LISTED for each in known)


def _surroundings(options: argparse.Namespace, ground: Ground) -> Surroundings:
    try:
        found = ground.look_around(options.interface)
    except (ValueError, OSError) as error:
        raise Trouble(Exit.LOCAL, str(error)) from error
    if options.gateway is None:
        return found
    if not isinstance(found.network, IPv4Network) or ":" in options.gateway:
        raise Trouble(Exit.LOCAL, f"gateway {options.gateway}: an IPv4 address is needed")
    if IPv4Address(options.gateway) == IPv4Address(found.address):
        raise Trouble(Exit.LOCAL, f"gateway {options.gateway} is this machine's own address")
    return replace(found, gateway=options.gateway)


def _nobody(surroundings: Surroundings, snapshot: MapperSnapshot, timeout: float) -> str:
    if surroundings.gateway is None:
        return (
            f"there is no default gateway on {surroundings.address}, and none answered a search;"
            " --gateway or --description-url name one"
        )
    silence = "" if snapshot.verdict_known else f" within {timeout:g} s"
    return (
        f"the default gateway {surroundings.gateway} does not answer PCP, NAT-PMP or UPnP{silence};"
        " is port mapping switched on there?"
    )


def _ignore(level: int, text: str) -> None:
    """The engine's log is not for the command line: it tells in its own words."""
