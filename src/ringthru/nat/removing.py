"""``delete``: taking back what is ours, and leaving alone what is not; and how anything is taken back.

Never here: what is left of earlier runs, and whose it is (``cleaning``).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ..net.values import frozen
from ..portmap.memory.holding import Holding, JournalEntry
from ..portmap.snapshots import MapperSnapshot
from ..portmap.values import Family, GatewayEntry, GatewayType, Protocol
from . import beyond, memory, shapes
from .flows import is_flow
from .output import Output
from .place import Ground
from .reading import BOTH
from .session import Doomed, Session
from .words import Exit, clean, protocol_words

RUNNING: Final = "another Ringthru is running and renews it"
Key = tuple[Family, Protocol, int, int]  # of a ``Doomed``
Result = tuple[Doomed, str]  # why it is still there; empty when it is gone


@frozen
class Sight:
    """What there is to delete on a gateway: remembered, and in its table."""

    snapshot: MapperSnapshot
    written: list[JournalEntry]  # what is on this gateway
    elsewhere: list[JournalEntry]  # the rest
    beyond: list[JournalEntry]  # what of it is on the gateway beyond
    known: dict[Key, Doomed]  # to anybody
    own: str  # our address


async def delete(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Delete mappings of ours: from the journal, from the gateway's table, or by their number."""
    store = options.store or memory.default_path()
    everything = memory.entries(store)
    running = memory.living(store, everything)
    sight = await _look(options, ground, everything, out)
    chosen = sorted(_chosen(options, sight.known), key=lambda each: (each.external_port, each.protocol.value))
    renewed = {doomed_of(each).key for each in sight.written if each.owner in running}
    results = [(each, RUNNING) for each in chosen if each.key in renewed]
    doomed = [each for each in chosen if each.key not in renewed]
    far = _chosen_beyond(options, chosen, sight.beyond)
    results += [(beyond.doomed_of(each), RUNNING) for each in far if each.owner in running]
    far = [each for each in far if each.owner not in running]
    if far and not any(each.known for each in doomed):
        doomed = []  # it is beyond alone: not tried on our own gateway by its number
    if doomed or far:
        results += await _take_back(options, ground, sight, doomed, far, out)
    show_removed(results, out)
    if not results:
        out.note("There is no such mapping of ours on this gateway.")
    if not options.nested and beyond.end_of(sight.elsewhere, chosen, sight.own):
        out.note("The gateway beyond this one may have it too: --nested deletes it there as well.")
    document = {"gateway": shapes.gateway(sight.snapshot), "deleted": removed(results)}
    return removal_exit(results), document


async def _look(
    options: argparse.Namespace, ground: Ground, everything: list[JournalEntry], out: Output
) -> Sight:
    """Find the gateway, and the one beyond where that is wanted, and read its table."""
    store = options.store or memory.default_path()
    async with Session(options, ground, store, mapping=False) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict(needed=not any_pinhole(everything, session.own6))
        if options.nested:
            with out.waiting("looking beyond it …"):
                snapshot = await session.chain()
        with out.waiting("reading the gateway's table …"):
            listing = await session.listing(512)
    here, own = memory.identity(snapshot), session.surroundings.address
    at_home = [each for each in everything if memory.is_here(each, here, own, session.own6)]
    written = [each for each in at_home if not is_flow(each)]
    known = {each.key: each for each in map(_listed, listing.entries) if each is not None}
    known |= {each.key: each for each in map(doomed_of, written)}
    elsewhere = [each for each in everything if each not in at_home]
    return Sight(snapshot, written, elsewhere, beyond.entries(everything, snapshot, own), known, own)


async def _take_back(
    options: argparse.Namespace,
    ground: Ground,
    sight: Sight,
    doomed: list[Doomed],
    far: list[JournalEntry],
    out: Output,
) -> list[Result]:
    """Delete what is ``doomed`` here and ``far``, on the gateway beyond."""
    store = options.store or memory.default_path()
    ours = [each for each in sight.written if doomed_of(each).key in {each.key for each in doomed}]
    memory.keep_no_longer(store, ours + far)  # else they are only lent to us, and given back
    others = [each for each in ours if not is_spoken(each, sight.snapshot)]
    by_others = {doomed_of(each).key for each in others}
    async with Session(options, ground, store) as session:
        results = await remove(session, [e for e in doomed if e.key not in by_others], ours, out)
        await await_sweep(session, others, far, out)
    return results + outcome(store, others) + beyond.outcome(store, far)


def any_pinhole(written: list[JournalEntry], own6: str) -> bool:
    """Whether there is something to delete even if no gateway maps IPv4 ports."""
    return any(memory.is_here(each, None, "", own6) for each in written)


def _chosen(options: argparse.Namespace, known: dict[Key, Doomed]) -> list[Doomed]:
    """Which of the known ones are meant; a port that nobody knows of is tried by its number.

    Not so on every interface: there, it is known of one gateway or another.
    """
    if options.all_ours:
        return list(known.values())
    if options.range:
        return [each for each in known.values() if each.external_port in options.range]
    port, protocols = options.port
    meant = [
        each
        for each in known.values()
        if each.protocol in (protocols or BOTH) and port in (each.internal_port, each.external_port)
    ]
    if meant or options.every_interface:
        return meant
    return [Doomed(each, port, port, known=False) for each in protocols or (Protocol.UDP,)]


def _chosen_beyond(
    options: argparse.Namespace, chosen: Iterable[Doomed], there: Iterable[JournalEntry]
) -> list[JournalEntry]:
    """Of what is on the gateway beyond: what our gateway's end of it leads to, and what is meant itself."""
    ends = {(each.protocol, each.external_port) for each in chosen}

    def is_meant(made: Holding) -> bool:
        if options.all_ours or (made.protocol, made.internal_port) in ends:
            return True
        if options.range:
            return made.external_port in options.range
        port, protocols = options.port
        return made.protocol in (protocols or BOTH) and port == made.external_port

    return [each for each in there if is_meant(each.holding)]


async def remove(
    session: Session, doomed: Iterable[Doomed], written: list[JournalEntry], out: Output
) -> list[Result]:
    """Delete one after another; what is gone is struck out of the journal."""
    results = []
    for each in doomed:
        with out.waiting(f"deleting {each.protocol.value} {each.external_port} …"):
            reason = await session.remove(each)
        results.append((each, reason))
        if not reason:
            gone = [entry for entry in written if doomed_of(entry).key == each.key]
            memory.strike_out(session.store, gone)
    return results


def is_spoken(entry: JournalEntry, snapshot: MapperSnapshot) -> bool:
    """Whether the gateway is spoken to by the protocol that made it: no other one can delete it."""
    if entry.holding.family is Family.IPV6:
        # PCP's are left to the engine: ``remove`` renews first, and then miniupnpd does not close it (PC21)
        return entry.gateway.type is GatewayType.UPNP
    return entry.gateway.type is snapshot.type


async def await_sweep(
    session: Session, others: list[JournalEntry], far: list[JournalEntry], out: Output
) -> None:
    """Let the engine find whom it needs; at its end it deletes what nobody wants."""
    if any(each.holding.family is Family.IPV6 for each in others):
        with out.waiting("looking for the IPv6 firewall …"):
            await session.until(session.has_firewall)
    if any(each.holding.family is Family.IPV4 for each in others):
        with out.waiting("deleting by the protocol that made it …"):
            await session.verdict()
            await session.until(lambda: not session.mapper.left_over, session.ground.linger)
    if far:
        with out.waiting("looking for the gateway beyond …"):
            await session.chain()


def outcome(store: Path, others: list[JournalEntry]) -> list[Result]:
    """What became of those that another protocol made."""
    left = memory.left_of(store, others)
    return [(doomed_of(each), _why_left(each) if each in left else "") for each in others]


def _why_left(entry: JournalEntry) -> str:
    if entry.holding.family is Family.IPV6:
        return "the firewall did not agree to close it, or does not answer; it was asked to let it end soon"
    name = protocol_words(entry.gateway.type)
    return f"only {name} can delete it, and the gateway does not answer that now, or refused"


def doomed_of(entry: JournalEntry) -> Doomed:
    """What is written down, as something to delete."""
    made = entry.holding
    return Doomed(
        *(made.protocol, made.internal_port, made.external_port, made.family, made.description),
        internal_client=made.internal_client,
        allow_from=made.allow_from,
    )


def _listed(entry: GatewayEntry) -> Doomed | None:
    """An entry of the gateway's table, where it is ours and a mapping that can be asked for."""
    if not entry.ours or not 0 < entry.external_port < 65536 or not 0 < entry.internal_port < 65536:
        return None
    return Doomed(entry.protocol, entry.internal_port, entry.external_port, label=entry.description)


def show_removed(results: list[Result], out: Output) -> None:
    if results:
        rows = [
            (
                each.protocol.value,
                str(each.external_port),
                str(each.internal_port),
                _result_words(each, reason),
            )
            for each, reason in results
        ]
        out.table(("protocol", "external", "led to port", "result"), rows)


def _result_words(doomed: Doomed, reason: str) -> str:
    where = f" on {clean(doomed.gateway)}, the gateway beyond" if doomed.gateway else ""
    done = f"deleted{where}" if doomed.known else "nobody knew of it; the gateway was told to delete it"
    return clean(reason) or done


def removed(results: list[Result]) -> list[dict[str, Any]]:
    return [ports_of(each) | {"deleted": not reason, "reason": reason} for each, reason in results]


def ports_of(doomed: Doomed) -> dict[str, Any]:
    return {
        "protocol": doomed.protocol.value,
        "family": doomed.family.value,
        "internal_port": doomed.internal_port,
        "external_port": doomed.external_port,
        "beyond": doomed.gateway or None,
        "known": doomed.known,
    }


def removal_exit(results: list[Result]) -> Exit:
    failed = sum(bool(reason) for _, reason in results)
    if not failed:
        return Exit.OK
    return Exit.REFUSED if failed == len(results) else Exit.PARTLY
