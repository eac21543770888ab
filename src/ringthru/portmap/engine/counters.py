"""Counts of what was refused, by name: each is logged once in full, and only counted after that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from logging import DEBUG
from typing import Final

MOST_NAMES: Final = 96


class Counters:
    """A few named counts; what the network sends cannot make more names."""

    def __init__(self, log: Callable[[int, str], None] = lambda level, words: None) -> None:
        self._log = log
        self._counts: dict[str, int] = {}

    def count(self, name: str) -> bool:
        """Count one more; True the first time, when it is worth a log line."""
        first = name not in self._counts
        if first and len(self._counts) >= MOST_NAMES:
            return False
        self._counts[name] = self._counts.get(name, 0) + 1
        return first

    def nonsense(self, name: str, words: str) -> None:
        """Something came that is of no use: count it, and say in the log what it was if it is the first."""
        if self.count(name):
            self._log(DEBUG, words)

    def take_over(self, others: Mapping[str, int]) -> None:
        """Show what somebody else counts too, as it stands now."""
        new = [name for name, number in others.items() if number and name not in self._counts]
        del new[max(0, MOST_NAMES - len(self._counts)) :]
        self._counts.update({name: others[name] for name in others if name in self._counts or name in new})
        for name in new:
            self._log(DEBUG, f"{name} (from now on only counted)")

    def shown(self) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(self._counts.items()))
