"""``add``: asking for mappings, and telling what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from ..net.spans import span
from ..net.values import replace
from ..portmap.errors import LocalError
from ..portmap.mapping.sets import SetRule
from ..portmap.mapping.workbook import NO_LOOKING
from ..portmap.snapshots import Evidence, FilterTruth, MapperSnapshot, MappingSnapshot
from ..portmap.values import OUR_NAME, Family, MappingState, Protocol, Rung, Wanted
from . import memory, shapes
from .flows import add_flow
from .output import Output
from .place import Ground, nobody6, surroundings_of
from .reading import BOTH
from .session import Session
from .trouble import Trouble
from .watching import hold, watched_session
from .words import (
    Exit,
    address_words,
    clean,
    filter_words,
    gateway_words,
    how_far,
    lease_words,
    place,
    port_words,
)

RULES: Final = {"same": SetRule.SAME_NUMBER, "pair": SetRule.PAIR}


NOTHING_COMES: Final = (
    "the gateway says yes and nothing comes through: another firewall or NAT may stand in the way"
)
SIP_PORTS: Final = (5060, 5061)
SIPS_OWN: Final = (  # TO10
    "; some gateways keep this port for their own telephony: try another one (--external 15060), "
    "and tell it to those outside"
)


async def add(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Map; show; and leave it there, or hold it until interrupted."""
    if options.peer is not None:
        return await add_flow(options, ground, out)
    wanted, rule = wishes(options, ground)
    store = options.store or memory.default_path()
    session = Session(options, ground, store, lease=options.lease, kept=not options.hold)
    async with session:
        mappings = await ask(session, wanted, rule, out, lingers=options.hold or session.proves)
        memory.check_written(store, mappings)
        snapshot = seen_for(wanted[0].family, session.mapper.snapshot())
        code = judged(mappings, snapshot)
        show(mappings, snapshot, out, proved=session.proves)
        told = document(mappings, snapshot)
        if code is Exit.REFUSED or not mappings:
            return Exit.REFUSED, told
        if options.hold:
            out.line({"command": "add", "exit": int(code), "held": True, **told})
            await hold(watched_session(session), out)
        else:
            await session.leave()
    granted = [each for each in mappings if each.state is MappingState.ACCEPTED]
    if options.hold:
        return tell_removed(store, granted, code, out), {}
    tell_the_end(granted, out)
    if memory.held_by_others(store, granted):  # a gateway has it once
        out.note("Another Ringthru that runs holds it too, and takes it back when it ends.")
    return code, told


async def ask(
    session: Session, wanted: tuple[Wanted, ...], rule: SetRule | None, out: Output, *, lingers: bool = True
) -> list[MappingSnapshot]:
    """Find the gateway and ask it for all of these.

    Raises:
        Trouble: there is nobody to ask, or the wishes cannot be one set.
    """
    six = wanted[0].family is Family.IPV6
    whom = "the gateway"
    if not six:
        with out.waiting("looking for the gateway …"):
            whom = clean((await session.verdict()).gateway or whom)
    with out.waiting("asking for a hole in the firewall …" if six else f"asking {whom} for the port …"):
        try:
            mappings = await session.want(wanted, rule, lingers=lingers)
        except LocalError as error:
            raise Trouble(Exit.USAGE, str(error)) from error
    if mappings and all(each.state is MappingState.REQUESTED for each in mappings):
        raise Trouble(Exit.NO_GATEWAY, nobody6(session.own6) if six else _unanswered(session, whom, mappings))
    if session.proves and any(each.state is MappingState.ACCEPTED for each in mappings):
        with out.waiting("having the host outside knock …"):
            mappings = await session.prove(wanted)
    return mappings


def _unanswered(session: Session, whom: str, mappings: list[MappingSnapshot]) -> str:
    """It was there a moment ago; the journal keeps what it may have made of the request."""
    words = f"{whom} was found, and has not answered what it was asked within {session.timeout:g} s"
    reason = next((clean(each.reason) for each in mappings if each.reason), "")
    undo = f"should it be open all the same: ringthru nat delete {_named(mappings)}"
    return "; ".join(filter(None, (words, reason, undo)))


def seen_for(family: Family, snapshot: MapperSnapshot) -> MapperSnapshot:
    """What there is to show of the gateway that was asked: for IPv6 it goes by another address, at least."""
    if family is Family.IPV4:
        return snapshot
    six = next((each for each in snapshot.services if ":" in each.gateway and each.in_use), None)
    return replace(
        snapshot,
        type=six.type if six else None,
        gateway=six.gateway if six else None,
        description=six.words if six else "",
        external_address=None,
        reported_address=None,
        address_kind=None,
        fingerprint="",
        learned=(),
        chain=(),
    )


def tell_the_end(granted: list[MappingSnapshot], out: Output, more: str = "") -> None:
    """When it ends by itself; ``more`` is what ``delete`` needs beside the port."""
    longest = max((each.lifetime_left or 0.0 for each in granted), default=0.0)
    ends = f"in {span(longest)}" if all(each.lifetime_left for each in granted) else "only when it is deleted"
    out.note(f"It ends {ends}; sooner with: ringthru nat delete {_named(granted)}{more}")


def tell_removed(
    store: Path, ended: list[MappingSnapshot], code: Exit, out: Output, words: str = "Removed."
) -> Exit:
    """Whether a gateway agreed to what it was asked at the end; else it is written down still."""
    left = memory.still_written(store, ended)
    remains = f"{left} of it may be on the gateway still; 'ringthru nat cleanup' tries again."
    out.note(remains if left else words)
    return Exit.PARTLY if left else code


def _named(granted: list[MappingSnapshot]) -> str:
    """All of them, as ``delete`` takes it."""
    ports = sorted({each.external_port or each.internal_port for each in granted})
    protocols = {each.protocol for each in granted}
    if len({each.internal_port for each in granted}) > 1:
        return f"--range {ports[0]}-{ports[-1]}"
    protocol = f"/{granted[0].protocol.value}" if len(protocols) == 1 else ""
    return f"{granted[0].internal_port}{protocol}"


def wishes(options: argparse.Namespace, ground: Ground) -> tuple[tuple[Wanted, ...], SetRule | None]:
    """The wishes that the command line names; UDP where it names no protocol.

    Raises:
        Trouble: they contradict each other.
    """
    port, chosen = options.port[0], _protocols(options)
    numbers = (port, port + 1) if options.set == "pair" else (port,)
    rule = RULES.get(options.set or "") or (SetRule.INDEPENDENT if len(chosen) > 1 else None)
    label = f"{OUR_NAME} {options.label}".strip() if options.label else ""
    client = options.client
    if client is not None and client == surroundings_of(options, ground).address:
        client = None  # this machine, by its name
    try:
        wishes = tuple(
            Wanted(
                protocol,
                number,
                None if options.external is None else options.external + number - port,
                exact=options.exact,
                label=label,
                family=Family(options.family),
                internal_client=client,
                allow_from=tuple(options.allow_from or ()),
                lifetime=options.lease,
            )
            for number in numbers
            for protocol in chosen
        )
    except LocalError as error:
        raise Trouble(Exit.USAGE, str(error)) from error
    return wishes, rule if options.set else None


def _protocols(options: argparse.Namespace) -> tuple[Protocol, ...]:
    """Those that are named, or meant by a set.

    Raises:
        Trouble: the set is one of other protocols.
    """
    chosen: tuple[Protocol, ...] = options.port[1] or (BOTH if options.set == "same" else (Protocol.UDP,))
    if options.set == "same" and chosen != BOTH:
        raise Trouble(Exit.USAGE, "--set same is for UDP and TCP together: give PORT or PORT/both")
    if options.set == "pair" and len(chosen) != 1:
        raise Trouble(Exit.USAGE, "--set pair is for two ports of one protocol: give PORT/udp or PORT/tcp")
    return chosen


def judged(mappings: list[MappingSnapshot], snapshot: MapperSnapshot) -> Exit:
    """How it went, over all of them: "cannot verify" is no failure, "not there" is one."""
    granted = [each for each in mappings if each.state is MappingState.ACCEPTED]
    if not granted:
        return Exit.REFUSED
    fell = any(proof.holds is False for each in granted for proof in each.evidence)
    fell = fell or any(
        each.filtering and each.filtering.truth is FilterTruth.NOT_ENFORCED for each in granted
    )
    ipv4 = any(each.family is Family.IPV4 for each in granted)
    if len(granted) < len(mappings) or fell or (ipv4 and snapshot.external_address is None):
        return Exit.PARTLY
    return Exit.OK


def show(mappings: list[MappingSnapshot], snapshot: MapperSnapshot, out: Output, *, proved: bool) -> None:
    address = snapshot.reported_address
    out.say(f"Gateway: {gateway_words(snapshot)}")
    out.say()
    rows = [
        (
            each.protocol.value,
            place(each.external_address or address, each.external_port) if each.external_port else "-",
            port_words(each.internal_port, each.internal_client),
            lease_words(each),
            how_far(each),
        )
        for each in mappings
    ]
    out.table(("protocol", "external", "leads to port", "lease", "how far"), rows, good=1)
    for each in mappings:
        for proof in _telling(each):
            said = proof.rung.value if proof.holds else f"not {proof.rung.value}"
            out.say(f"{each.protocol.value} {each.internal_port} is {said}: {clean(proof.words)}")
        if each.filtering is not None:
            out.say(f"{each.protocol.value} {each.internal_port} lets in {filter_words(each)}")
    remarks: dict[str, list[str]] = {}
    for each in mappings:
        remarks.setdefault(_advice(each, proved), []).append(f"{each.protocol.value} {each.internal_port}")
    for remark, whose in remarks.items():
        if remark:
            out.note(f"{', '.join(whose)}: {remark}")
    if snapshot.external_address is None and any(each.family is Family.IPV4 for each in mappings):
        out.note(address_words(snapshot))


def _telling(mapping: MappingSnapshot) -> list[Evidence]:
    """The evidence worth a line: the highest rung that holds, and what does not hold."""
    told = [each for each in mapping.evidence if each.rung is not Rung.REQUESTED]
    highest = [each for each in told if each.rung is mapping.rung and each.holds]
    return [*highest, *(each for each in told if each.holds is False)]


def _advice(mapping: MappingSnapshot, proved: bool) -> str:
    """What to do next, in one line; empty when all is well."""
    if mapping.state is not MappingState.ACCEPTED or mapping.reason:
        unanswered = "no answer yet" if mapping.state is MappingState.REQUESTED else ""
        return clean(mapping.reason) or unanswered
    if any(each.rung is Rung.REACHABLE and each.holds is False for each in mapping.evidence):
        return NOTHING_COMES + (SIPS_OWN if mapping.external_port in SIP_PORTS else "")
    if mapping.internal_client is not None:
        return "it leads to another machine, which must be listening there; nobody is asked to knock at it"
    if proved and mapping.rung is not Rung.REACHABLE:
        words = next(
            (each.words for each in mapping.evidence if each.rung is Rung.REACHABLE), "no answer yet"
        )
        return f"nobody could tell whether it can be reached: {clean(words)}"
    if mapping.filtering is not None and mapping.filtering.truth is FilterTruth.WORD:
        return "whether strangers are kept out shows when hosts on both sides have tried (--echo HOST, twice)"
    if mapping.rung is Rung.ACCEPTED and not proved:
        return _unverified(mapping)
    return ""


def _unverified(mapping: MappingSnapshot) -> str:
    """What to do about one of which nothing but the gateway's yes is known."""
    looked = [each.words for each in mapping.evidence if each.rung is Rung.LISTED]
    if looked and NO_LOOKING not in looked[0]:  # its table was read already, and does not tell
        words = clean(looked[0].removeprefix("cannot verify: "))
        return f"the gateway said yes; {words}; --echo HOST has it tried from outside"
    return "the gateway said yes; 'nat explain' has its table read, --echo HOST has it tried from outside"


def document(mappings: list[MappingSnapshot], snapshot: MapperSnapshot) -> dict[str, Any]:
    return {
        "gateway": shapes.gateway(snapshot),
        "external": shapes.external(snapshot),
        "mappings": [shapes.mapping(each, snapshot.reported_address) for each in mappings],
        "counters": dict(snapshot.counters),
    }
