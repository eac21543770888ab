"""``add``, ``delete``, ``explain`` and ``cleanup``: what changes something on a gateway."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Final

from ..portmap.errors import LocalError
from ..portmap.mapping.sets import SetRule
from ..portmap.memory.holding import JournalEntry
from ..portmap.values import (
    OUR_NAME,
    Family,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    Rung,
    Wanted,
)
from . import memory, shapes
from .arguments import BOTH
from .output import Output
from .session import Ground, Session
from .trouble import Trouble
from .watching import hold
from .words import RUNGS, Exit, clean, gateway_words, kind_sentence, lease_words, place, protocol_words, span

RULES: Final = {"same": SetRule.SAME_NUMBER, "pair": SetRule.PAIR}
Doomed = tuple[Protocol, int, int]  # protocol, internal port, external port


async def add(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Map; show; and leave it there, or hold it until interrupted."""
    wanted, rule = _wanted(options)
    store = options.store or memory.default_path()
    session = Session(options, ground, store, lease=options.lease)
    async with session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict()
        with out.waiting(f"asking {clean(snapshot.gateway or '')} for the port …"):
            mappings = await session.want(wanted, rule)
        snapshot = session.mapper.snapshot()
        code = judged(mappings, snapshot)
        _show(mappings, snapshot, out)
        document = _document(mappings, snapshot)
        if code is Exit.REFUSED or not mappings:
            return Exit.REFUSED, document
        if options.hold:
            out.line({"command": "add", "exit": int(code), "held": True, **document})
            await hold(session, out)
            out.note("Removed.")
            return code, {}
        await session.leave()
    granted = [each for each in mappings if each.state is MappingState.ACCEPTED]
    memory.keep_on(store, session.surroundings, snapshot, granted)
    longest = max((each.lifetime_left or 0.0 for each in granted), default=0.0)
    ends = f"in {span(longest)}" if all(each.lifetime_left for each in granted) else "only when it is deleted"
    ports = " ".join(f"{each.internal_port}/{each.protocol.value}" for each in granted)
    out.note(f"It ends {ends}; sooner with: ringthru nat delete {ports.partition(' ')[0]}")
    return code, document


def _wanted(options: argparse.Namespace) -> tuple[tuple[Wanted, ...], SetRule | None]:
    """The wishes that the command line names; UDP where it names no protocol.

    Raises:
        Trouble: they contradict each other.
    """
    port, protocols = options.port
    chosen = protocols or (BOTH if options.set == "same" else (Protocol.UDP,))
    if options.set == "same" and chosen != BOTH:
        raise Trouble(Exit.USAGE, "--set same is for UDP and TCP together: give PORT or PORT/both")
    if options.set == "pair" and len(chosen) != 1:
        raise Trouble(Exit.USAGE, "--set pair is for two ports of one protocol: give PORT/udp or PORT/tcp")
    numbers = (port, port + 1) if options.set == "pair" else (port,)
    rule = RULES.get(options.set or "") or (SetRule.INDEPENDENT if len(chosen) > 1 else None)
    label = f"{OUR_NAME} {options.label}".strip() if options.label else ""
    try:
        wishes = tuple(
            Wanted(
                protocol,
                number,
                None if options.external is None else options.external + number - port,
                exact=options.exact,
                label=label,
                family=Family(options.family),
                lifetime=options.lease,
            )
            for number in numbers
            for protocol in chosen
        )
    except LocalError as error:
        raise Trouble(Exit.USAGE, str(error)) from error
    return wishes, rule if options.set else None


def judged(mappings: list[MappingSnapshot], snapshot: MapperSnapshot) -> Exit:
    """How it went, over all of them: "cannot verify" is no failure, "not there" is one."""
    granted = [each for each in mappings if each.state is MappingState.ACCEPTED]
    if not granted:
        return Exit.REFUSED
    fell = any(proof.holds is False for each in granted for proof in each.evidence)
    ipv4 = any(each.family is Family.IPV4 for each in granted)
    if len(granted) < len(mappings) or fell or (ipv4 and snapshot.external_address is None):
        return Exit.PARTLY
    return Exit.OK


def _show(mappings: list[MappingSnapshot], snapshot: MapperSnapshot, out: Output) -> None:
    address = snapshot.reported_address
    out.say(f"Gateway: {gateway_words(snapshot)}")
    out.say()
    rows = [
        (
            each.protocol.value,
            place(each.external_address or address, each.external_port) if each.external_port else "-",
            str(each.internal_port),
            lease_words(each),
            _rung(each),
        )
        for each in mappings
    ]
    out.table(("protocol", "external", "leads to port", "lease", "how far"), rows, good=1)
    for each in mappings:
        if each.reason:
            out.note(f"{each.protocol.value} {each.internal_port}: {clean(each.reason)}")
    if snapshot.external_address is None and any(each.family is Family.IPV4 for each in mappings):
        out.note(f"{clean(address or 'No external address')}: {kind_sentence(snapshot)}.")


def _rung(mapping: MappingSnapshot) -> str:
    if mapping.state is MappingState.REFUSED:
        return "refused"
    rung = Rung.ACCEPTED if mapping.state is MappingState.ACCEPTED else Rung.REQUESTED
    return max((mapping.rung, rung), key=list(Rung).index).value


def _document(mappings: list[MappingSnapshot], snapshot: MapperSnapshot) -> dict[str, Any]:
    return {
        "gateway": shapes.gateway(snapshot),
        "external": shapes.external(snapshot),
        "mappings": [shapes.mapping(each, snapshot.reported_address) for each in mappings],
    }


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
        known |= {_place(each) for each in written}
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
            memory.strike_out(session.store, [entry for entry in written if _place(entry) == each])
    return results


def _place(entry: JournalEntry) -> Doomed:
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


async def explain(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Ask for it, tell every step, and leave the gateway as it was."""
    port, protocols = options.port
    store = options.store or memory.default_path()
    async with Session(options, ground, store) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict()
        here, own = memory.identity(snapshot), session.surroundings.address
        kept = [each for each in memory.entries(store) if each.kept and memory.is_here(each, here, own)]
        wanted = tuple(_as_kept(each, port, kept) for each in protocols or (Protocol.UDP,))
        with out.waiting("asking for the mapping …"):
            mappings = await session.want(wanted)
        snapshot = session.mapper.snapshot()
        left_there = [each for each in kept if _place(each)[:2] in {(w.protocol, port) for w in wanted}]
        if left_there:
            await session.leave()
    out.say(f"Gateway: {gateway_words(snapshot)}")
    for service in snapshot.services:
        if not service.in_use:
            out.say(f"  in reserve: {protocol_words(service.type)} at {clean(service.gateway)}")
    out.say(f"External address: {clean(snapshot.reported_address or 'unknown')}: {kind_sentence(snapshot)}")
    for each in mappings:
        _tell(each, snapshot, out)
    stays = (
        "It was there before, and stays."
        if left_there
        else "It was asked for to be explained, and is removed."
    )
    out.note(stays)
    return judged(mappings, snapshot), _document(mappings, snapshot)


def _as_kept(protocol: Protocol, port: int, kept: list[JournalEntry]) -> Wanted:
    """The wish as it was made before, so that explaining a mapping does not change it."""
    for entry in kept:
        holding = entry.holding
        if (holding.protocol, holding.internal_port) == (protocol, port):
            return Wanted(protocol, port, holding.external_port, label=holding.description)
    return Wanted(protocol, port)


def _tell(mapping: MappingSnapshot, snapshot: MapperSnapshot, out: Output) -> None:
    """One mapping: its steps in order, then how far it got, rung by rung."""
    out.say()
    where = place(mapping.external_address or snapshot.reported_address, mapping.external_port)
    out.say(f"{mapping.protocol.value} {mapping.internal_port}: {_rung(mapping)}, external {where}")
    for number, each in enumerate(mapping.attempts, 1):
        out.say(f"  {number}. we asked       {clean(each.asked)}")
        out.say(f"     it answered    {clean(each.answer)}")
        out.say(f"     which means    {clean(each.reading)}")
        out.say(f"     what follows   {clean(each.next)}")
    if mapping.reason:
        out.say(f"  The last answer: {clean(mapping.reason)}")
    if mapping.renews_in is not None:
        out.say(f"  It is renewed in {span(mapping.renews_in)}.")
    for proof in mapping.evidence:
        sign = {True: "yes", False: "NO", None: "cannot be verified"}[proof.holds]
        out.say(f"  {RUNGS[proof.rung]}: {sign} ({clean(proof.words)})")


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
        doomed = [_place(each) for each, why in reasons if not why and each not in ended]
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


def _why_left_alone(entry: JournalEntry, here: Any, own: str, running: frozenset[str]) -> str:
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
