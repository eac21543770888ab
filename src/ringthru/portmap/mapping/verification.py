"""What reading a mapping back leads to: a rung proven, a fall healed, or a verdict that it is not there.

Lives here: the steps after a look at the gateway's table, or after word from outside.
Never here: the look itself, or sets.
"""

from __future__ import annotations

from logging import DEBUG, WARNING
from typing import Final

from ..gateway.orders import Declined, Inspected, Outcome, Remedy
from ..snapshots import FilterTruth
from ..values import Rung
from .history import answer_words
from .lease import Lease
from .lessons import Lessons
from .teller import Teller, mapped_words
from .terms import Terms

MOST_MISSES: Final = 3  # looks in a row: it was made again after each but the last
SECOND_CHANCE: Final = 5.0  # seconds until it is made again once more: some list late
NOT_LISTED: Final = "the gateway accepted the mapping, but does not list it"


class Verification:
    """Judges one lease at a time; the lease must be held."""

    def __init__(self, terms: Terms, lessons: Lessons, teller: Teller) -> None:
        self._terms = terms
        self._lessons = lessons
        self._teller = teller

    def looked(self, lease: Lease, outcome: Outcome, now: float) -> bool:
        """Take what reading back told. False: it is not there, however often it is made."""
        if not isinstance(outcome, Inspected):
            lease.ladder.unverifiable(answer_words(outcome), now)
        elif outcome.missing:
            return self._missing(lease, outcome.words or NOT_LISTED, now)
        else:
            self._found(lease, outcome, now)
        return True

    def reached(self, lease: Lease, words: str, now: float) -> None:
        if lease.ladder.reached(words, now):
            self._teller.proven(lease, Rung.REACHABLE, words)

    def unreached(self, lease: Lease, words: str, now: float) -> None:
        """What was reachable is deleted and made anew: some gateways renew a mapping that is dead (NP07)."""
        if lease.ladder.unreached(words, now):
            self._teller.fell(lease, Rung.REACHABLE, words)
            lease.dead = True
            lease.ask_again(now)

    def unproven(self, lease: Lease, words: str, now: float) -> None:
        """Nobody outside could tell, which is no failure."""
        lease.ladder.unproven(words, now)

    def tried(
        self, lease: Lease, remote: str, came: bool, words: str, now: float, *, teaches: bool = True
    ) -> None:
        """Somebody at ``remote`` came in, or tried in vain: what does that say of the mapping's filter?

        ``teaches``: the gateway stands alone between us, so that whoever is kept out is kept out by it.
        """
        if not lease.filtering.tried(remote, came, words, now):
            return
        seen = lease.filtering.seen()
        assert seen is not None
        enforced = seen.truth is FilterTruth.ENFORCED
        self._teller.filtered(lease, seen)
        if teaches or not enforced:
            self._lessons.filters(enforced)

    def _found(self, lease: Lease, seen: Inspected, now: float) -> None:
        lease.clashes = 0
        if seen.reference:
            self._renamed(lease, seen, now)
        fresh = lease.ladder.fresh
        stuck = lease.does_not_extend
        interval = self._terms.profile.recheck_every
        if seen.named:
            lease.ladder.named(seen.words, now, interval, self._terms.random())
        elif not seen.verified or not seen.words:  # nobody to quote is no evidence
            lease.ladder.unverifiable(seen.words or "the gateway does not tell", now)
        elif lease.ladder.listed(seen.words, now, interval, self._terms.random()):
            self._teller.proven(lease, Rung.LISTED, seen.words)
        lease.listed_with(seen.lifetime, now, fresh)
        if lease.does_not_extend and not stuck:
            self._lessons.does_not_extend()

    def _renamed(self, lease: Lease, seen: Inspected, now: float) -> None:
        """It was gone without anybody noticing, and looking has made it again (P612)."""
        lease.reference = seen.reference
        if lease.ladder.unlisted(seen.words, now):
            self._teller.fell(lease, Rung.LISTED, seen.words)

    def _missing(self, lease: Lease, words: str, now: float) -> bool:
        seen_for = lease.ladder.seen_for
        first = lease.ladder.misses == 0
        fell = lease.ladder.unlisted(words, now)
        lease.reason = NOT_LISTED
        port = lease.held_port
        assert port is not None
        self._teller.log(WARNING if first else DEBUG, f"{mapped_words(lease, port)}: {NOT_LISTED}")
        if fell:
            self._teller.fell(lease, Rung.LISTED, words)
            self._lessons.vanished(seen_for)
        if lease.ladder.misses >= MOST_MISSES:
            return False
        lease.due_at = now if first else now + SECOND_CHANCE
        return True

    def refusal(self, listed: int) -> Declined:
        """Why a mapping that is accepted and never listed is given up for now (AD15, AD16, AD17)."""
        self._lessons.table_full(listed)
        others = f"its table may be full ({listed} of ours are in it)" if listed else "it may not map at all"
        return Declined(f"{NOT_LISTED}; {others}", Remedy.ROOM)
