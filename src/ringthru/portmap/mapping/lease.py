"""One mapping kept alive: when to ask, for which port, and what a refusal leads to.

Lives here: the changes to our record of the mapping, its timing and its port. It knows no protocol: orders
and outcomes are those of every gateway. The book asks ``order()`` when ``due_at`` has come, and tells what
came of it. Never here: other mappings, sets, or the gateway.
"""

from __future__ import annotations

from typing import Final

from ..gateway.orders import Declined, Granted, Remedy
from ..memory.holding import Holding
from ..values import GatewayType, MappingState, Rung
from .history import answer_words
from .lease_record import LeaseRecord
from .lease_record import lease_key as lease_key
from .timing import LAST_TENTH, SHORTEST_RENEWAL, asked_for_rest, renewal_after, retry_after

MOST_PORTS_TRIED: Final = 8  # external ports after conflicts, then it waits
DISABLED_REASON: Final = "NAT port mapping disabled"


class Lease(LeaseRecord):
    """Our record of a mapping, and what happens to it."""

    def inherit(self, holding: Holding) -> bool:
        """Go on with what an earlier run left. False: it is of no use, as another port is wanted.

        Or as it lets others in than are wanted now, which only PCP can change.
        """
        if self.held_port is not None or self.may_remain:
            return holding.nonce == self.nonce and holding.external_port == self._port
        suits = holding.external_port == self.wanted.wanted_external_port
        free = self.wanted.external_port is None and not self.wanted.exact
        other_guests = holding.allow_from != self.wanted.allow_from
        if not (suits or free) or (other_guests and self._terms.speaks is not GatewayType.PCP):
            return False
        self.nonce, self.reference = holding.nonce, holding.reference
        self.refilters = other_guests
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
        self.deleted = self.dead = self.refilters = False
        self.reason = self.told = ""
        self.failed_renewals, self._ports_tried = 0, 1
        self._pauses.reset()
        self._granted_at = self._named_at = self._terms.calendar.granted_at = now
        self.ladder.accepted(f"granted {answer_words(grant)}", now, anew)
        self.filtering.granted(now, anew)
        self._held_for(grant.lifetime, now)
        if grant.verified:
            self._judge_extension(grant.lifetime, now)

    def listed_with(self, lifetime: int | None, now: float, fresh: bool) -> None:
        """The gateway lists it with ``lifetime`` seconds left, 0 for ever; ``fresh``: as it was granted."""
        if lifetime is None or self.held_port is None:
            return
        self._named_at = now  # what has a name tells a lifetime only where it was asked for again
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
        """Ask now, whatever was agreed: the gateway may have lost it. What is in flight does not count."""
        if self._state is not MappingState.DISABLED and not self.waiting:
            self.due_at = self._again_at = now

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
        self.filtering.lost()

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

    @property
    def _last_tenth_at(self) -> float:
        assert self.expires_at is not None
        return self.expires_at - max(self._life * LAST_TENTH, SHORTEST_RENEWAL)

    def _held_for(self, lifetime: int, now: float) -> None:
        """Plan the renewal; what is held for ever is asked again as often as a lease of our own wish."""
        self._life = float(lifetime or self.lifetime)
        self.expires_at = now + lifetime if lifetime else None
        if self._again_at is not None and self._again_at > self.asked_at:  # what came was asked before that
            self.due_at = now
        elif lifetime and self._terms.profile.renew_by_delete:
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
