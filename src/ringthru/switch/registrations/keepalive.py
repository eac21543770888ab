"""Which registered contacts are asked by OPTIONS whether they are still there, when, and what we make of it.

The question also keeps the phone's NAT open. Each contact has a moment of its own within the interval, taken
at random when it is first watched, so that a thousand phones are not asked at once, not even after a restart.

Lives here: the schedule and FreeSWITCH's counts (``sip-user-ping-min``, ``-max``), without socket or clock.
Never here: requests, or what a dead registration costs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from heapq import heapify, heappop, heappush
from typing import Final

from ...net.values import frozen, record

AT_ONCE: Final = 50  # contacts asked in one go, whatever is overdue


@frozen
class PingRules:
    """How contacts are watched: the seconds between two questions, and when a phone is given up.

    A count starts at ``highest``, goes up with an answer and down without one, and stays within 0 and
    ``highest``; below ``lowest`` the phone is unreachable.
    """

    interval: float = 30.0
    lowest: int = 1
    highest: int = 3


@frozen
class Ping:
    """What is known of one contact; ``seconds`` the last round trip took, 0 before the first."""

    reachable: bool = True
    seconds: float = 0.0
    count: int = 0


@record
class _Watched:
    rules: PingRules
    count: int
    due: float | None  # None while an answer is awaited
    asked: float = 0.0
    seconds: float = 0.0

    @property
    def reachable(self) -> bool:
        return self.count >= self.rules.lowest


class Keepalive:
    """Any number of contacts, each by a key of the caller's."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """``chance`` gives a number from 0 to 1."""
        self._chance = chance
        self._watched: dict[Hashable, _Watched] = {}
        self._schedule: list[tuple[float, int, Hashable]] = []  # entries whose instant is not theirs are void
        self._serial = 0

    def watch(self, key: Hashable, rules: PingRules, now: float) -> None:
        """Begin with a contact; one that is watched already keeps its moment and its count."""
        known = self._watched.get(key)
        if known is not None:
            known.rules = rules
            return
        self._watched[key] = _Watched(rules, rules.highest, None)
        self._plan(key, now + self._chance() * rules.interval)

    def forget(self, key: Hashable) -> None:
        self._watched.pop(key, None)
        if len(self._schedule) > 64 + 4 * len(self._watched):  # mostly void: sweep
            self._schedule = [each for each in self._schedule if self._is_valid(each)]
            heapify(self._schedule)

    def due(self, now: float) -> list[Hashable]:
        """Whom to ask now; each must be followed by answered(), missed() or unasked()."""
        found: list[Hashable] = []
        while self._schedule and self._schedule[0][0] <= now and len(found) < AT_ONCE:
            entry = heappop(self._schedule)
            if self._is_valid(entry):
                watched = self._watched[entry[2]]
                watched.due, watched.asked = None, now
                found.append(entry[2])
        return found

    def answered(self, key: Hashable, now: float) -> bool:
        """An answer came, whatever it says; True when the contact was unreachable before."""
        watched = self._watched.get(key)
        if watched is None:
            return False
        was_gone = not watched.reachable
        watched.seconds = now - watched.asked
        watched.count = min(watched.count + 1, watched.rules.highest)
        self._plan(key, max(watched.asked + watched.rules.interval, now))
        return was_gone and watched.reachable

    def missed(self, key: Hashable, now: float) -> bool:
        """No answer came; True when the contact is unreachable from now on."""
        watched = self._watched.get(key)
        if watched is None:
            return False
        was_there = watched.reachable
        watched.count = max(watched.count - 1, 0)
        self._plan(key, max(watched.asked + watched.rules.interval, now))
        return was_there and not watched.reachable

    def unasked(self, key: Hashable, now: float) -> None:
        """The question could not be put yet, which says nothing: it is put at the next moment."""
        watched = self._watched.get(key)
        if watched is not None:
            self._plan(key, max(watched.asked + watched.rules.interval, now))

    def ask_now(self, key: Hashable, now: float) -> None:
        """Something else was heard of a contact: do not wait for its moment."""
        if key in self._watched:
            self._plan(key, now)

    def ping(self, key: Hashable) -> Ping:
        """What is thought of a contact; one that is not watched is taken to be there."""
        watched = self._watched.get(key)
        return Ping() if watched is None else Ping(watched.reachable, watched.seconds, watched.count)

    def next_timeout(self) -> float | None:
        """When to ask for due() again, sometimes for nothing; None while nobody is to be asked."""
        return self._schedule[0][0] if self._schedule else None

    def _plan(self, key: Hashable, at: float) -> None:
        self._watched[key].due = at
        self._serial += 1
        heappush(self._schedule, (at, self._serial, key))

    def _is_valid(self, entry: tuple[float, int, Hashable]) -> bool:
        watched = self._watched.get(entry[2])
        return watched is not None and watched.due == entry[0]
