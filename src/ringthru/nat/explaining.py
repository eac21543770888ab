"""``explain``: one mapping asked for, and every step of it told; then the gateway is as it was."""

from __future__ import annotations

import argparse
from typing import Any, Final

from ..net.spans import span
from ..portmap.memory.holding import JournalEntry
from ..portmap.snapshots import MapperSnapshot, MappingSnapshot
from ..portmap.values import Family, Protocol, Wanted
from . import memory
from .mapping import ask, document, judged, seen_for, tell_removed
from .output import Output
from .place import Ground
from .session import Session
from .words import (
    Exit,
    address_words,
    clean,
    filter_words,
    gateway_words,
    how_far,
    place,
    protocol_words,
)

HOLDS: Final = {True: "yes", False: "NO", None: "cannot tell"}


async def explain(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Ask for it, tell every step, and leave the gateway as it was."""
    port, protocols = options.port
    family = Family(options.family)
    chosen = protocols or (Protocol.UDP,)
    store = options.store or memory.default_path()
    keys = {(family, protocol, port) for protocol in chosen}
    kept = [each for each in memory.entries(store) if each.kept and _is_own(each) and _key(each) in keys]
    async with Session(options, ground, store, kept=bool(kept)) as session:
        if family is Family.IPV4:
            with out.waiting("looking for the gateway …"):
                await session.verdict()
        here, own = memory.identity(session.mapper.snapshot()), session.surroundings.address
        kept = [each for each in kept if memory.is_here(each, here, own, session.own6)]
        wanted = tuple(_as_kept(family, each, port, kept) for each in chosen)
        mappings = await ask(session, wanted, None, out)
        snapshot = seen_for(family, session.mapper.snapshot())
        if kept:
            await session.leave()
    _tell_gateway(snapshot, family, out)
    for each in mappings:
        _tell(each, snapshot, out)
    code = judged(mappings, snapshot)
    if kept:
        out.note("It was there before, and stays.")
    else:
        code = tell_removed(store, mappings, code, out, "It was asked for to be explained, and is removed.")
    return code, document(mappings, snapshot)


def _tell_gateway(snapshot: MapperSnapshot, family: Family, out: Output) -> None:
    """The gateway in use, who else would be, and what it says of our address."""
    out.say(f"Gateway: {gateway_words(snapshot)}")
    for service in snapshot.services:
        if not service.in_use and (":" in service.gateway) is (family is Family.IPV6):
            status = f", {clean(service.status)}" if service.status else ""
            out.say(f"  in reserve: {protocol_words(service.type)} at {clean(service.gateway)}{status}")
    if family is Family.IPV4:
        out.say(address_words(snapshot))


def _key(entry: JournalEntry) -> tuple[Family, Protocol, int]:
    return entry.holding.family, entry.holding.protocol, entry.holding.internal_port


def _is_own(entry: JournalEntry) -> bool:
    """Whether it leads to this machine."""
    return not entry.holding.internal_client


def _as_kept(family: Family, protocol: Protocol, port: int, kept: list[JournalEntry]) -> Wanted:
    """The wish as it was made before, so that explaining a mapping does not change it."""
    for entry in kept:
        if _key(entry) == (family, protocol, port):
            made = entry.holding
            return Wanted(
                *(protocol, port, made.external_port),
                label=made.description,
                family=family,
                allow_from=made.allow_from,
            )
    return Wanted(protocol, port, family=family)


def _tell(mapping: MappingSnapshot, snapshot: MapperSnapshot, out: Output) -> None:
    """One mapping: its steps in order, then how far it got, rung by rung."""
    out.say()
    where = place(mapping.external_address or snapshot.reported_address, mapping.external_port)
    external = f", external {where}" if mapping.external_port else ""
    out.say(f"{mapping.protocol.value} {mapping.internal_port}: {how_far(mapping)}{external}")
    for number, each in enumerate(mapping.attempts, 1):
        steps = (
            ("we asked", each.asked),
            ("it answered", each.answer),
            ("which means", each.reading),
            ("what follows", each.next),
        )
        for at, (name, words) in enumerate(steps):
            if words:
                out.say(f"  {f'{number}.' if at == 0 else '':<3} {name:<13} {clean(words)}")
    if mapping.reason:
        out.say(f"  The last answer: {clean(mapping.reason)}")
    if mapping.renews_in is not None:
        out.say(f"  It is renewed in {span(mapping.renews_in)}.")
    if mapping.evidence:
        out.say()
        rows = [(each.rung.value, HOLDS[each.holds], clean(each.words)) for each in mapping.evidence]
        out.table(("rung", "holds", "evidence"), rows, good=0)
    if mapping.filtering is not None:
        out.say(f"It lets in {filter_words(mapping)}.")
