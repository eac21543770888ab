"""What the journal must know: a note before anything is sent, and one when nothing is left.

Lives here: which holdings are written down, and the notes to write. Never here: files, or which gateway.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from ...net.values import replace
from ..memory.holding import Forget, Holding, Keep, Note

_names: tuple[str, ...] = Holding.__match_args__
_but_granted: Final = attrgetter(*(name for name in _names if name != "granted"))

HoldingKey = tuple[str, str, str, int, int, str, tuple[str, ...]]
LeaseKey = tuple[str, str, str, int]  # family, protocol, internal client, internal port


class Ledger:
    """Whoever drains ``notes()`` writes them down before the order that caused them goes out."""

    def __init__(self) -> None:
        self._kept: dict[HoldingKey, Holding] = {}
        self._keys: dict[LeaseKey, list[HoldingKey]] = {}  # of what is kept, by lease
        self._notes: dict[HoldingKey, Note] = {}  # the latest for each: an older one is outdated
        self._doomed: set[HoldingKey] = set()  # to be deleted: no lease's any more
        self._for_good: set[LeaseKey] = set()  # a person wants these to stay

    def keep(self, holding: Holding) -> None:
        self._keep(holding.key, holding)

    def _keep(self, key: HoldingKey, holding: Holding) -> None:
        self._doomed.discard(key)
        urgent = not _confirms(self._kept.get(key), holding)
        self._enter(key, holding)
        self._write(key, Keep(holding, key[:4] in self._for_good, urgent))

    def keep_for_good(self, holding: Holding) -> None:
        """A person wants it to stay: whatever is written down for that lease says so."""
        self._for_good.add(holding.key[:4])
        self.keep(holding)

    def settled(self, holding: Holding) -> None:
        """This is what the gateway holds for the lease, and nothing else that was asked for it."""
        held = holding.key
        for key in self._of(held[:4]):
            if key != held:
                self.forget(key)
        self._keep(held, holding)

    def doom(self, key: HoldingKey) -> None:
        """It is to be deleted, and stays written down until that is done, whatever its lease does."""
        if key in self._kept:
            self._doomed.add(key)

    def doom_all(self, lease: LeaseKey) -> list[HoldingKey]:
        """All of a lease that has gone: another lease may come that bears its name."""
        keys = self._of(lease)
        self._doomed.update(keys)
        return keys

    def took_over(self, holding: Holding) -> None:
        """It is in the journal already, as ours."""
        self._enter(holding.key, holding)

    def forget(self, key: HoldingKey) -> None:
        """No gateway holds it; of what was never written down there is nothing to strike out."""
        self._doomed.discard(key)
        holding = self._drop(key)
        if holding is not None:
            self._write(key, Forget(holding))

    def forget_all(self, lease: LeaseKey) -> None:
        for key in self._of(lease):
            self.forget(key)

    def strike(self, holding: Holding) -> None:
        """Strike out what an earlier run wrote down."""
        self._enter(holding.key, holding)
        self.forget(holding.key)

    def leave(self, key: HoldingKey) -> None:
        """It may still be there: it stays in the journal, for the next time that gateway is met."""
        self._doomed.discard(key)
        self._drop(key)

    def leave_all(self, lease: LeaseKey) -> None:
        for key in self._of(lease):
            self.leave(key)

    def notes(self) -> list[Note]:
        """Drain them, oldest first."""
        if not self._notes:
            return []
        notes, self._notes = list(self._notes.values()), {}
        return notes

    def _of(self, lease: LeaseKey) -> list[HoldingKey]:
        return [key for key in self._keys.get(lease, ()) if key not in self._doomed]

    def _enter(self, key: HoldingKey, holding: Holding) -> None:
        if key not in self._kept:
            self._keys.setdefault(key[:4], []).append(key)
        self._kept[key] = holding

    def _drop(self, key: HoldingKey) -> Holding | None:
        holding = self._kept.pop(key, None)
        if holding is not None:
            keys = self._keys[key[:4]]
            keys.remove(key)
            if not keys:
                del self._keys[key[:4]]
        return holding

    def _write(self, key: HoldingKey, note: Note) -> None:
        before = self._notes.pop(key, None)
        if before is not None and before.urgent and not note.urgent:
            note = replace(note, urgent=True)
        self._notes[key] = note


def _confirms(written: Holding | None, granted: Holding) -> bool:
    """Whether the journal has it in the very words, but for the one that it was granted."""
    return written is not None and granted.granted and _but_granted(written) == _but_granted(granted)
