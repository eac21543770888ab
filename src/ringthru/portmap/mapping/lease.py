"""One mapping kept alive: when to ask, for which port, and what a refusal leads to.

Lives here: our record of the mapping, its timing and its port. It knows no protocol: orders and outcomes are
those of every gateway. The book asks ``order()`` when ``due_at`` has come, and tells what came of it.
Never here: other mappings, sets, or the gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..gateway.orders import Declined, Granted, InspectOrder, MapOrder, Remedy, UnmapOrder
from ..memory.holding import Holding
from ..values import MappingSnapshot, MappingState, Rung, Wanted
from .description import describe
from .history import History, answer_words
from .ladder import Ladder
from .ledger import LeaseKey
from .terms import Terms
from .timing import LAST_TENTH, SHORTEST_RENEWAL, Pauses, asked_for_rest, renewal_after, retry_after

if TYPE_CHECKING:
    from .sets import LeaseSet

MOST_PORTS_TRIED: Final = 8  # external ports after conflicts, then it waits
DISABLED_REASON: Final = "NAT port mapping disabled"


def lease_key(wanted: Wanted) -> LeaseKey:
    """What a lease is known by: two wishes with one key are one lease."""
    return wanted.family.value, wanted.protocol.value, wanted.internal_client or "", wanted.internal_port


class Lease:
    """Our record of a mapping. Instants are seconds of the engine's clock.

    ``held_port`` is what the gateway granted; ``external_port``, what the outside is told, is None as long
    as the lease belongs to a set that is not whole.
    """

    def __init__(self, wanted: Wanted, terms: Terms, now: float, group: LeaseSet | None = None) -> None:
        self._terms = terms
        self.number = terms.calendar.number()
        self.wanted = wanted
        self.listed = wanted.listed
        self.group = group
        self.nonce = terms.nonce()  # constant for the mapping's life (RFC 6887 §11.1)
        self.reference = ""  # what the gateway wants to be reminded of
        self.external_address = ""
        self.held_port: int | None = None
        self.expires_at = None
        self.due_at = now
        self.waiting = False  # for the rest of its set, or for room: not asked, whatever happens
        self.kept = False  # a person wants it to stay when we have gone
        self.admitted = False  # it has a place in the budget
        self.may_remain = False  # some gateway may hold it, whatever became of our own record
        self.deleted = False  # for its renewal, so that the next order makes it anew
        self.dead = (
            False  # granted, and nobody comes through any more: it is deleted before it is asked again
        )
        self.does_not_extend = False  # asking again did not lengthen the lease (AD33)
        self.failed_renewals = 0  # in a row
        self.clashes = 0  # times it was gone after the other protocol's mapping of its port was made (AD20)
        self.refused_for: Remedy | None = None
        self.reason = ""
        self.told = ""  # the last refusal that subscribers heard of
        self.ladder = Ladder(lambda at: terms.calendar.looks.enter(self, at))
        self.history = History()
        self._state = MappingState.REQUESTED
        self._port = wanted.wanted_external_port  # to ask for
        self._exact = wanted.exact
        self._ports_tried = 1
        self._pauses = Pauses()
        self.asked_at = self._granted_at = now
        self._life = float(self.lifetime)  # of the present lease
        self._to_outlive: float | None = None  # the end that a renewal must move
        self.ladder.requested(f"external port {self._port} is wanted", now)

    @property
    def key(self) -> LeaseKey:
        return lease_key(self.wanted)

    @property
    def due_at(self) -> float | None:
        """When to ask next; None: not at all."""
        return self._due_at

    @due_at.setter
    def due_at(self, at: float | None) -> None:
        self._due_at = at
        self._terms.calendar.due.enter(self, at)

    @property
    def expires_at(self) -> float | None:
        """When its lease ends; None: not held, or for ever."""
        return self._expires_at

    @expires_at.setter
    def expires_at(self, at: float | None) -> None:
        self._expires_at = at
        self._terms.calendar.ends.enter(self, at)

    @property
    def lifetime(self) -> int:
        """Seconds to ask for."""
        return self.wanted.lifetime or self._terms.lifetime

    @property
    def withheld(self) -> bool:
        """Whether it does not count, because its set is not whole."""
        return self.group is not None and not self.group.whole

    @property
    def external_port(self) -> int | None:
        """The port others reach us at; None until it counts as granted."""
        return None if self.withheld else self.held_port

    @property
    def state(self) -> MappingState:
        if self._state is MappingState.ACCEPTED and self.withheld:
            return MappingState.REQUESTED
        return self._state

    @property
    def words(self) -> str:
        return f"{self.wanted.protocol.value} {self.wanted.internal_port}"

    # Orders

    @property
    def port(self) -> int:
        """The external port to ask for; the one held, so that a rebooted gateway can restore it."""
        return self._port

    def order(self, now: float) -> MapOrder:
        wanted = self.wanted
        self.asked_at = now
        return MapOrder(
            wanted.protocol,
            wanted.internal_port,
            self._port,
            self.lifetime,
            describe(wanted),
            nonce=self.nonce,
            exact=self._exact,
            internal_client=wanted.internal_client,
            allow_from=wanted.allow_from,
            reference=self.reference if self.held_port is not None and not self.deleted else "",
        )

    def inspect_order(self) -> InspectOrder:
        assert self.held_port is not None
        wanted = self.wanted
        return InspectOrder(
            wanted.protocol, wanted.internal_port, self.held_port, wanted.internal_client, self.reference
        )

    def unmap_order(self) -> UnmapOrder:
        """How to delete it; the port last asked for, when none is known to be held."""
        wanted, port = self.wanted, self._port if self.held_port is None else self.held_port
        return UnmapOrder(
            wanted.protocol, wanted.internal_port, port, self.nonce, wanted.internal_client, self.reference
        )

    def holding(self) -> Holding:
        """What the journal writes down about the order that goes out next, or was granted last."""
        wanted, granted = self.wanted, self.held_port == self._port
        lifetime = round(self._life) if self.expires_at is not None else 0
        return Holding(
            wanted.family,
            wanted.protocol,
            wanted.internal_client or "",
            wanted.internal_port,
            self._port,
            lifetime if granted else self.lifetime,
            describe(wanted),
            self.nonce,
            self.reference,
            granted,
        )

    def inherit(self, holding: Holding) -> bool:
        """Go on with what an earlier run left. False: it is of no use, as another port is wanted."""
        if self.held_port is not None or self.may_remain:
            return holding.nonce == self.nonce and holding.external_port == self._port
        suits = holding.external_port == self.wanted.wanted_external_port
        free = self.wanted.external_port is None and not self.wanted.exact
        if not suits and not free:
            return False
        self.nonce, self.reference = holding.nonce, holding.reference
        self._port = holding.external_port
        self.may_remain = True
        return True

    # What came of them

    def granted(self, grant: Granted, now: float) -> None:
        """The gateway said yes."""
        vanished = self.ladder.holds(Rung.LISTED) is False
        anew = self.held_port != grant.external_port or self.deleted or vanished
        elapsed = now - self._granted_at
        renewed = not anew and self.expires_at is not None and elapsed >= self._life / 4
        self._to_outlive = self.expires_at if renewed else None
        self.held_port = self._port = grant.external_port
        self.reference = grant.reference or ("" if anew else self.reference)
        self.external_address = grant.external_address or self.external_address
        self._state = MappingState.ACCEPTED
        self.may_remain, self.refused_for = True, None
        self.deleted = self.dead = False
        self.reason = self.told = ""
        self.failed_renewals, self._ports_tried = 0, 1
        self._pauses.reset()
        self._granted_at = self._terms.calendar.granted_at = now
        self.ladder.accepted(f"granted {answer_words(grant)}", now, anew)
        self._held_for(grant.lifetime, now)
        if grant.verified:
            self._judge_extension(grant.lifetime, now)

    def listed_with(self, lifetime: int | None, now: float, fresh: bool) -> None:
        """The gateway lists it with ``lifetime`` seconds left, 0 for ever; ``fresh``: as it was granted."""
        if lifetime is None or self.held_port is None:
            return
        if fresh:
            self._judge_extension(lifetime, now)
            if not self.does_not_extend:
                self._held_for(lifetime, now)
            return
        sooner = lifetime and (self.expires_at is None or now + lifetime < self.expires_at - SHORTEST_RENEWAL)
        self.expires_at = now + lifetime if lifetime else None
        if sooner and self.due_at is not None:
            self.due_at = min(self.due_at, now + retry_after(lifetime))

    def declined(self, refusal: Declined, now: float) -> bool:
        """The gateway said no. True: that is the verdict; False: another port is worth asking at once."""
        if self._another_port(refusal.remedy):
            self.due_at = now
            return False
        self._port = self.held_port or self.wanted.wanted_external_port
        self._ports_tried = 1
        if self.held_port is None:
            self.refuse(refusal, now + self.pause(refusal))
            return True
        self.reason, self.refused_for = refusal.reason, refusal.remedy
        self.failed_renewals += 1
        left = self.lifetime if self.expires_at is None else self.expires_at - now
        self.due_at = now + max(retry_after(left), asked_for_rest(refusal.retry_after))
        return True

    def pause(self, refusal: Declined) -> float:
        """Seconds to leave the gateway alone after a refusal; as many as it asks for, within reason."""
        pause = self._pauses.after(refusal.remedy, self._terms.random())
        return max(pause, asked_for_rest(refusal.retry_after))

    def refuse(self, refusal: Declined, due_at: float | None) -> None:
        """It cannot be had; asked again at ``due_at``, None: when somebody else's fate allows it."""
        self._state = MappingState.REFUSED
        self.reason, self.refused_for = refusal.reason, refusal.remedy
        self.due_at, self.waiting = due_at, due_at is None

    def deletes_first(self, now: float) -> bool:
        """Whether the lease must be deleted and made anew: asking again would not help (AD33, AD34)."""
        if self.held_port is None or self.deleted:
            return False
        if self.dead:
            return True
        if self.expires_at is None:
            return False
        stuck = self._terms.profile.renew_by_delete or self.does_not_extend
        failing = self.failed_renewals > 0 and self.refused_for is not Remedy.PERMISSION
        return (stuck or failing) and now >= self._last_tenth_at

    def removed(self, agreed: bool, now: float) -> None:
        """It was deleted for its renewal (not ``agreed``: or should have been): make it anew at once."""
        self.may_remain = not agreed
        self.deleted, self.due_at = True, now
        self.reference = ""

    # What happens to it

    def aim(self, port: int, exact: bool, now: float) -> None:
        """Ask for this port now, as the rest of its set demands."""
        self._port, self._exact = port, exact
        if self._state is MappingState.REFUSED:
            self._state, self.reason = MappingState.REQUESTED, ""
        if self.waiting or self.due_at is None or self._state is not MappingState.ACCEPTED:
            self.due_at, self.waiting = now, False

    def wait(self) -> None:
        """Ask nothing until the rest of its set is made, or there is room."""
        self.due_at, self.waiting = None, True

    def admit(self, now: float) -> None:
        """There is room for it."""
        self.admitted = True
        if self._state is MappingState.REFUSED:
            self._state, self.reason = MappingState.REQUESTED, ""
        self.due_at, self.waiting = now, False

    def ask_again(self, now: float) -> None:
        """Ask now, whatever was agreed: the gateway may have lost it."""
        if self._state is not MappingState.DISABLED and not self.waiting:
            self.due_at = now

    def expire(self, now: float) -> bool:
        """True when the lease has ended: no gateway holds it any more."""
        if self.expires_at is None or now < self.expires_at:
            return False
        self.may_remain = False
        return True

    def lose(self, now: float, reason: str) -> None:
        """The mapping is not there any more; ask again as soon as somebody can be asked."""
        if self._state is MappingState.DISABLED or not self.admitted:
            return
        self.drop(now, reason)
        self._state = MappingState.REQUESTED
        self.reason = reason
        self._ports_tried, self.refused_for = 1, None
        self._pauses.reset()
        if not self.waiting:
            # Asked at once, but for a lease so short that this would be a loop.
            short = self._life < SHORTEST_RENEWAL
            self.due_at = max(now, self.asked_at + SHORTEST_RENEWAL) if short else now

    def drop(self, now: float, reason: str) -> None:
        """The gateway does not hold it for us any more."""
        self.held_port = self.expires_at = self._to_outlive = None
        self.deleted = self.dead = self.does_not_extend = False
        self.failed_renewals = 0
        self.ladder.lost(reason, now)

    def disable(self) -> None:
        """Port mapping is off: ask nothing; what is held stays until its lease ends."""
        self.due_at = self.ladder.check_at = None
        if self.held_port is None:
            self._state = MappingState.DISABLED
            self.reason = DISABLED_REASON

    def enable(self, now: float) -> None:
        if self._state is MappingState.DISABLED:
            self._state = MappingState.REQUESTED
            self.reason = ""
        if not self.waiting:
            self.due_at = now

    def snapshot(self, now: float) -> MappingSnapshot:
        wanted, ladder = self.wanted, self.ladder
        left = None if self.expires_at is None or self.withheld else max(0.0, self.expires_at - now)
        shown = ladder.evidence[:1] if self.withheld else ladder.evidence
        renews = self.due_at if self.external_port is not None else None
        return MappingSnapshot(
            wanted.protocol,
            wanted.internal_port,
            self.external_port,
            self.state,
            wanted.sticky,
            self.listed,
            left,
            self.reason,
            wanted.family,
            wanted.internal_client,
            (self.external_address or None) if self.external_port is not None else None,
            Rung.REQUESTED if self.withheld else ladder.rung,
            shown,
            self.history.attempts,
            None if renews is None else max(0.0, renews - now),
            wanted.label,
        )

    @property
    def _last_tenth_at(self) -> float:
        assert self.expires_at is not None
        return self.expires_at - max(self._life * LAST_TENTH, SHORTEST_RENEWAL)

    def _held_for(self, lifetime: int, now: float) -> None:
        """Plan the renewal; what is held for ever is asked again as often as a lease of our own wish."""
        self._life = float(lifetime or self.lifetime)
        self.expires_at = now + lifetime if lifetime else None
        if lifetime and self._terms.profile.renew_by_delete:
            self.due_at = max(self._last_tenth_at, now + SHORTEST_RENEWAL)
        else:
            self.due_at = now + renewal_after(self._life, self._terms.random())

    def _judge_extension(self, lifetime: int, now: float) -> None:
        """Whether the renewal moved the lease's end; if not, only deleting it first will (AD33, PC06)."""
        end, self._to_outlive = self._to_outlive, None
        self.does_not_extend = bool(end is not None and lifetime and now + lifetime < end + self._life / 8)
        if self.does_not_extend:
            self.expires_at = now + lifetime
            self.due_at = max(self._last_tenth_at, now + SHORTEST_RENEWAL)

    def _another_port(self, remedy: Remedy) -> bool:
        numbered = self.group is not None and self.group.numbered  # the set chooses then
        if self.wanted.exact or numbered or self._ports_tried >= MOST_PORTS_TRIED:
            return False
        if remedy is Remedy.SAME_PORT and self._port != self.wanted.internal_port:
            self._port = self.wanted.internal_port
        elif remedy is Remedy.ANOTHER_PORT:
            self._port = self._terms.pick_port()
        else:
            return False
        self._ports_tried += 1
        return True
