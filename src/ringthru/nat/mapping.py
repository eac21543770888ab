"""``add`` and ``explain``: asking for mappings, and telling what came of it."""

from __future__ import annotations

import argparse
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
from .removing import place_of
from .session import Ground, Session
from .trouble import Trouble
from .watching import hold
from .words import RUNGS, Exit, clean, gateway_words, kind_sentence, lease_words, place, protocol_words, span

RULES: Final = {"same": SetRule.SAME_NUMBER, "pair": SetRule.PAIR}


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
        left_there = [each for each in kept if place_of(each)[:2] in {(w.protocol, port) for w in wanted}]
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
