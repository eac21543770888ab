"""What we have on the gateway beyond ours: which lines of the journal are there, and taking them away.

An engine with ``nested`` takes over what the journal has of the outer gateway, and deletes at its end what
nobody wants again. So what is to be deleted there is only made nobody's, and that engine is run.

Lives here: finding those lines, and seeing what became of them. Never here: what is on our own gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..portmap.memory.holding import GatewayIdentity, JournalEntry
from ..portmap.snapshots import MapperSnapshot
from . import memory
from .flows import is_flow
from .session import Doomed

STAYS: Final = "the gateway beyond ours did not agree to delete it, or did not answer"


def identity(snapshot: MapperSnapshot) -> GatewayIdentity | None:
    """The gateway beyond ours, when one was found."""
    return memory.identity(snapshot.chain[0]) if snapshot.chain else None


def entries(
    written: Iterable[JournalEntry], snapshot: MapperSnapshot, own_address: str
) -> list[JournalEntry]:
    """What the journal has of it; nothing while it is not found."""
    there = identity(snapshot)
    if there is None:
        return []
    return [each for each in written if not is_flow(each) and memory.is_here(each, there, own_address)]


def end_of(written: Iterable[JournalEntry], chosen: Iterable[Doomed], own_address: str) -> bool:
    """Whether the journal has what our gateway's end of these leads to, on another gateway."""
    ends = {(each.protocol, each.external_port) for each in chosen}
    return any(
        (each.holding.protocol, each.holding.internal_port) in ends and each.own_address == own_address
        for each in written
        if not is_flow(each)
    )


def doomed_of(entry: JournalEntry) -> Doomed:
    """What is written down, as something to delete there."""
    made = entry.holding
    return Doomed(
        *(made.protocol, made.internal_port, made.external_port, made.family, made.description),
        gateway=entry.gateway.address,
        allow_from=made.allow_from,
    )


def outcome(store: Path, doomed: list[JournalEntry]) -> list[tuple[Doomed, str]]:
    """What became of them, now that the engine has ended: what is gone is not in the journal any more."""
    left = memory.left_of(store, doomed)
    fates = {doomed_of(each): STAYS if each in left else "" for each in sorted(doomed, key=left.__contains__)}
    return list(fates.items())  # one mapping may have been asked for by two protocols


def is_suspected(written: Iterable[JournalEntry], own_address: str, gateway: str | None) -> bool:
    """Whether the journal has something of ours on another gateway than the default one: beyond it?"""
    return any(
        each.own_address == own_address and each.gateway.address != gateway
        for each in written
        if not each.kept and not is_flow(each)
    )
