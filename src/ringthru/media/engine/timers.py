"""When each leg wants to be run next, for all legs of one engine: a heap, as ``heap.c`` is one.

A leg's time is set with each thing it does, and mostly it is put off. So that moves no entry of the heap: one
that is found to be too early when its turn has come is put in again.

Lives here: that order. Never here: a clock, what a leg does.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import Generic, TypeVar

Timed = TypeVar("Timed")


class Timers(Generic[Timed]):
    """Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._serial = 0  # of two at one time the one that was entered first goes first
        self._wanted: dict[Timed, float] = {}
        self._entered: dict[Timed, float] = {}  # the earliest entry of each, which may be too early

    def set(self, timed: Timed, when: float | None) -> None:
        """From now on it is due then, and only then; None: never."""
        if when is None:
            self._wanted.pop(timed, None)
            return
        self._wanted[timed] = when
        if when < self._entered.get(timed, inf):
            self._enter(timed, when)

    def first(self) -> float | None:
        """When to ask for those that are ``due``; nothing is due before."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Timed]:
        """Each whose time has come, once; it is due no more unless it is set again.

        One that is set to a time that has passed already waits for the next call: it holds nobody up.
        """
        late: list[Timed] = []
        while self._heap and self._heap[0][0] <= now:
            when, _, timed = heappop(self._heap)
            if self._entered.get(timed) == when:
                del self._entered[timed]
            wanted = self._wanted.get(timed)
            if wanted is None:
                continue
            if wanted <= now:
                del self._wanted[timed]
                late.append(timed)
            elif wanted < self._entered.get(timed, inf):
                self._enter(timed, wanted)
        return late

    def _enter(self, timed: Timed, when: float) -> None:
        self._serial += 1
        heappush(self._heap, (when, self._serial, timed))
        self._entered[timed] = when
