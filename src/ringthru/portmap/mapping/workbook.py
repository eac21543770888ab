"""The work on our mappings: who is asked for next, and what an answer leads to.

What to do next is read off the state, so that nothing is queued twice, and a lost gateway leaves nothing
behind to clean up.

Lives here: the turn from one order to the next. Never here: what is wanted, which gateway it is, what it
speaks, or how one lease keeps its time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..events import Event
from ..gateway.orders import (
    Declined,
    Granted,
    Inspected,
    MapOrder,
    Order,
    Outcome,
    Remedy,
    UnmapOrder,
    Unmapped,
)
from ..memory.profile import GatewayProfile
from ..snapshots import Attempt
from .agenda import Agenda
from .agenda import Work as Work
from .budget import DEFAULT_BUDGET, Budget, Unit
from .deletions import Deletions
from .history import answer_words, asked_words
from .lease import Lease
from .ledger import LeaseKey, Ledger
from .lessons import Lessons
from .outcomes import Outcomes
from .sets import LeaseSet
from .teller import Released as Released
from .teller import Teller
from .terms import Terms
from .verification import Verification

NO_LOOKING: Final = "the gateway's protocol has no request for its table"
UNANSWERED: Final = "the gateway may have made it all the same"


class WorkBook:
    """Every mapping of ours, and the work on them; see ``MappingBook`` for the settings."""

    def __init__(
        self,
        lifetime: int,
        pick_port: Callable[[], int],
        log: Callable[[int, str], None],
        enabled: bool,
        *,
        random: Callable[[], float] = lambda: 0.0,
        nonce: Callable[[], bytes] = lambda: bytes(12),
        budget: int = DEFAULT_BUDGET,
    ) -> None:
        self.enabled = enabled
        self._terms = Terms(lifetime, pick_port, random, nonce, GatewayProfile())
        self._log = log
        self._leases: dict[LeaseKey, Lease] = {}
        self._unplaced: dict[Lease, None] = {}  # those of them that have no place in the budget yet, in order
        self._teller = Teller(log)
        self._ledger = Ledger()
        self._deletions = Deletions(self._ledger, self._teller)
        self._lessons = Lessons(self._terms, log)
        self._verification = Verification(self._terms, self._lessons, self._teller)
        self._outcomes = Outcomes(
            self._leases,
            self._terms,
            self._ledger,
            self._teller,
            self._deletions,
            self._lessons,
            self._verification,
        )
        self._agenda = Agenda(self._leases, self._terms, self._outcomes)
        self._budget = Budget(budget)
        self._room_made = False  # somebody who waits may have a place now
        self._in_flight: Lease | None = None

    def holds(self, lease: Lease) -> bool:
        """Whether the lease is still in the book."""
        return self._leases.get(lease.key) is lease

    def leases(self) -> list[Lease]:
        return list(self._leases.values())

    @property
    def cleared(self) -> bool:
        """Whether nothing is left to delete."""
        return self._deletions.none_left

    def expire(self, now: float) -> None:
        self._deletions.expire(now)
        first = self._terms.calendar.ends.first()
        ended = first is not None and first[0] <= now
        for lease in self.leases() if ended else ():
            if lease.expire(now):
                self._ledger.forget_all(lease.key)
                self._outcomes.lose(lease, now, lease.reason or "the lease ended without a renewal")
        self._keep_disabled()

    def next_expiry(self) -> float | None:
        first = self._terms.calendar.ends.first()
        times = (self._deletions.next_expiry(), None if first is None else first[0])
        return min((each for each in times if each is not None), default=None)

    def next_due(self) -> float | None:
        """When there is something to ask a gateway, if there is one."""
        return self._agenda.next_due() if self.enabled else None

    def next_deletion(self) -> Work | None:
        return self._deletions.first() if self.enabled else None

    def next_mapping(self, now: float) -> Work | None:
        """The mapping that has been due longest; when none is, one to read back."""
        if not self.enabled:
            return None
        if self._room_made:
            self._allot(now)
        lease = self._agenda.most_due(now)
        self._in_flight = lease
        if lease is None:
            return self._agenda.next_check(now)
        if lease.deletes_first(now):
            return lease.unmap_order(), lease
        order = lease.order(now)
        self._ledger.keep(lease.holding())
        return order, lease

    def ask_early(self, now: float) -> tuple[MapOrder, Lease] | None:
        """What may be asked before a gateway is known; None unless all that is wanted is plain.

        From then on a gateway may hold it, whatever is heard of it.
        """
        plain = all(each.is_plain for each in self._leases.values())
        work = self.next_mapping(now) if plain and self._deletions.none_left else None
        self._in_flight = None
        if work is None or work[1] is None or not isinstance(work[0], MapOrder):
            return None
        work[1].may_remain = True
        return work[0], work[1]

    def early_refused(self, lease: Lease) -> None:
        """Nobody made what was asked early."""
        lease.may_remain = False
        if self.holds(lease):
            self._ledger.forget(lease.key_at(lease.port))

    def answered(self, order: Order, lease: Lease | None, outcome: Outcome, now: float) -> None:
        """Take what came of an order of ours."""
        self._in_flight = None
        if lease is None or not self.holds(lease):
            if isinstance(order, UnmapOrder):
                self._deletions.done(order, lease, isinstance(outcome, Unmapped))
                self._look_round(order, lease, isinstance(outcome, Unmapped), now)
            elif lease is not None and isinstance(outcome, Granted):  # released while it was asked for
                self._deletions.granted_after_all(lease, outcome)
            return
        if self._terms.reads_back is None and isinstance(outcome, Inspected) and outcome.verified:
            self._terms.reads_back = True
        reading = self._outcomes.take(order, lease, outcome, now)
        if self._terms.reads_back is False and lease.ladder.fresh:
            lease.ladder.unverifiable(NO_LOOKING, now)
        self._record(order, lease, answer_words(outcome), reading, now)
        self._keep_disabled()

    def passed_on(self, lease: Lease) -> None:
        """The gateway said no, and is asked in another way: nobody is told."""
        self._in_flight = None
        if not lease.may_remain:
            self._ledger.forget(lease.key_at(lease.port))

    def unanswered(self, order: Order, lease: Lease | None) -> None:
        """Nobody knows what came of it: a mapping may have been made, a deletion is not tried again."""
        self._in_flight = None
        if isinstance(order, UnmapOrder):
            self._deletions.done(order, lease, agreed=False)
        elif isinstance(order, MapOrder) and lease is not None:
            lease.may_remain = True
            lease.history.add(
                Attempt(lease.asked_at, asked_words(order, self._terms.speaks), "none", UNANSWERED, "")
            )

    def events(self) -> list[Event | Released]:
        return self._teller.events()

    # Inside

    def _allot(self, now: float) -> None:
        """Give places to those who wait, and say why to those who get none."""
        self._room_made = False
        waiting = self._waiting()
        taken = len(self._leases) - sum(len(unit) for unit in waiting)
        profile = self._terms.profile
        for unit in self._budget.admissible(waiting, taken, profile):
            for lease in unit:
                lease.admit(now)
                self._unplaced.pop(lease, None)
            if unit[0].group is not None:
                unit[0].group.plan(now)
        for unit in waiting:
            if not unit[0].admitted and self.enabled:
                for lease in unit:
                    lease.refuse(Declined(self._budget.words(profile), Remedy.ROOM), None)
                self._teller.failed(unit[0])
        self._keep_disabled()

    def _waiting(self) -> list[Unit]:
        """Those that have no place yet; the members of a set have one all together."""
        groups = {id(each.group): each.group.leases for each in self._unplaced if each.group is not None}
        return [*((lease,) for lease in self._unplaced if lease.group is None), *groups.values()]

    def _groups(self) -> list[LeaseSet]:
        return list({id(each.group): each.group for each in self._leases.values() if each.group}.values())

    def _keep_disabled(self) -> None:
        if not self.enabled:
            for lease in self._leases.values():
                lease.disable()

    def _look_round(self, order: UnmapOrder, released: Lease | None, agreed: bool, now: float) -> None:
        """A deletion may hit a mapping that stays (NAT-PMP deletes by internal port); it may make room."""
        place = order.protocol, order.internal_port, order.internal_client
        for lease in self._leases.values():
            wanted = lease.wanted
            same = (wanted.protocol, wanted.internal_port, wanted.internal_client) == place
            if same and agreed and lease.held_port is None:
                lease.may_remain = False
            hit = same and lease.held_port not in (None, order.external_port) and not self._terms.reads_back
            if hit or (released is not None and lease.refused_for is Remedy.ROOM):
                lease.ask_again(now)

    def _record(self, order: Order, lease: Lease, answer: str, reading: str, now: float) -> None:
        asked = asked_words(order, self._terms.speaks)
        lease.history.add(Attempt(now, asked, answer, reading, self._agenda.words(lease, now)))
