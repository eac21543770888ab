"""``cleanup``: deleting what earlier runs left, exactly that, and saying what is left alone, and why.

Lives here: what is to be deleted by whom, and what is not. Never here: how (``removing``).
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from ..net.values import frozen
from ..portmap.memory.holding import GatewayIdentity, JournalEntry
from ..portmap.snapshots import MapperSnapshot
from . import beyond, memory, shapes
from .flows import is_flow
from .output import Output
from .place import Ground, surroundings_of
from .removing import (
    RUNNING,
    Result,
    any_pinhole,
    await_sweep,
    doomed_of,
    is_spoken,
    outcome,
    ports_of,
    removal_exit,
    remove,
    removed,
    show_removed,
)
from .session import Session
from .words import Exit, clean

Kept = list[tuple[JournalEntry, str]]  # left alone, and why


@frozen
class Plan:
    """What is to become of everything that is remembered."""

    written: list[JournalEntry]
    ours: list[JournalEntry]  # on our gateway, which is spoken to by the protocol that made them
    others: list[JournalEntry]  # on our gateway, made by another protocol
    far: list[JournalEntry]  # on the gateway beyond
    left_alone: Kept
    ended: list[JournalEntry]  # their leases are over: nothing is there any more


NOTHING: Final = Plan([], [], [], [], [], [])


async def cleanup(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Delete what earlier runs left on this gateway, exactly that; say what is left alone, and why."""
    store = options.store or memory.default_path()
    written = memory.of_this_line(memory.entries(store), options)
    if not written:
        out.say("Nothing is remembered: there is nothing to clean up.")
        return Exit.OK, _document([], NOTHING, None, options.dry_run)
    running = memory.living(store, written)
    place = surroundings_of(options, ground)
    nested = beyond.is_suspected(written, place.address, place.gateway)
    async with Session(options, ground, store, mapping=not options.dry_run, nested=nested) as session:
        snapshot = await _look(session, written, nested, out)
        plan = _plan(session, written, snapshot, running)
        results = _would_be(plan) if options.dry_run else await _delete(session, plan, out)
    if not options.dry_run:
        results += outcome(store, plan.others) + beyond.outcome(store, plan.far)
    _show(results, plan.left_alone, options.dry_run, out)
    return removal_exit(results), _document(results, plan, snapshot, options.dry_run)


async def _look(session: Session, written: list[JournalEntry], nested: bool, out: Output) -> MapperSnapshot:
    """Who is there now."""
    with out.waiting("looking for the gateway …"):
        snapshot = await session.verdict(needed=not any_pinhole(written, session.own6))
    if nested:
        with out.waiting("looking beyond it …"):
            snapshot = await session.chain()
    return snapshot


def _plan(
    session: Session, written: list[JournalEntry], snapshot: MapperSnapshot, running: frozenset[str]
) -> Plan:
    own, here = session.surroundings.address, memory.identity(snapshot)
    there = beyond.entries(written, snapshot, own)
    reasons = [(each, _why_left_alone(each, here, own, session.own6, running, there)) for each in written]
    ended = [each for each in written if memory.has_ended(each) and each.owner not in running]
    doomed = [each for each, why in reasons if not why and each not in ended]
    near = [each for each in doomed if each not in there]
    return Plan(
        written,
        ours=[each for each in near if is_spoken(each, snapshot)],
        others=[each for each in near if not is_spoken(each, snapshot)],
        far=[each for each in doomed if each in there],
        left_alone=[(each, why) for each, why in reasons if why and each not in ended],
        ended=ended,
    )


def _would_be(plan: Plan) -> list[Result]:
    near = [(doomed_of(each), "") for each in (*plan.ours, *plan.others)]
    return near + [(beyond.doomed_of(each), "") for each in plan.far]


async def _delete(session: Session, plan: Plan, out: Output) -> list[Result]:
    """What came of those that are deleted one by one; what the engine deletes is seen at its end."""
    memory.strike_out(session.store, plan.ended)
    results = await remove(session, map(doomed_of, plan.ours), plan.written, out)
    await await_sweep(session, plan.others, plan.far, out)
    return results


def _show(results: list[Result], left_alone: Kept, dry_run: bool, out: Output) -> None:
    if dry_run and results:
        out.say("These would be deleted:")
    show_removed([(each, "would be deleted" if dry_run else why) for each, why in results], out)
    if not results:
        out.say("Nothing was left behind on this gateway.")
    if left_alone:
        rows = [
            (each.holding.protocol.value, _external(each), clean(each.gateway.address), why)
            for each, why in left_alone
        ]
        out.say()
        out.table(("protocol", "external", "gateway", "left alone because"), rows)


def _external(entry: JournalEntry) -> str:
    """What the gateway gave to a flow is not known."""
    return "-" if is_flow(entry) else str(entry.holding.external_port)


def _document(
    results: list[Result], plan: Plan, snapshot: MapperSnapshot | None, dry_run: bool
) -> dict[str, Any]:
    """``snapshot`` None: nobody was looked for."""
    return {
        "gateway": None if snapshot is None else shapes.gateway(snapshot),
        "dry_run": dry_run,
        "deleted": [] if dry_run else removed(results),
        "would_delete": [ports_of(each) for each, _ in results] if dry_run else [],
        "left_alone": [shapes.remembered(each, None) | {"because": why} for each, why in plan.left_alone],
        "struck_out": len(plan.ended),
    }


def _why_left_alone(
    entry: JournalEntry,
    here: GatewayIdentity | None,
    own: str,
    own6: str,
    running: frozenset[str],
    beyond_ours: list[JournalEntry],
) -> str:
    """Empty when it is to be deleted."""
    if is_flow(entry):
        return "it is the translation of a flow, which ends by itself: nobody can delete it"
    if entry.owner in running:
        return RUNNING
    if entry.kept:
        return "made with 'ringthru nat add' to stay; 'ringthru nat delete' removes it"
    if entry.own_address not in ("", own, own6):
        return f"it leads to {clean(entry.own_address)}, which is not our address now"
    if not memory.is_here(entry, here, own, own6) and entry not in beyond_ours:
        return "it is on another gateway than this one"
    return ""
