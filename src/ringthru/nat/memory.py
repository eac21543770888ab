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
from typing import Final

from ..net.values import replace
from ..portmap.errors import LocalError
from ..portmap.memory.holding import GatewayIdentity, JournalEntry
from ..portmap.memory.journal import SLACK, same_gateway, seconds_left
from ..portmap.memory.memory_driver import named
from ..portmap.memory.profile import GatewayProfile
from ..portmap.memory.profile_codec import words as profile_words
from ..portmap.memory.store_driver import Store
from ..portmap.snapshots import MapperSnapshot, MappingSnapshot
from ..portmap.values import Family, Protocol
from .trouble import Trouble
from .words import Exit

ELSEWHERE: Final = "--store PATH names another one"


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
    except LocalError as error:
        raise Trouble(Exit.LOCAL, f"{error}; {ELSEWHERE}") from error
    except OSError as error:
        raise Trouble(
            Exit.LOCAL, f"the journal {path} cannot be made: {error.strerror}; {ELSEWHERE}"
        ) from error
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


def check_written(path: Path, granted: list[MappingSnapshot]) -> None:
    """Whether all that is granted is remembered: what nobody remembers nobody takes back.

    Raises:
        Trouble: something is not, as when the disk is full.
    """
    known = {_place(each) for each in entries(path)}
    lost = [each for each in granted if each.external_port and _shown_place(each) not in known]
    if lost:
        names = ", ".join(f"{each.protocol.value} {each.internal_port}" for each in lost)
        words = f"the journal {path} does not take {names} (is the disk full?), so that it was taken back"
        raise Trouble(Exit.LOCAL, f"{words}; {ELSEWHERE}")


def held_by_others(path: Path, granted: list[MappingSnapshot]) -> bool:
    """Whether another process that runs renews one of these, and will delete it when it ends."""
    places = set(map(_shown_place, granted))
    return bool(living(path, [each for each in entries(path) if not each.kept and _place(each) in places]))


def still_written(path: Path, ended: list[MappingSnapshot]) -> int:
    """How many of these a gateway may hold, though nobody wants them: not counting what others keep."""
    places = set(map(_shown_place, ended))
    ours = [each for each in lasting(path) if not each.kept and _place(each) in places]
    others = living(path, ours)
    return sum(each.owner not in others for each in ours)


def _place(entry: JournalEntry) -> tuple[Family, Protocol, int, str]:
    held = entry.holding
    return held.family, held.protocol, held.internal_port, held.internal_client


def _shown_place(shown: MappingSnapshot) -> tuple[Family, Protocol, int, str]:
    return shown.family, shown.protocol, shown.internal_port, shown.internal_client or ""


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
    """With what only an engine with the journal shows: the gateway's fingerprint, and what was learned.

    A journal that cannot be used tells nothing: who needs it finds out by itself.
    """
    here = identity(snapshot)
    if here is None:
        return snapshot
    try:
        learned = learned_of(path, here.fingerprint)
    except Trouble:
        learned = ()
    return replace(snapshot, fingerprint=here.fingerprint, learned=learned)


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
