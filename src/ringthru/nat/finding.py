"""``status``, ``list`` and ``profile``: looking, without changing anything on a gateway."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..net.spans import span
from ..net.values import replace
from ..portmap.memory.holding import JournalEntry
from ..portmap.snapshots import MapperSnapshot
from ..portmap.values import Family, GatewayEntry, GatewayListing, Protocol
from . import memory, shapes
from .output import Output
from .place import Ground
from .session import Session
from .words import (
    Exit,
    clean,
    gateway_words,
    kind_sentence,
    only_from,
    place,
    port_words,
    protocol_words,
)

Remembered = list[tuple[JournalEntry, bool | None]]  # and whether the gateway's table has it; None: untold


async def status(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """The gateway, the address, what we remember, and whether that is still there."""
    snapshot, rows, blank = await _look(options, ground, out)
    bad = blank or any(listed is False for _, listed in rows) or snapshot.external_address is None
    code = Exit.NO_GATEWAY if snapshot.type is None else Exit.PARTLY if bad else Exit.OK
    if options.metrics:
        seen = snapshot, [listed for _, listed in rows]
        if not options.every_interface:  # else it is said for all at once: see ``everywhere``
            out.raw(metrics_text({"": seen}))
        return code, {"metrics": seen}
    _show_status(snapshot, rows, out)
    if blank:
        out.note(BLANK)
    document = {
        "gateway": shapes.gateway(snapshot),
        "external": shapes.external(snapshot),
        "chain": [shapes.gateway(each) for each in snapshot.chain],
        "mappings": [shapes.remembered(each, listed) for each, listed in rows],
        "counters": dict(snapshot.counters),
    }
    return code, document


async def _look(
    options: argparse.Namespace, ground: Ground, out: Output
) -> tuple[MapperSnapshot, Remembered, bool]:
    """The gateway, and what is remembered; True when its table is empty, and should not be."""
    async with Session(options, ground, store_path(options), mapping=False) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict(needed=not options.metrics)
        remembered = memory.of_this_line(memory.lasting(session.store), options)
        listing: GatewayListing | None = None
        if remembered:
            with out.waiting("reading the gateway's table …"):
                listing = await session.listing(512)
        here, own = memory.identity(snapshot), session.surroundings.address
    on_it = [memory.is_here(each, here, own) for each in remembered]
    rows = [
        (each, _is_listed(each, listing, own) if there else None)
        for each, there in zip(remembered, on_it, strict=True)
    ]
    return snapshot, rows, _is_blank(listing) and any(on_it)


def _show_status(snapshot: MapperSnapshot, rows: Remembered, out: Output) -> None:
    facts = [
        ("Gateway", gateway_words(snapshot)),
        ("External address", clean(snapshot.reported_address or "unknown")),
        ("That is", kind_sentence(snapshot)),
        ("Learned", "; ".join(snapshot.learned) or "nothing out of the ordinary"),
    ]
    facts += [(f"Beyond it, {at}", gateway_words(each)) for at, each in enumerate(snapshot.chain, 1)]
    out.facts(facts)
    out.say()
    if rows:
        _show_remembered([_memory_row(each, listed) for each, listed in rows], out)
    else:
        out.say("No mappings are remembered.")


Seen = tuple[MapperSnapshot, list[bool | None]]  # and of each remembered mapping, whether it is listed


def metrics_text(seen: Mapping[str, Seen]) -> str:
    """What engines show, by interface, and what the journal remembers: not the engines' of this moment."""
    from ..net.exposition import Metric, by_name, exposition  # late: seldom asked for
    from ..portmap.metrics import PREFIX, metrics

    remembered = Metric("remembered", "gauge", "Mappings in the journal, by the gateway's own table.")
    words = {True: "listed", False: "not listed", None: "cannot tell"}
    samples = [
        (remembered.name, ((("interface", name),) if name else ()) + (("table", said),), listed.count(holds))
        for name, (_, listed) in seen.items()
        for holds, said in words.items()
    ]
    snapshots = {name: snapshot for name, (snapshot, _) in seen.items()}
    engine = metrics(snapshots, without=("mapping_enabled",))  # one that only looks maps nothing
    return engine + exposition(by_name(remembered), samples, PREFIX)


BLANK: Final = (
    "The gateway's table is empty: it has lost them, or is one of those that never show an entry;"
    " 'ringthru nat explain' finds out which."
)
MEMORY_COLUMNS: Final = ("protocol", "external", "leads to port", "lease left", "listed", "gateway", "label")


def _show_remembered(rows: list[tuple[str, ...]], out: Output) -> None:
    """All on one gateway: then it is said once, and the table fits a terminal of 80 columns."""
    at = MEMORY_COLUMNS.index("gateway")
    gateways = {row[at] for row in rows}
    if len(gateways) > 1:
        out.table(MEMORY_COLUMNS, rows, good=1)
        return
    out.say(f"Remembered, on {gateways.pop()}:")
    columns, *shorter = (row[:at] + row[at + 1 :] for row in (MEMORY_COLUMNS, *rows))
    out.table(columns, shorter, good=1)


def _memory_row(entry: JournalEntry, listed: bool | None) -> tuple[str, ...]:
    holding = entry.holding
    left = memory.left(entry)
    return (
        holding.protocol.value,
        f"flow to {clean(holding.remote)}" if holding.remote else str(holding.external_port),
        port_words(holding.internal_port, holding.internal_client),
        "no end" if left is None else span(left),
        {True: "yes", False: "NO", None: "cannot tell"}[listed],
        f"{clean(entry.gateway.address)} by {protocol_words(entry.gateway.type)}",
        " ".join(filter(None, (clean(holding.description), only_from(holding.allow_from)))) or "-",
    )


def _is_listed(entry: JournalEntry, listing: GatewayListing | None, own: str) -> bool | None:
    """Whether the gateway's table has it, leading here; None when the table does not tell."""
    if entry.holding.family is Family.IPV6 or entry.holding.remote:
        return None  # neither pinholes nor flows are in a table that can be read
    if listing is not None and _row_of(entry, own) in map(_same, listing.entries):
        return True
    return False if listing is not None and listing.complete and not _is_blank(listing) else None


def _is_blank(listing: GatewayListing | None) -> bool:
    """Whether its table is empty: some gateways never show an entry (LI06), so that this proves nothing."""
    return listing is not None and listing.complete and not listing.entries


Row = tuple[Protocol, int, str, int]  # external port, internal client and port


def _row_of(entry: JournalEntry, own: str) -> Row:
    """What it would be in the gateway's table. Only UPnP writes our name there, so our own notes count."""
    made = entry.holding
    client = made.internal_client or entry.own_address or own
    return made.protocol, made.external_port, client, made.internal_port


def _same(entry: GatewayEntry) -> Row:
    return entry.protocol, entry.external_port, entry.internal_client, entry.internal_port


async def list_table(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """The gateway's own table."""
    async with Session(options, ground, store_path(options), mapping=False) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict()
        with out.waiting("reading the gateway's table …"):
            listing = await session.listing(options.limit)
        own = session.surroundings.address
    written = {_row_of(each, own): each.holding.allow_from for each in memory.entries(store_path(options))}
    entries = [each if each.ours else replace(each, ours=_same(each) in written) for each in listing.entries]
    for_some = [written.get(_same(each), ()) for each in entries]
    out.say(f"Gateway: {gateway_words(snapshot)}")
    out.say()
    if rows := [_entry_row(each, allowed) for each, allowed in zip(entries, for_some, strict=True)]:
        out.table(("", "protocol", "external", "leads to", "lease left", "description"), rows, good=0)
    elif listing.complete:
        out.say("The table is empty.")
    if not listing.complete:
        out.note(f"The list may not be complete: {clean(listing.reason)}.")
    document = {
        "gateway": shapes.gateway(snapshot),
        "entries": [shapes.entry(each, allowed) for each, allowed in zip(entries, for_some, strict=True)],
        "complete": listing.complete,
        "reason": listing.reason,
    }
    return (Exit.OK if listing.complete else Exit.PARTLY), document


def _entry_row(entry: GatewayEntry, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """One line of the gateway's table; ``allowed`` are the networks that it lets in, none: everybody."""
    return (
        "ours" if entry.ours else "",
        entry.protocol.value,
        str(entry.external_port),
        place(entry.internal_client, entry.internal_port),
        "no end" if entry.lifetime is None else span(entry.lifetime),
        " ".join(filter(None, (clean(entry.description), only_from(allowed)))) or "-",
    )


def store_path(options: argparse.Namespace) -> Path:
    """Where the journal is."""
    path: Path = options.store or memory.default_path()
    return path
