"""``delete`` and ``cleanup``: taking back what is ours, and leaving alone what is not."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..portmap.memory.holding import GatewayIdentity, JournalEntry
from ..portmap.values import Protocol
from . import memory, shapes
from .arguments import BOTH
from .output import Output
from .session import Ground, Session
from .words import Exit, clean

Doomed = tuple[Protocol, int, int]  # protocol, internal port, external port


async def delete(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Delete mappings of ours: from the journal, from the gateway's table, or by their number."""
    store = options.store or memory.default_path()
    async with Session(options, ground, store) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict()
            here, own = memory.identity(snapshot), session.surroundings.address
            written = [each for each in memory.entries(store) if memory.is_here(each, here, own)]
            listing = await session.listing(512)
        known = {
            (each.protocol, each.internal_port, each.external_port) for each in listing.entries if each.ours
        }
        known |= {place_of(each) for each in written}
        chosen = sorted(_chosen(options, known), key=lambda each: (each[2], each[0].value))
        results = await _remove(session, chosen, written, out)
    _show_removed(results, out)
    if not results:
        out.note("There is no such mapping of ours on this gateway.")
    document = {"gateway": shapes.gateway(snapshot), "deleted": _removed(results)}
    return _removal_exit(results), document


def _chosen(options: argparse.Namespace, known: set[Doomed]) -> set[Doomed]:
    """Which of the known ones are meant; a port that nobody knows of is tried by its number."""
    if options.all_ours:
        return known
    if options.range:
        return {each for each in known if each[2] in options.range}
    port, protocols = options.port
    meant = {each for each in known if each[0] in (protocols or BOTH) and port in each[1:]}
    return meant or {(each, port, port) for each in protocols or (Protocol.UDP,)}


async def _remove(
    session: Session, doomed: Iterable[Doomed], written: list[JournalEntry], out: Output
) -> list[tuple[Doomed, str]]:
    """Delete one after another; what is gone is struck out of the journal."""
    results = []
    for each in doomed:
        with out.waiting(f"deleting {each[0].value} {each[2]} …"):
            reason = await session.remove(*each)
        results.append((each, reason))
        if not reason:
            memory.strike_out(session.store, [entry for entry in written if place_of(entry) == each])
    return results


def place_of(entry: JournalEntry) -> Doomed:
    return (entry.holding.protocol, entry.holding.internal_port, entry.holding.external_port)


def _show_removed(results: list[tuple[Doomed, str]], out: Output) -> None:
    if results:
        rows = [
            (each[0].value, str(each[2]), str(each[1]), clean(reason) or "deleted")
            for each, reason in results
        ]
        out.table(("protocol", "external", "led to port", "result"), rows)


def _removed(results: list[tuple[Doomed, str]]) -> list[dict[str, Any]]:
    return [_ports_of(each) | {"deleted": not reason, "reason": reason} for each, reason in results]


def _ports_of(doomed: Doomed) -> dict[str, Any]:
    protocol, internal, external = doomed
    return {"protocol": protocol.value, "internal_port": internal, "external_port": external}


def _removal_exit(results: list[tuple[Doomed, str]]) -> Exit:
    failed = sum(bool(reason) for _, reason in results)
    if not failed:
        return Exit.OK
    return Exit.REFUSED if failed == len(results) else Exit.PARTLY


async def cleanup(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Delete what earlier runs left on this gateway, exactly that; say what is left alone, and why."""
    store = options.store or memory.default_path()
    written = memory.entries(store)
    if not written:
        out.say("Nothing is remembered: there is nothing to clean up.")
        return Exit.OK, {"deleted": [], "left_alone": [], "struck_out": 0}
    running = memory.living(store, written)
    async with Session(options, ground, store, mapping=not options.dry_run) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict()
        own, here = session.surroundings.address, memory.identity(snapshot)
        reasons = [(each, _why_left_alone(each, here, own, running)) for each in written]
        ended = [each for each in written if memory.has_ended(each) and each.owner not in running]
        left_alone = [(each, why) for each, why in reasons if why and each not in ended]
        doomed = [place_of(each) for each, why in reasons if not why and each not in ended]
        if options.dry_run:
            results = [(each, "") for each in doomed]
        else:
            memory.strike_out(store, ended)
            results = await _remove(session, doomed, written, out)
    if options.dry_run and results:
        out.say("These would be deleted:")
    _show_removed([(each, "would be deleted" if options.dry_run else why) for each, why in results], out)
    if not results:
        out.say("Nothing was left behind on this gateway.")
    if left_alone:
        rows = [
            (each.holding.protocol.value, str(each.holding.external_port), clean(each.gateway.address), why)
            for each, why in left_alone
        ]
        out.say()
        out.table(("protocol", "external", "gateway", "left alone because"), rows)
    document = {
        "gateway": shapes.gateway(snapshot),
        "dry_run": options.dry_run,
        "deleted": [] if options.dry_run else _removed(results),
        "would_delete": [_ports_of(each) for each, _ in results] if options.dry_run else [],
        "left_alone": [shapes.remembered(each, None) | {"because": why} for each, why in left_alone],
        "struck_out": len(ended),
    }
    return _removal_exit(results), document


def _why_left_alone(
    entry: JournalEntry, here: GatewayIdentity | None, own: str, running: frozenset[str]
) -> str:
    """Empty when it is to be deleted."""
    if entry.owner in running:
        return "another Ringthru is running and renews it"
    if entry.kept:
        return "made with 'ringthru nat add' to stay; 'ringthru nat delete' removes it"
    if entry.own_address not in ("", own):
        return f"it leads to {clean(entry.own_address)}, which is not our address now"
    if not memory.is_here(entry, here, own):
        return "it is on another gateway than this one"
    return ""
