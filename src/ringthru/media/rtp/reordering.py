"""A small jitter buffer: packets of one stream in the order in which they were sent.

A packet that overtook another waits until that comes, or until so many wait that it is given up. What
comes in order waits for nothing, so a good line is heard without delay. What comes after its turn, or twice,
is left out and counted.

Lives here: that order. Never here: what fills a gap, time.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

LIVE: Final = 2  # packets that wait where somebody listens: 40 ms
KEPT: Final = 5  # packets that wait where nobody does: 100 ms
MAX_DROPOUT: Final = 3000  # numbers ahead; what is farther is a new stream (RFC 3550 §A.1)
MAX_MISORDER: Final = 100  # numbers behind; what is older is a new stream (RFC 3550 §A.1)
NUMBERS: Final = 1 << 16

Item = TypeVar("Item")


class Reordering(Generic[Item]):
    """Gives back what is put in, by the 16 bits of its sequence number."""

    def __init__(self, depth: int) -> None:
        """``depth`` is how many may wait for one that is missing."""
        self.late = 0  # that came after their turn, or twice
        self._depth = depth
        self._next: int | None = None
        self._waiting: dict[int, Item] = {}

    def put(self, sequence: int, item: Item) -> list[Item]:
        """Take one packet; what may go on now, in order."""
        ahead = 0 if self._next is None else (sequence - self._next) % NUMBERS
        if ahead == 0 and not self._waiting:
            self._next = (sequence + 1) % NUMBERS
            return [item]
        if MAX_DROPOUT < ahead < NUMBERS - MAX_MISORDER:
            out = [*self.flush(), item]
            self._next = (sequence + 1) % NUMBERS
            return out
        if ahead >= NUMBERS - MAX_MISORDER or sequence in self._waiting:
            self.late += 1
            return []
        self._waiting[sequence] = item
        return self._due()

    def flush(self) -> list[Item]:
        """What waits still; nothing that is missing will come."""
        out = []
        while self._waiting:
            out += self._give_up()
        return out

    def _due(self) -> list[Item]:
        out = self._in_turn()
        while len(self._waiting) > self._depth:
            out += self._give_up()
        return out

    def _give_up(self) -> list[Item]:
        """The missing ones before the first that waits."""
        before = self._next or 0
        self._next = min(self._waiting, key=lambda number: (number - before) % NUMBERS)
        return self._in_turn()

    def _in_turn(self) -> list[Item]:
        out: list[Item] = []
        while self._next in self._waiting:
            out.append(self._waiting.pop(self._next))
            self._next = (self._next + 1) % NUMBERS
        return out
