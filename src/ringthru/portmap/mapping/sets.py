"""Mappings that are of use only together: all of them or none, and with numbers that belong together.

Lives here: the rules a set may have, which numbers obey them, and which member is asked next. Members are
leases like any other; what the gateway answered comes through the book. Never here: orders or events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from ..errors import LocalError
from ..gateway.orders import Declined, Remedy
from ..values import MappingState, Wanted, check_kind

if TYPE_CHECKING:
    from .lease import Lease

MOST_NUMBERS_TRIED: Final = 6  # common external numbers, then the set waits
OTHER_NUMBER: Final = frozenset((Remedy.ANOTHER_PORT, Remedy.SAME_PORT))


class SetRule(Enum):
    """What the external numbers of a set have to do with one another."""

    SAME_NUMBER = "one external number for all"  # SIP: 5060 over UDP and TCP
    PAIR = "an even number and the next one"  # RTP and RTCP (RFC 3550 §11)
    INDEPENDENT = "any numbers, but all or none"


def check_set(wanted: tuple[Wanted, ...], rule: SetRule) -> None:
    """Refuse a set that no gateway could grant.

    Raises:
        LocalError: nothing is wanted, or one thing twice; PAIR with other than two ports of one protocol; or
            SAME_NUMBER for two ports of one protocol, which cannot share a number; no wish, or no rule.
    """
    check_kind(SetRule, rule)
    check_kind(Sequence, wanted)
    check_kind(Wanted, *wanted)
    things = {(each.family, each.protocol, each.internal_client, each.internal_port) for each in wanted}
    if not wanted:
        raise LocalError("a set of no mappings: name one at least")
    if len(things) != len(wanted):
        raise LocalError("a set of mappings names each of them once")
    kinds = {(each.family, each.protocol) for each in wanted}
    if rule is SetRule.PAIR and (len(wanted) != 2 or len(kinds) != 1):
        raise LocalError("a pair is two ports of one protocol: RTP, then RTCP")
    if rule is SetRule.SAME_NUMBER and len(kinds) != len(wanted):
        raise LocalError("two ports of one protocol cannot have the same external number")


class LeaseSet:
    """Leases that count as granted when all of them are; ``whole`` says whether that is so.

    One member is asked first, and the number it gets leads the others. ``whole`` is set by the book, which
    also tells subscribers.
    """

    def __init__(self, rule: SetRule, pick_port: Callable[[], int]) -> None:
        self.rule = rule
        self.leases: tuple[Lease, ...] = ()
        self.whole = False
        self.reason = ""  # why it is not whole, naming the member; empty when it is, or nothing is known
        self._pick_port = pick_port
        self._first = self._base = 0  # the number of the first member: at first, and tried now
        self._leader = 0  # the member that is asked first: the one that was refused last
        self._numbers_tried = 1
        self._asked_twice = False

    @property
    def numbered(self) -> bool:
        """Whether one number decides those of all members."""
        return self.rule is not SetRule.INDEPENDENT

    @property
    def state(self) -> MappingState:
        """ACCEPTED when all members are, else what keeps it from that."""
        states = {lease.state for lease in self.leases}
        order = (MappingState.DISABLED, MappingState.REFUSED, MappingState.REQUESTED)
        return next((state for state in order if state in states), MappingState.ACCEPTED)

    @property
    def complete(self) -> bool:
        """Whether the gateway granted every member."""
        return all(lease.held_port is not None for lease in self.leases)

    def begin(self, leases: tuple[Lease, ...], now: float) -> None:
        self.leases = leases
        port = leases[0].port
        self._first = self._base = self._even(port) if self.rule is SetRule.PAIR else port
        self.plan(now)

    def plan(self, now: float) -> None:
        """Ask for what is missing: at the number the others hold, or one member first, others after it."""
        if not all(lease.admitted for lease in self.leases):
            return
        held = next((lease for lease in self.leases if lease.held_port is not None), None)
        if not self.numbered:
            for lease in self.leases:
                if lease.held_port is None and lease.waiting:
                    lease.aim(lease.port, lease.wanted.exact, now)
        elif held is not None and held.held_port is not None:
            self._base = held.held_port - self._offset(held)
            for lease in self.leases:
                if lease.held_port is None:
                    lease.aim(self._base + self._offset(lease), True, now)
        else:
            self._ask_leader(now)

    def objection(self, lease: Lease, port: int) -> str:
        """Why a number granted to a member breaks the rule; empty when it does not."""
        base = port - self._offset(lease)
        if self.rule is SetRule.PAIR and (base % 2 or not 2 <= base <= 65534):
            return f"the gateway offers external port {port}, and a pair begins with an even one"
        held = next((each for each in self.leases if each is not lease and each.held_port is not None), None)
        if not self.numbered or held is None or held.held_port is None:
            return ""
        needed = held.held_port - self._offset(held) + self._offset(lease)
        if port == needed:
            return ""
        return f"the gateway offers external port {port} where {held.words} needs {needed} beside it"

    def once_more(self) -> bool:
        """Whether the same number is worth asking for again: some give the right one then (NP18)."""
        again, self._asked_twice = not self._asked_twice, True
        return again

    def another_number(self, lease: Lease, refusal: Declined) -> bool:
        """Move all members to another number, which none of them may hold any more. False: there is none."""
        exact = any(each.wanted.exact for each in self.leases)
        hopeless = exact or not self.numbered or self._numbers_tried >= MOST_NUMBERS_TRIED
        if hopeless or refusal.remedy not in OTHER_NUMBER:
            return False
        self._numbers_tried += 1
        self._asked_twice = False
        self._base = self._picked(lease, refusal.remedy)
        return True

    def refuse(self, lease: Lease, refusal: Declined, due_at: float) -> None:
        """No member can be had without this one; it is asked first when the time has come."""
        self.reason = f"{lease.words} of its set: {refusal.reason}"
        self._leader = self.leases.index(lease)
        self._numbers_tried, self._asked_twice = 1, False
        self._base = self._first
        for each in self.leases:
            each.aim(self._number(each), each.wanted.exact, due_at)
            each.refuse(Declined(self.reason, refusal.remedy), due_at if each is lease else None)

    def made(self) -> None:
        """Every member is granted."""
        self.whole, self.reason = True, ""
        self._numbers_tried, self._asked_twice = 1, False

    def _ask_leader(self, now: float) -> None:
        for index, lease in enumerate(self.leases):
            if index != self._leader:
                lease.wait()
            elif lease.waiting or lease.state is not MappingState.REFUSED:
                lease.aim(self._number(lease), lease.wanted.exact, now)

    def _offset(self, lease: Lease) -> int:
        return self.leases.index(lease) if self.rule is SetRule.PAIR else 0

    def _number(self, lease: Lease) -> int:
        """What a member should get, given the number the set tries for."""
        return self._base + self._offset(lease) if self.numbered else lease.wanted.wanted_external_port

    def _picked(self, lease: Lease, remedy: Remedy) -> int:
        if remedy is Remedy.SAME_PORT:
            port = lease.wanted.internal_port - self._offset(lease)
            if port != self._base and (self.rule is not SetRule.PAIR or not port % 2):
                return port
        port = self._pick_port()
        return self._even(port) if self.rule is SetRule.PAIR else port

    @staticmethod
    def _even(port: int) -> int:
        return max(port - port % 2, 2)
