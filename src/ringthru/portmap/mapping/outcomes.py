"""What an outcome leads to: a mapping held, given back, made anew, or lost, and a set with it.

Lives here: the consequences for a lease, its set, and other leases of ours. Each returns a reading, in words.
Never here: which lease is asked next, or who is admitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...net.values import replace
from ..gateway.orders import (
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    Order,
    Outcome,
    Remedy,
    UnmapOrder,
    Unmapped,
)
from ..values import Family, Protocol, Rung
from .deletions import Deletions
from .holders import Holders
from .lease import Lease
from .ledger import LeaseKey, Ledger
from .lessons import Lessons
from .sets import LeaseSet
from .teller import Teller
from .terms import Terms
from .verification import Verification

TAKEN: Final = Declined("another mapping of ours has that external port", Remedy.ANOTHER_PORT)
ONE_PROTOCOL: Final = (
    "the gateway keeps an external port for one protocol alone, and has given it to the other"
)
PROOF_OF_CLASH: Final = 2  # times that one of two was gone when the other had been made
PROOF_OF_DELETION: Final = (
    2  # renewals that failed before deleting first helped: then that is the gateway's way
)


class Outcomes:
    """Acts on the leases of one book; ``leases`` is the book's own record of them."""

    def __init__(
        self,
        leases: Mapping[LeaseKey, Lease],
        terms: Terms,
        ledger: Ledger,
        teller: Teller,
        deletions: Deletions,
        lessons: Lessons,
        verification: Verification,
    ) -> None:
        self.holders = Holders()
        self._leases = leases
        self._terms = terms
        self._ledger = ledger
        self._teller = teller
        self._deletions = deletions
        self._lessons = lessons
        self._verification = verification

    def take(self, order: Order, lease: Lease, outcome: Outcome, now: float) -> str:
        """Act on what came of an order for a lease that is in the book."""
        if isinstance(order, UnmapOrder):
            return self._deleted_to_renew(lease, isinstance(outcome, Unmapped), now)
        if isinstance(order, InspectOrder):
            self._doubt_names(order, outcome, now)
            return self._looked(lease, outcome, now)
        if isinstance(outcome, Granted):
            return self._granted(lease, outcome, now)
        if isinstance(outcome, Declined):
            if not lease.may_remain:
                self._ledger.forget(lease.key_at(lease.port))
            self.declined(lease, outcome, now)
            return "it cannot be had now" if lease.held_port is None else "it is held as it was"
        return "of no use"

    def taken_by_us(self, lease: Lease) -> bool:
        return self._other_holder(lease, lease.port) is not None

    def declined(self, lease: Lease, refusal: Declined, now: float) -> None:
        """The gateway said no, or we do to what it offers."""
        gone = lease.deleted or lease.ladder.holds(Rung.LISTED) is False
        if lease.held_port is not None and gone:
            if not lease.deleted:  # some do not list what they hold
                self._deletions.add_stray(lease, lease.held_port)
            self.lose(lease, now, refusal.reason)
        group = lease.group
        if group is not None and lease.held_port is None:
            self._set_declined(group, lease, refusal, now)
        elif lease.declined(refusal, now):
            self._teller.failed(lease)

    def lose(self, lease: Lease, now: float, reason: str) -> None:
        """It is not there any more, and a set without it counts no more; what is missing is asked for."""
        group = lease.group
        members = group.leases if group is not None and group.whole else (lease,)
        for each in members:
            self._teller.removed(each)
        if group is not None and group.whole:
            group.whole = False
            group.reason = f"{lease.words} of its set is lost: {reason}"
        lease.lose(now, reason)
        if group is not None:
            group.plan(now)

    def _granted(self, lease: Lease, grant: Granted, now: float) -> str:
        objection = self._objection(lease, grant.external_port)
        if objection is not None:
            self._give_back(lease, grant, objection, now)
            return f"given back: {objection.reason}"
        moved = lease.external_port != grant.external_port
        if moved:
            self._teller.removed(lease)
            self._leave_old_port(lease, grant.external_port)
        helped = lease.deleted and lease.failed_renewals >= PROOF_OF_DELETION
        lease.granted(grant, now)
        self.holders.took(lease)
        self._ledger.settled(lease.holding())
        self._doubt_companion(lease, now)
        if helped or lease.does_not_extend:
            self._lessons.does_not_extend()
        if lease.withheld:
            self._join(lease, now)
        elif moved:
            self._teller.added(lease)
        return "held" if not lease.withheld else "held, and does not count before all of its set are"

    def _doubt_companion(self, lease: Lease, now: float) -> None:
        """On some gateways a mapping replaces the other protocol's of the same port (AD20): look at that."""
        companion = self._companion(lease)
        if companion is not None and lease.ladder.holds(Rung.LISTED) is None and self._terms.reads_back:
            companion.ladder.check_at = now

    def _is_overwritten(self, lease: Lease) -> bool:
        """Whether each of two mappings of ours is gone whenever the other one is made."""
        companion = self._companion(lease)
        if companion is None or companion.asked_at < lease.asked_at:
            return False
        lease.clashes += 1
        return lease.clashes + companion.clashes >= PROOF_OF_CLASH

    def _companion(self, lease: Lease) -> Lease | None:
        """The other protocol's mapping of ours at the same external port; pinholes have none."""
        wanted, port = lease.wanted, lease.held_port
        if wanted.family is Family.IPV6 or port is None:
            return None
        others = (self.holders.holder(each, port) for each in Protocol if each is not wanted.protocol)
        return next((each for each in others if each is not None), None)

    def _make_way(self, lease: Lease, now: float) -> str:
        """Only one protocol can have the port: this one asks for another, if any will do."""
        fixed = lease.wanted.exact or (lease.group is not None and lease.group.numbered)
        remedy = Remedy.LATER if fixed else Remedy.ANOTHER_PORT
        self.lose(lease, now, ONE_PROTOCOL)
        self.declined(lease, Declined(ONE_PROTOCOL, remedy), now)
        return "overwritten by our mapping of the other protocol"

    def _leave_old_port(self, lease: Lease, port: int) -> None:
        """Over UPnP the mapping on the port it had is another one, and is deleted; else it moved."""
        old = lease.held_port
        if self._terms.reads_back and old is not None and old != port and not lease.deleted:
            self._deletions.add_stray(lease, old)

    def _join(self, lease: Lease, now: float) -> None:
        """One member more of its set is granted."""
        group = lease.group
        assert group is not None
        if not group.complete:
            group.plan(now)
            return
        group.made()
        for each in group.leases:
            self._teller.added(each)

    def _objection(self, lease: Lease, port: int) -> Declined | None:
        """Why a granted external port will not do; None: it will."""
        if lease.wanted.exact and port != lease.wanted.wanted_external_port:
            return Declined(f"the gateway offers external port {port} instead", Remedy.ANOTHER_PORT)
        if self._other_holder(lease, port) is not None:
            reason = f"the gateway offers external port {port}, which another mapping of ours has"
            return Declined(reason, Remedy.ANOTHER_PORT)
        words = "" if lease.group is None else lease.group.objection(lease, port)
        return Declined(words, Remedy.ANOTHER_PORT) if words else None

    def _give_back(self, lease: Lease, grant: Granted, objection: Declined, now: float) -> None:
        """Have a grant deleted that will not do; what it may have overwritten is made again."""
        port = grant.external_port
        lease.reference = grant.reference or lease.reference
        self._ledger.settled(replace(lease.holding(), external_port=port, granted=True))
        self._deletions.add_stray(lease, port)
        holder = self._other_holder(lease, port)
        if holder is not None:
            holder.ask_again(now)
        if lease.held_port is not None:
            self.lose(lease, now, objection.reason)
        group = lease.group
        if group is not None and holder is None and not lease.wanted.exact and group.once_more():
            lease.ask_again(now)
        else:
            self.declined(lease, objection, now)

    def _set_declined(self, group: LeaseSet, lease: Lease, refusal: Declined, now: float) -> None:
        """Try another number with the whole set, or refuse all of it."""
        if not group.numbered and not lease.declined(refusal, now):
            return  # this one asks for another port by itself
        if group.another_number(lease, refusal):
            self._return_set(group, now, refusal.reason)
            group.plan(now)
            return
        due_at = None if group.numbered else lease.due_at
        self._return_set(group, now, refusal.reason)
        group.refuse(lease, refusal, now + lease.pause(refusal) if due_at is None else due_at)
        self._teller.failed(lease)

    def _return_set(self, group: LeaseSet, now: float, reason: str) -> None:
        for each in group.leases:
            if each.held_port is not None:
                self._deletions.add_stray(each, each.held_port)
                each.lose(now, reason)

    def _deleted_to_renew(self, lease: Lease, agreed: bool, now: float) -> str:
        if agreed:
            self._ledger.forget_all(lease.key)
        lease.removed(agreed, now)
        return "made anew now" if agreed else "made anew now, all the same"

    def _looked(self, lease: Lease, outcome: Outcome, now: float) -> str:
        port = lease.held_port
        if port is None:
            return "too late to matter"
        if isinstance(outcome, Inspected) and outcome.missing and self._is_overwritten(lease):
            return self._make_way(lease, now)
        if self._verification.looked(lease, outcome, now):
            if isinstance(outcome, Inspected) and outcome.reference:
                self._ledger.settled(lease.holding())
            listed = lease.ladder.holds(Rung.LISTED)
            return {True: "listed", False: "not listed: made again", None: "cannot verify"}[listed]
        seen = sum(each.ladder.holds(Rung.LISTED) is True for each in self._leases.values())
        refusal = self._verification.refusal(seen)
        self._deletions.add_stray(lease, port)
        self.lose(lease, now, refusal.reason)
        self.declined(lease, refusal, now)
        return "not listed, however often it is made"

    def _doubt_names(self, order: InspectOrder, outcome: Outcome, now: float) -> None:
        """One is not there under its name: the gateway started anew, and all may be others' (P612)."""
        known = not order.reference or order.doubtful  # they are doubted already
        if known or not isinstance(outcome, Inspected) or not (outcome.missing or outcome.reference):
            return
        self._terms.calendar.doubted_at = now
        for each in self._leases.values():
            if each.reference:
                each.ladder.look_again(now)

    def _other_holder(self, lease: Lease, external_port: int) -> Lease | None:
        """Another mapping of ours that has this external port; pinholes of IPv6 share none."""
        if lease.wanted.family is Family.IPV6:
            return None
        holder = self.holders.holder(lease.wanted.protocol, external_port)
        return None if holder is lease else holder
