"""The instants of all leases of one book, so that after each event the earliest is at hand at once.

Lives here: when something is due, as leases write it down whenever they change their minds. Never here: why,
or what is done then.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from .lease import Lease
    from .lease_record import LeaseRecord

OUTDATED: Final = 64  # entries that may lie about beside as many as there are leases


class Times:
    """At most one instant for each lease. Of equal instants, that of the lease made first comes first."""

    def __init__(self) -> None:
        self._at: dict[Lease, float] = {}
        self._heap: list[tuple[float, int, Lease]] = []  # outdated entries too: ``_at`` knows better

    def enter(self, record: LeaseRecord, at: float | None) -> None:
        """This is its instant from now on; None: it has none."""
        lease = cast("Lease", record)  # nobody makes a record that is no lease
        if at is None:
            self._at.pop(lease, None)
        elif self._at.get(lease) != at:
            self._at[lease] = at
            heappush(self._heap, (at, lease.number, lease))
            if len(self._heap) > 2 * len(self._at) + OUTDATED:
                self._heap = [(at, lease.number, lease) for lease, at in self._at.items()]
                heapify(self._heap)

    def first(self, counts: Callable[[Lease], bool] = lambda lease: True) -> tuple[float, Lease] | None:
        """The earliest instant, of those leases that count."""
        found, passed = None, []
        while self._heap and found is None:
            at, _, lease = entry = self._heap[0]
            current = self._at.get(lease) == at
            if current and counts(lease):
                found = at, lease
                continue
            heappop(self._heap)
            if current:
                passed.append(entry)
        for entry in passed:
            heappush(self._heap, entry)
        return found

    def has(self, count: int, until: float, counts: Callable[[Lease], bool]) -> bool:
        """Whether there are so many instants until that one, of leases that count."""
        found = (lease for lease, at in self._at.items() if at <= until and counts(lease))
        return sum(1 for _ in islice(found, count)) == count


class Calendar:
    """When leases are asked for, looked at, and at their end.

    ``granted_at`` is the latest yes to any; what was seen before ``doubted_at`` may not be there any more.
    """

    def __init__(self) -> None:
        self.due, self.looks, self.ends = Times(), Times(), Times()
        self.granted_at = self.doubted_at = 0.0
        self._made = 0

    def number(self) -> int:
        """Of a new lease: they count up."""
        self._made += 1
        return self._made

    def left(self, lease: Lease) -> None:
        """It is not in the book any more."""
        for times in (self.due, self.looks, self.ends):
            times.enter(lease, None)
