"""The journal, as the command line uses it: what is remembered, and what was removed.

Lives here: which entries are this gateway's. Never here: SQL, or orders to a gateway.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..net.values import replace
from ..portmap.errors import LocalError
from ..portmap.memory.holding import GatewayIdentity, JournalEntry
from ..portmap.memory.journal import SLACK, same_gateway, seconds_left
from ..portmap.memory.memory_driver import named
from ..portmap.memory.profile import GatewayProfile
from ..portmap.memory.profile_codec import words as profile_words
from ..portmap.memory.store_driver import Store
from ..portmap.snapshots import MapperSnapshot
from ..portmap.values import Family
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


def lasting(path: Path) -> list[JournalEntry]:
    """What a gateway may still hold; of several entries for one mapping at one address the latest."""
    latest = {(each.holding.key, each.gateway.address): each for each in entries(path) if not has_ended(each)}
    return list(latest.values())


def of_this_line(some: list[JournalEntry], options: argparse.Namespace) -> list[JournalEntry]:
    """Without what leads to us over another interface, where it is shown (``--every-interface``)."""
    return [each for each in some if each.own_address not in options.other_addresses]


def living(path: Path, remembered: list[JournalEntry]) -> frozenset[str]:
    """The owners among them that still run."""
    if not path.exists():
        return frozenset()
    with opened(path) as store:
        return store.living(remembered)


def identity(snapshot: MapperSnapshot) -> GatewayIdentity | None:
    """The gateway in use, as far as a snapshot and the kernel's neighbours tell."""
    if snapshot.type is None or snapshot.gateway is None:
        return None
    return named(GatewayIdentity(snapshot.type, snapshot.gateway, "", snapshot.fingerprint))


def with_its_kind(snapshot: MapperSnapshot, path: Path) -> MapperSnapshot:
    """With what only an engine with the journal shows: the gateway's fingerprint, and what was learned."""
    here = identity(snapshot)
    if here is None:
        return snapshot
    return replace(snapshot, fingerprint=here.fingerprint, learned=learned_of(path, here.fingerprint))


def profiles(path: Path) -> dict[str, GatewayProfile]:
    """What was learned, by fingerprint."""
    if not path.exists():
        return {}
    with opened(path) as store:
        return store.profiles()


def learned_of(path: Path, fingerprint: str) -> tuple[str, ...]:
    """What is remembered of gateways of that kind, in words."""
    known = profiles(path).get(fingerprint) if fingerprint else None
    return tuple(profile_words(known)) if known else ()


def is_here(entry: JournalEntry, gateway: GatewayIdentity | None, own_address: str, own6: str = "") -> bool:
    """Whether this gateway may hold it for us, whatever protocol it is asked by.

    A pinhole is where our IPv6 address is: no other firewall lets anybody in there.
    """
    if entry.holding.family is Family.IPV6:
        return bool(own6) and entry.own_address == own6
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


def left_of(path: Path, some: list[JournalEntry]) -> list[JournalEntry]:
    """Which of them are written down still, whoever's they are now."""
    places = {(each.holding.key, each.gateway.type, each.gateway.address) for each in entries(path)}
    return [each for each in some if (each.holding.key, each.gateway.type, each.gateway.address) in places]


def keep_no_longer(path: Path, changed: list[JournalEntry]) -> None:
    """These are not to stay any more: whoever is next may delete them."""
    if changed:
        with opened(path) as store:
            store.keep_all([replace(entry, kept=False, owner="") for entry in changed])


def strike_out(path: Path, struck: list[JournalEntry]) -> None:
    """Forget what no gateway holds any more."""
    if struck and path.exists():
        with opened(path) as store:
            for entry in struck:
                store.forget(entry.holding, entry.gateway)
