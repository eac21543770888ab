"""The journal, as the command line uses it: what is remembered, what was removed, what is to stay.

Lives here: which entries are this gateway's. Never here: SQL, or orders to a gateway.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..net.surroundings import Surroundings
from ..net.values import replace
from ..portmap.errors import LocalError
from ..portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ..portmap.memory.journal import SLACK, same_gateway, seconds_left
from ..portmap.memory.store_driver import Store
from ..portmap.values import MapperSnapshot, MappingSnapshot
from .trouble import Trouble
from .words import Exit


def default_path() -> Path:
    """Where the journal is unless ``--store`` says otherwise (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "ringthru" / "nat.sqlite3"


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """The journal, for as long as it takes.

    Raises:
        Trouble: it cannot be opened or made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store = Store(path)
    except (LocalError, OSError) as error:
        raise Trouble(Exit.LOCAL, f"the journal {path} cannot be used: {error}") from error
    try:
        yield store
    finally:
        store.close()


def entries(path: Path) -> list[JournalEntry]:
    """All that is remembered; nothing, and no new file, where there is no journal."""
    if not path.exists():
        return []
    with opened(path) as store:
        return store.entries()


def living(path: Path, remembered: list[JournalEntry]) -> frozenset[str]:
    """The owners among them that still run."""
    if not path.exists():
        return frozenset()
    with opened(path) as store:
        return store.living(remembered)


def identity(snapshot: MapperSnapshot) -> GatewayIdentity | None:
    """The gateway in use, as far as a snapshot tells."""
    if snapshot.type is None or snapshot.gateway is None:
        return None
    return GatewayIdentity(snapshot.type, snapshot.gateway, "", snapshot.fingerprint)


def is_here(entry: JournalEntry, gateway: GatewayIdentity | None, own_address: str) -> bool:
    """Whether this gateway may hold it for us, whatever protocol it is asked by."""
    if gateway is None or entry.own_address not in ("", own_address):
        return False
    return same_gateway(entry.gateway, gateway) or entry.gateway.address == gateway.address


def has_ended(entry: JournalEntry, now: float | None = None) -> bool:
    """Whether its lease is over on every clock."""
    now = time.time() if now is None else now
    return bool(entry.holding.lifetime) and now > entry.at + entry.holding.lifetime + SLACK


def left(entry: JournalEntry) -> float | None:
    """Seconds its lease still has; None for ever."""
    return seconds_left(entry, time.time())


def keep_on(
    path: Path, surroundings: Surroundings, snapshot: MapperSnapshot, mappings: list[MappingSnapshot]
) -> None:
    """Note that these mappings are to stay though their maker ends; to be called when it has ended.

    What the engine wrote of them (a nonce, a reference) is kept.
    """
    gateway = identity(snapshot)
    if gateway is None:
        return
    with opened(path) as store:
        written = store.entries()
        for mapping in mappings:
            made = _entry(mapping, gateway, surroundings.address)
            same = (each for each in written if each.holding.key == made.holding.key and not each.owner)
            known = next((each for each in same if same_gateway(each.gateway, gateway)), made)
            store.keep(replace(known, kept=True, owner=""))


def strike_out(path: Path, struck: list[JournalEntry]) -> None:
    """Forget what no gateway holds any more."""
    if struck and path.exists():
        with opened(path) as store:
            for entry in struck:
                store.forget(entry.holding, entry.gateway)


def _entry(mapping: MappingSnapshot, gateway: GatewayIdentity, own_address: str) -> JournalEntry:
    lifetime = 0 if mapping.lifetime_left is None else max(1, round(mapping.lifetime_left))
    holding = Holding(
        mapping.family,
        mapping.protocol,
        mapping.internal_client or "",
        mapping.internal_port,
        mapping.external_port or mapping.internal_port,
        lifetime,
        mapping.label,
        granted=True,
    )
    return JournalEntry(holding, gateway, time.time(), kept=True, own_address=own_address)
