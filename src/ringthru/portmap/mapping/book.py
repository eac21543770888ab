"""The book of our mappings: what is wanted, what is held, what is leaving, and what to ask for next.

What to do next is read off the state, so that nothing is queued twice, and a lost gateway leaves nothing
behind to clean up.

Lives here: who is asked for next, and what each outcome leads to.
Never here: which gateway it is, what it speaks, or how one lease keeps its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from logging import INFO
from typing import Final

from ..errors import LocalError
from ..events import Event
from ..gateway.orders import (
    Declined,
    Inspected,
    MapOrder,
    Order,
    Outcome,
    Remedy,
    UnmapOrder,
    Unmapped,
)
from ..memory.holding import Holding, Note
from ..memory.profile import GatewayProfile
from ..values import Attempt, Family, MappingSnapshot, Protocol, Wanted
from .agenda import Agenda
from .agenda import Work as Work
from .budget import DEFAULT_BUDGET, Budget, Unit
from .deletions import Deletions
from .history import answer_words, asked_words
from .lease import DISABLED_REASON, Lease, lease_key
from .ledger import LeaseKey, Ledger
from .lessons import Lessons
from .outcomes import Outcomes
from .sets import LeaseSet, SetRule, check_set
from .teller import Released as Released
from .teller import Teller
from .terms import Terms
from .verification import Verification

NO_LOOKING: Final = "the gateway's protocol has no request for its table"
UNANSWERED: Final = "the gateway may have made it all the same"


class MappingBook:
    """Every mapping of ours. ``enabled`` False: not one order to map or unmap comes out of it.

    ``lifetime`` in seconds; ``random`` gives 0 to 1; ``nonce`` 12 random bytes for each mapping; ``budget``
    is how many mappings may be held.
    """

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

    # What callers want

    def want(self, wanted: Wanted, now: float) -> Lease:
        """The lease for it; the same protocol and internal port twice is the same lease."""
        lease = self._leases.get(lease_key(wanted))
        if lease is None:
            lease = self._enter(wanted, None, now)
            self._allot(now)
        return lease

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule, now: float) -> LeaseSet:
        """Leases that count when all of them are granted; the same set twice is the same set.

        Raises:
            LocalError: a set that no gateway could grant, or a member that is mapped by itself already.
        """
        check_set(wanted, rule)
        known = [self._leases[key] for key in map(lease_key, wanted) if key in self._leases]
        if known:
            group = known[0].group
            if group is not None and len(known) == len(wanted) and group.leases == tuple(known):
                return group
            raise LocalError(f"{known[0].words} is mapped already, and cannot join another set")
        group = LeaseSet(rule, self._terms.pick_port)
        group.begin(tuple(self._enter(each, group, now) for each in wanted), now)
        self._allot(now)
        return group

    def holds(self, lease: Lease) -> bool:
        """Whether the lease is still in the book."""
        return self._leases.get(lease.key) is lease

    def release(self, lease: Lease, asked: bool, reachable: bool) -> None:
        """Take a lease out, with all of its set, to be deleted when the gateway may hold it.

        ``asked``: its order is in flight; ``reachable``: there is a gateway to ask, or may be one soon.
        """
        if not self.holds(lease):
            return
        members = (lease,) if lease.group is None else lease.group.leases
        for each in members:
            self._teller.removed(each)
        for each in members:
            self._take_out(each, (asked and each is lease) or each is self._in_flight, reachable)
        self._room_made = True

    def leases(self) -> list[Lease]:
        return list(self._leases.values())

    def set_enabled(self, enabled: bool, now: float) -> None:
        self.enabled = enabled
        for lease in self._leases.values():
            if enabled:
                lease.enable(now)
            else:
                lease.disable()
        if enabled:
            for group in self._groups():
                group.plan(now)
            self._allot(now)

    def ask_all_again(self, now: float) -> None:
        """Ask for every mapping now."""
        for lease in self._leases.values():
            lease.ask_again(now)

    def doubt_all(self, now: float) -> None:
        """The gateway lost its state, and nothing is proven any more."""
        for lease in self._leases.values():
            lease.ladder.doubted(now)

    def reached(
        self, protocol: Protocol, internal_port: int, words: str, now: float, family: Family = Family.IPV4
    ) -> None:
        """Somebody outside came through this mapping, and ``words`` say who."""
        lease = self._shown(protocol, internal_port, family)
        if lease is not None:
            self._verification.reached(lease, words, now)

    def unreachable(
        self, protocol: Protocol, internal_port: int, words: str, now: float, family: Family = Family.IPV4
    ) -> None:
        """Somebody outside tried to come through this mapping, and could not."""
        lease = self._shown(protocol, internal_port, family)
        if lease is not None:
            self._verification.unreached(lease, words, now)

    # The gateway in use, and what is known of it

    def use_profile(
        self, profile: GatewayProfile, *, reads_back: bool | None = None, speaks: str = ""
    ) -> None:
        """The ways of the gateway in use; ``reads_back``: its protocol can look at a mapping (UPnP)."""
        self._lessons.use(profile)
        if reads_back and self._terms.reads_back is False:
            for lease in self._leases.values():
                lease.ladder.look_at_once()
        self._terms.reads_back, self._terms.speaks = reads_back, speaks
        self._room_made = True

    def look_again(self, now: float) -> None:
        """Something stirs at the gateway: what it lists is read again, without being made again."""
        for lease in self._leases.values():
            lease.ladder.look_again(now)

    def learned(self) -> list[GatewayProfile]:
        """What our mappings taught us of the gateway since the last call."""
        return self._lessons.learned()

    def adopt(
        self,
        holdings: Sequence[tuple[Holding, float | None]],
        now: float,
        kept: Sequence[Holding] = (),
    ) -> None:
        """Go on with what the journal has of this gateway, with the seconds left, None: for ever.

        What is wanted lends its nonce, reference and port to its lease; the rest is deleted after a grace,
        but for what is ``kept``: a person wants that to stay, whether or not we use it too.
        """
        self._deletions.inherit(holdings, now)
        self._deletions.borrow(kept)
        for lease in self._leases.values():
            self._deletions.lend(lease)

    def notes(self) -> list[Note]:
        """What to write into the journal, before the order asked for last goes out."""
        return self._ledger.notes()

    def lose_all(self, now: float, reason: str) -> None:
        """The gateway is gone; whether its mappings went with it, nobody knows: they stay in the journal."""
        for lease in self._leases.values():
            self._outcomes.lose(lease, now, reason)
            self._ledger.leave_all(lease.key)
        self._keep_disabled()
        self._deletions.put_back()

    def end_grace(self) -> None:
        """Nobody will want what an earlier run left: delete it now."""
        self._deletions.end_grace()

    def give_up_deletions(self) -> None:
        """There is nobody to ask for them."""
        self._deletions.give_up()

    def note(self, reason: str) -> None:
        """Say why nothing is mapped, to those that were never told."""
        for lease in self._leases.values():
            lease.reason = lease.reason or reason

    # Time, and what there is to do

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

    def answered(self, order: Order, lease: Lease | None, outcome: Outcome, now: float) -> None:
        """Take what came of an order of ours."""
        self._in_flight = None
        if lease is None or not self.holds(lease):
            if isinstance(order, UnmapOrder):
                self._deletions.done(order, lease, isinstance(outcome, Unmapped))
                self._look_round(order, lease, isinstance(outcome, Unmapped), now)
            return  # else: released while the order was in flight
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
            self._ledger.forget((*lease.key, lease.port))

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

    def snapshot(self, now: float) -> tuple[MappingSnapshot, ...]:
        keys = sorted(self._leases, key=lambda key: (key[3], key[1], key[0], key[2]))
        return tuple(self._leases[key].snapshot(now) for key in keys)

    # Inside

    def _enter(self, wanted: Wanted, group: LeaseSet | None, now: float) -> Lease:
        lease = self._leases[lease_key(wanted)] = Lease(wanted, self._terms, now, group)
        self._deletions.lend(lease)
        if not self.enabled:
            self._log(INFO, DISABLED_REASON)
        return lease

    def _take_out(self, lease: Lease, asked: bool, reachable: bool) -> None:
        del self._leases[lease.key]
        self._outcomes.holders.left(lease)
        self._terms.calendar.left(lease)
        if lease.kept:
            self._ledger.leave_all(lease.key)
            self._teller.released(lease, True)
            return
        if (lease.may_remain or asked) and reachable and self.enabled:
            self._deletions.add_lease(lease)
            return
        self._ledger.leave_all(lease.key)
        self._teller.released(lease, not lease.may_remain)

    def _allot(self, now: float) -> None:
        """Give places to those who wait, and say why to those who get none."""
        self._room_made = False
        waiting = self._waiting()
        taken = len(self._leases) - sum(len(unit) for unit in waiting)
        profile = self._terms.profile
        for unit in self._budget.admissible(waiting, taken, profile):
            for lease in unit:
                lease.admit(now)
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
        alone = [lease for lease in self._leases.values() if not lease.admitted]
        groups = {id(each.group): each.group.leases for each in alone if each.group is not None}
        return [*((lease,) for lease in alone if lease.group is None), *groups.values()]

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

    def _shown(self, protocol: Protocol, internal_port: int, family: Family) -> Lease | None:
        lease = self._leases.get((family.value, protocol.value, "", internal_port))
        return lease if lease is not None and lease.external_port is not None else None

    def _record(self, order: Order, lease: Lease, answer: str, reading: str, now: float) -> None:
        asked = asked_words(order, self._terms.speaks)
        lease.history.add(Attempt(now, asked, answer, reading, self._agenda.words(lease, now)))
