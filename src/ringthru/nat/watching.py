"""``watch``, and the waiting of ``add --hold``: what happens, as it happens, and the leases counting down."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..net.spans import span
from ..net.values import frozen
from ..portmap.events import (
    EpochChanged,
    ExternalAddressChanged,
    FilterJudged,
    GatewayFound,
    GatewayLost,
    MappingAdded,
    MappingFailed,
    MappingFell,
    MappingProven,
    MappingRemoved,
    NoGateway,
    PeerAdded,
    PeerFailed,
    PeerRemoved,
)
from ..portmap.group.values import GroupEvent, InterfaceAdded, InterfaceRemoved, StandingBy, StandingIn
from ..portmap.memory.holding import JournalEntry
from ..portmap.snapshots import MapperSnapshot
from ..portmap.values import Protocol
from . import memory, shapes
from .output import Output
from .place import Ground
from .session import Session
from .words import Exit, address_words, clean, gateway_words, lease_words, place, protocol_words

TICK: Final = 1.0  # seconds between two drawings
STATE_EVERY: Final = 60.0  # seconds between two objects "state" of --json
SHOWN: Final = 12  # events on a terminal

Sight = tuple[str, MapperSnapshot]  # an interface, and what is there


async def watch(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Events until interrupted; a gateway that is not there is waited for."""
    store = options.store or memory.default_path()
    async with Session(options, ground, store, mapping=False) as session:
        await hold(watched_session(session), out)
    return Exit.OK, {}


@frozen
class Watched:
    """What is watched: one gateway, or those of several interfaces."""

    store: Path  # the journal
    sights: Callable[[], list[Sight]]  # what there is now; the interface is empty where there is one gateway
    subscribe: Callable[[Callable[[str, GroupEvent], None]], Callable[[], None]]  # heard: interface, event


def watched_session(session: Session) -> Watched:
    """The only gateway there is."""
    return Watched(
        session.store,
        lambda: [("", session.mapper.snapshot())],
        lambda hear: session.subscribe(lambda event: hear("", event)),
    )


async def hold(watched: Watched, out: Output) -> None:
    """Show events and leases until SIGINT or SIGTERM, or until nobody reads them any more."""
    told: deque[str] = deque(maxlen=SHOWN)

    def tell(interface: str, event: GroupEvent) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {_at(interface)}{event_words(event)}"
        told.append(line)
        out.line(shapes.event(event, time.time(), interface))
        if not live:
            out.say(line)

    with interrupted() as end, out.live() as live:
        unsubscribe = watched.subscribe(tell)
        if not live:
            gateways = "; ".join(f"{_at(name)}{gateway_words(seen)}" for name, seen in watched.sights())
            out.say(f"Watching; Ctrl-C ends it. Gateway: {gateways or 'none'}")
        await _until_the_end(watched, out, end, lambda: live and live(_picture(watched, told)))
        unsubscribe()


def _at(interface: str) -> str:
    return f"{interface}: " if interface else ""


async def _until_the_end(
    watched: Watched, out: Output, end: asyncio.Event, draw: Callable[[], object]
) -> None:
    loop = asyncio.get_running_loop()
    state_at = loop.time()
    while not end.is_set() and out.is_read:
        draw()
        if loop.time() >= state_at:
            state_at = loop.time() + STATE_EVERY
            out.line(_state(watched))
        try:
            async with asyncio.timeout(TICK):
                await end.wait()
        except TimeoutError:
            continue


@contextmanager
def interrupted() -> Iterator[asyncio.Event]:
    """Set when somebody wants the end: SIGINT or SIGTERM."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    try:
        yield end
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _state(watched: Watched) -> dict[str, Any]:
    sights = watched.sights()
    told = {"event": "state", "at": round(time.time(), 3)}
    if len(sights) == 1 and not sights[0][0]:
        told |= _sight(sights[0][1])
    else:
        told["interfaces"] = [{"interface": name, **_sight(seen)} for name, seen in sights]
    return told | {"remembered": [shapes.remembered(each, None) for each in memory.lasting(watched.store)]}


def _sight(snapshot: MapperSnapshot) -> dict[str, Any]:
    return {
        "gateway": shapes.gateway(snapshot),
        "external": shapes.external(snapshot),
        "mappings": [shapes.mapping(each, snapshot.reported_address) for each in snapshot.mappings],
        "counters": dict(snapshot.counters),
        "peers": [shapes.peer(each) for each in snapshot.peers],
    }


def _picture(watched: Watched, told: deque[str]) -> str:
    """What a terminal shows: gateways, addresses, leases, the latest events."""
    lines: list[str] = []
    held: set[tuple[Protocol, int]] = set()
    for name, snapshot in watched.sights():
        lines += ([f"{name}:"] if name else []) + _gateway_lines(snapshot)
        held |= {(each.protocol, each.internal_port) for each in snapshot.mappings}
    for entry in memory.lasting(watched.store):
        if (entry.holding.protocol, entry.holding.internal_port) not in held:
            lines.append(_remembered_line(entry))
    return "\n".join([*lines, "", *told, "", "Ctrl-C ends it."])


def _gateway_lines(snapshot: MapperSnapshot) -> list[str]:
    lines = [
        f"Gateway           {gateway_words(snapshot)}",
        f"External address  {address_words(snapshot)}",
        "",
    ]
    for each in snapshot.mappings:
        where = place(each.external_address or snapshot.reported_address, each.external_port)
        state = f"{each.state.value}, {each.rung.value}"
        lines.append(
            f"  {each.protocol.value} {each.internal_port:>5}  {where:<24}  {lease_words(each):>9}  {state}"
        )
    for flow in snapshot.peers:
        kept = f", kept at {flow.near}" if flow.near is not None and flow.external is None else ""
        seen = f"{flow.remote} sees {flow.external or '?'}{kept}"
        lines.append(f"  {flow.protocol.value} {flow.internal_port:>5}  {seen}")
    return lines


def _remembered_line(entry: JournalEntry) -> str:
    holding, left = entry.holding, memory.left(entry)
    ends = "no end" if left is None else span(left)
    what = f"flow to {clean(holding.remote)}" if holding.remote else f"port {holding.external_port}"
    where = f"{what} on {clean(entry.gateway.address)}"
    return f"  {holding.protocol.value} {holding.internal_port:>5}  {where:<24}  {ends:>9}  remembered"


def event_words(event: GroupEvent) -> str:
    """One event as a line."""
    match event:
        case GatewayFound(type=kind, gateway=address, external_address=external):
            outside = f"external address {clean(external)}" if external else "no public external address"
            return f"gateway {clean(address)} found by {protocol_words(kind)}; {outside}"
        case NoGateway():
            return "no gateway answers; looking on"
        case GatewayLost(reason=reason):
            return f"the gateway is lost: {clean(reason)}"
        case EpochChanged(words=words):
            return f"the gateway lost its state: {clean(words)}"
        case PeerAdded(protocol=protocol, internal_port=port, remote=remote, external=external, whole=whole):
            who = remote if whole else f"on the way to {remote} the next NAT"
            return f"{who} sees {protocol.value} {port} at {external}"
        case PeerRemoved(protocol=protocol, internal_port=port, remote=remote):
            return f"the flow of {protocol.value} {port} to {remote} is kept alive no more"
        case PeerFailed(protocol=protocol, internal_port=port, remote=remote, reason=reason):
            return f"the flow of {protocol.value} {port} to {remote} cannot be kept: {clean(reason)}"
        case ExternalAddressChanged(previous=previous, current=current):
            return (
                f"the external address changed from {clean(previous or 'none')} to {clean(current or 'none')}"
            )
        case MappingFailed(protocol=protocol, internal_port=port, reason=reason):
            return f"{protocol.value} {port} was refused: {clean(reason)}"
        case MappingAdded(protocol=protocol, internal_port=port, external_port=external_port):
            return f"{protocol.value} {port} is mapped to external port {external_port}"
        case MappingRemoved(protocol=protocol, internal_port=port, external_port=external_port):
            return f"{protocol.value} {port} is not mapped any more (external port {external_port})"
        case MappingProven(protocol=protocol, internal_port=port, rung=rung, words=words):
            return f"{protocol.value} {port} is {rung.value}: {clean(words)}"
        case MappingFell(protocol=protocol, internal_port=port, rung=rung, words=words):
            return f"{protocol.value} {port} is not {rung.value} any more: {clean(words)}"
        case FilterJudged(protocol=protocol, internal_port=port, truth=truth, words=words):
            return f"the filter of {protocol.value} {port} is {truth.value}: {clean(words)}"
        case InterfaceAdded(address=own):
            return f"a gateway is looked for from {own}"
        case InterfaceRemoved():
            return "the interface is gone"
        case StandingBy(instead=instead):
            return f"leads to the gateway of {instead}, which serves it: nothing is mapped twice"
        case StandingIn():
            return "serves the gateway from now on"
        case _:
            return clean(str(event))
