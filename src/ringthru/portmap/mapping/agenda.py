"""What is due: mappings to ask for, and mappings to look at.

Lives here: the order of work, read off the calendar each time. Never here: what an answer leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..gateway.orders import BLOCK, SHARED, Order
from ..values import MappingState, Protocol
from .lease import MOST_PORTS_TRIED, Lease
from .ledger import LeaseKey
from .outcomes import TAKEN, Outcomes
from .terms import Terms

LULL: Final = (
    0.02  # seconds without a new mapping before any is looked at: what is mapped in turn comes first
)
MANY: Final = 4  # looks in one block of ports: then one listing of that block is less than a look at each

Work = tuple[Order, Lease | None]  # None: of no lease in the book


class Agenda:
    """Over the leases of one book; ``leases`` is the book's own record of them."""

    def __init__(self, leases: Mapping[LeaseKey, Lease], terms: Terms, outcomes: Outcomes) -> None:
        self._leases = leases
        self._terms = terms
        self._calendar = terms.calendar
        self._outcomes = outcomes

    def next_due(self) -> float | None:
        """When there is something to ask for, or to look at."""
        times = (self._calendar.due.first(), self._next_look())
        return min((each[0] for each in times if each is not None), default=None)

    def most_due(self, now: float) -> Lease | None:
        """The lease that has been due longest, after moving it off a port that another of ours holds."""
        for _ in range(MOST_PORTS_TRIED * (len(self._leases) + 1)):
            first = self._calendar.due.first()
            lease = first[1] if first is not None and first[0] <= now else None
            if lease is None or not self._outcomes.taken_by_us(lease):
                return lease
            self._outcomes.declined(lease, TAKEN, now)
        return None

    def next_check(self, now: float) -> Work | None:
        """The look that is due; one at a time."""
        look = self._next_look()
        if look is None or look[0] > now:
            return None
        block = _block(look[1])
        of_many = self._calendar.looks.has(MANY, now + SHARED, lambda lease: _block(lease) == block)
        return look[1].inspect_order(of_many), look[1]

    def words(self, lease: Lease, now: float) -> str:
        """What follows for this lease, and when."""
        if lease.due_at is None:
            return lease.reason if lease.state is MappingState.DISABLED else "waits for others"
        words = "renewed" if lease.held_port is not None else "asked again"
        check = lease.ladder.check_at
        if self._terms.reads_back is not False and check is not None and check < lease.due_at:
            return f"looked at in {check - now:.0f} s, {words} in {lease.due_at - now:.0f} s"
        return f"{words} in {max(lease.due_at - now, 0.0):.0f} s"

    def _next_look(self) -> tuple[float, Lease] | None:
        """When the next look is due, and at which lease."""
        if self._terms.reads_back is False:
            return None
        first = self._calendar.looks.first(lambda lease: lease.external_port is not None)
        return None if first is None else (max(first[0], self._calendar.granted_at + LULL), first[1])


def _block(lease: Lease) -> tuple[Protocol, int]:
    """What one listing may show together."""
    return lease.wanted.protocol, (lease.held_port or 0) // BLOCK
