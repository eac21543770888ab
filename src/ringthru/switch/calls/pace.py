"""How many, and how fast: peaks that people watch, and the limit on new sessions a second.

Lives here: counting against a clock that is handed in. Never here: what is counted.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

WINDOW: Final = 300  # seconds: FreeSWITCH's "last 5min"


class Peak:
    """The greatest value ever, and within the last five minutes."""

    def __init__(self) -> None:
        self.ever = 0
        self._seconds: deque[tuple[int, int]] = (
            deque()
        )  # (second, greatest value in it), at most WINDOW of them

    def note(self, value: int, now: float) -> None:
        self.ever = max(self.ever, value)
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, value))
            self._forget(now)
        elif self._seconds[-1][1] < value:
            self._seconds[-1] = (second, value)

    def lately(self, now: float) -> int:
        self._forget(now)
        return max((value for _, value in self._seconds), default=0)

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] <= now - WINDOW:
            self._seconds.popleft()


class Pace:
    """New sessions a second: ``admit`` says whether one more may begin in this second."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.peak = Peak()
        self._second = -1
        self._begun = 0
        self._shares: Counter[str] = Counter()  # of the running second

    def admit(self, now: float, who: str = "") -> bool:
        """One more? Of those who are named, each gets half a second's sessions at most."""
        if self.current(now) >= self.limit:
            return False
        if who:
            if self._shares[who] >= max(self.limit // 2, 1):
                return False
            self._shares[who] += 1
        self._begun += 1
        self.peak.note(self._begun, now)
        return True

    def current(self, now: float) -> int:
        """Sessions begun in the running second."""
        if int(now) != self._second:
            self._second, self._begun = int(now), 0
            self._shares.clear()
        return self._begun
