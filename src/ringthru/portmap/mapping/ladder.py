"""The truth ladder of one mapping: what is proven, by whom, since when, and when to look again.

Lives here: evidence for each rung, and the schedule of reading back. A rung is claimed on evidence only;
what cannot be verified (``holds`` None) is no failure. Never here: orders, events, or what a fall leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..snapshots import Evidence
from ..values import Rung

CHECKS: Final = (15.0, 45.0, 120.0)  # seconds after it was made: some vanish within the minute (LI07)
CHECK_EVERY: Final = 300.0  # seconds, from then on
CHECK_RARELY: Final = 1800.0  # seconds, where looking tells nothing
SPREAD: Final = 0.1  # of an interval: what was made together is not looked at together for ever
RUNGS: Final = tuple(Rung)


class Ladder:
    """``check_at`` is when the gateway's table is to be read again; None: not at all.

    ``planned`` is told each time that changes.
    """

    def __init__(self, planned: Callable[[float | None], None] = lambda at: None) -> None:
        self._planned = planned
        self._check_at: float | None = None
        self.fresh = False  # no look since the gateway last said yes: a lifetime read now is a whole one
        self.misses = 0  # looks in a row that did not find it
        self._named = False  # the last look found its name, and nothing that proves whose it is
        self._made_at = 0.0
        self._seen_at: float | None = None
        self._evidence: dict[Rung, Evidence] = {}

    @property
    def check_at(self) -> float | None:
        return self._check_at

    @check_at.setter
    def check_at(self, at: float | None) -> None:
        self._check_at = at
        self._planned(at)

    @property
    def rung(self) -> Rung:
        """The highest that holds."""
        return next((rung for rung in reversed(RUNGS) if self.holds(rung)), Rung.REQUESTED)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Lowest rung first."""
        return tuple(self._evidence[rung] for rung in RUNGS if rung in self._evidence)

    @property
    def seen_for(self) -> float:
        """Seconds from when it was made to when it was last seen in the gateway's table."""
        return 0.0 if self._seen_at is None else self._seen_at - self._made_at

    def holds(self, rung: Rung) -> bool | None:
        known = self._evidence.get(rung)
        return None if known is None else known.holds

    def requested(self, words: str, now: float) -> None:
        if Rung.REQUESTED not in self._evidence:
            self._note(Rung.REQUESTED, True, words, now)

    def accepted(self, words: str, now: float, anew: bool) -> None:
        """The gateway said yes; ``anew``: not a renewal, so that nothing above is known any more."""
        if anew:
            self._drop_above_accepted()
            self._made_at, self._seen_at = now, None
        unverifiable = Rung.LISTED in self._evidence and self.holds(Rung.LISTED) is None
        self._note(Rung.ACCEPTED, True, words, now)
        self.fresh = True
        if not unverifiable or self.check_at is None:
            self.check_at = now

    def listed(self, words: str, now: float, interval: float | None, chance: float) -> bool:
        """It was seen in the gateway's table. True when that is news."""
        news = not self.holds(Rung.LISTED)
        self._note(Rung.LISTED, True, words, now)
        self._seen_at, self.misses, self.fresh = now, 0, False
        self.check_at = self._next_check(now, interval, chance)
        return news

    def unlisted(self, words: str, now: float) -> bool:
        """The gateway does not list it. True when it did before."""
        fell = bool(self.holds(Rung.LISTED))
        self._note(Rung.LISTED, False, words, now)
        self._evidence.pop(Rung.REACHABLE, None)
        self.misses += 1
        self.fresh, self.check_at = False, None  # until it has been made again
        return fell

    def unverifiable(self, words: str, now: float) -> None:
        """Looking told nothing; what was seen before is not known any more either."""
        self._note(Rung.LISTED, None, f"cannot verify: {words}", now)
        self.fresh, self.check_at = False, now + CHECK_RARELY

    def named(self, words: str, now: float, interval: float | None, chance: float) -> None:
        """Something bears its name, perhaps another's: no proof, and once it is gone, it is gone."""
        self._note(Rung.LISTED, None, f"cannot verify: {words}", now)
        self._named = True
        self._seen_at, self.misses, self.fresh = now, 0, False
        self.check_at = self._next_check(now, interval, chance)

    def look_at_once(self) -> None:
        """Somebody can read the table now, which nobody could before."""
        if self.check_at is not None and self.holds(Rung.LISTED) is None:
            self.check_at = self._made_at

    def look_again(self, now: float) -> None:
        """What was seen may not be there any more."""
        if self.check_at is not None and (self.holds(Rung.LISTED) or self._named):
            self.check_at = min(self.check_at, now)

    def reached(self, words: str, now: float) -> bool:
        """Somebody outside came through. True when that is news."""
        news = not self.holds(Rung.REACHABLE)
        self._note(Rung.REACHABLE, True, words, now)
        return news

    def unreached(self, words: str, now: float) -> bool:
        """Nobody outside comes through. True when somebody did before."""
        fell = bool(self.holds(Rung.REACHABLE))
        self._note(Rung.REACHABLE, False, words, now)
        return fell

    def unproven(self, words: str, now: float) -> None:
        """Somebody outside was asked, and could not tell."""
        if self.holds(Rung.REACHABLE) is None:
            self._note(Rung.REACHABLE, None, words, now)

    def doubted(self, now: float) -> None:
        """The gateway lost its state: what it listed, and who came through, proves nothing now."""
        self._drop_above_accepted()

    def lost(self, words: str, now: float) -> None:
        """It is not granted any more, and with that not listed nor reachable."""
        self._drop_above_accepted()
        if Rung.ACCEPTED in self._evidence:
            self._note(Rung.ACCEPTED, False, words, now)
        self.check_at, self.fresh = None, False

    def _drop_above_accepted(self) -> None:
        self._evidence.pop(Rung.LISTED, None)
        self._evidence.pop(Rung.REACHABLE, None)
        self._named = False

    def _note(self, rung: Rung, holds: bool | None, words: str, now: float) -> None:
        self._evidence[rung] = Evidence(rung, holds, words, now)
        self._named = self._named and rung is not Rung.LISTED

    def _next_check(self, now: float, interval: float | None, chance: float) -> float:
        """The next of the first looks, or one interval on: never more than one, however late this one was."""
        regular = now + (interval or CHECK_EVERY) * (1 - SPREAD * chance)
        early = (self._made_at + each for each in CHECKS if self._made_at + each > now)
        return min(next(early, regular), regular)
