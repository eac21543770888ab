"""``watch``, and the waiting of ``add --hold``: what happens, as it happens, and the leases counting down."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ..portmap.events import (
    EpochChanged,
    Event,
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
from ..portmap.memory.holding import JournalEntry
from . import memory, shapes
from .output import Output
from .place import Ground
from .session import Session
from .words import Exit, address_words, clean, gateway_words, lease_words, place, protocol_words, span

TICK: Final = 1.0  # seconds between two drawings
STATE_EVERY: Final = 60.0  # seconds between two objects "state" of --json
SHOWN: Final = 12  # events on a terminal


async def watch(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Events until interrupted; a gateway that is not there is waited for."""
    store = options.store or memory.default_path()
    async with Session(options, ground, store, mapping=False) as session:
        await hold(session, out)
    return Exit.OK, {}


async def hold(session: Session, out: Output) -> None:
    """Show events and leases until SIGINT or SIGTERM."""
    told: deque[str] = deque(maxlen=SHOWN)

    def tell(event: Event) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {event_words(event)}"
        told.append(line)
        out.line(shapes.event(event, time.time()))
        if not live:
            out.say(line)

    with interrupted() as end, out.live() as live:
        unsubscribe = session.subscribe(tell)
        if not live:
            out.say(f"Watching; Ctrl-C ends it. Gateway: {gateway_words(session.mapper.snapshot())}")
        await _until_the_end(session, out, end, lambda: live and live(_picture(session, told)))
        unsubscribe()


async def _until_the_end(
    session: Session, out: Output, end: asyncio.Event, draw: Callable[[], object]
) -> None:
    loop = asyncio.get_running_loop()
    state_at = loop.time()
    while not end.is_set():
        draw()
        if loop.time() >= state_at:
            state_at = loop.time() + STATE_EVERY
            out.line(_state(session))
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


def _state(session: Session) -> dict[str, Any]:
    snapshot = session.mapper.snapshot()
    return {
        "event": "state",
        "at": round(time.time(), 3),
        "gateway": shapes.gateway(snapshot),
        "external": shapes.external(snapshot),
        "mappings": [shapes.mapping(each, snapshot.reported_address) for each in snapshot.mappings],
        "counters": dict(snapshot.counters),
        "peers": [shapes.peer(each) for each in snapshot.peers],
        "remembered": [shapes.remembered(each, None) for each in _remembered(session)],
    }


def _remembered(session: Session) -> list[JournalEntry]:
    return memory.lasting(session.store)


def _picture(session: Session, told: deque[str]) -> str:
    """What a terminal shows: gateway, address, leases, the latest events."""
    snapshot = session.mapper.snapshot()
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
    held = {(each.protocol, each.internal_port) for each in snapshot.mappings}
    for entry in _remembered(session):
        holding, left = entry.holding, memory.left(entry)
        if (holding.protocol, holding.internal_port) not in held:
            ends = "no end" if left is None else span(left)
            what = f"flow to {clean(holding.remote)}" if holding.remote else f"port {holding.external_port}"
            where = f"{what} on {clean(entry.gateway.address)}"
            lines.append(
                f"  {holding.protocol.value} {holding.internal_port:>5}  {where:<24}  {ends:>9}  remembered"
            )
    return "\n".join([*lines, "", *told, "", "Ctrl-C ends it."])


def event_words(event: Event) -> str:
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
        case _:
            return clean(str(event))
