"""Both sides of a call on one time line, as they are recorded.

A side is heard through a tap, which says nothing about silence; so whatever is missing beside the clock is
filled in, and a side that begins later, or changes, begins at its moment.

Lives here: that arithmetic. Never here: taps, files, the clock.
"""

from __future__ import annotations

from ..sound.g711 import SAMPLE_RATE, ULAW_SILENCE
from ..sound.mixing import together

SLACK = SAMPLE_RATE // 4  # samples that a side may be behind the clock before it counts as silent


class Side:
    """What one side said, in µ-law, from the beginning of the recording on."""

    __slots__ = ("_passed", "_waiting")

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._passed = 0  # samples that were taken

    def add(self, ulaw: bytes, now: int) -> None:
        """``now`` is the moment in samples since the beginning."""
        missing = now - self._passed - len(self._waiting) - len(ulaw)
        if missing > SLACK:
            self._waiting += bytes((ULAW_SILENCE,)) * missing
        self._waiting += ulaw

    def __len__(self) -> int:
        """Samples that wait."""
        return len(self._waiting)

    def reach(self, count: int) -> None:
        """Have so many samples waiting, silence at the end if need be."""
        self._waiting += bytes((ULAW_SILENCE,)) * (count - len(self._waiting))

    def take(self, count: int) -> bytes:
        taken = bytes(self._waiting[:count])
        del self._waiting[:count]
        self._passed += count
        return taken


class TwoSides:
    """A call's two sides."""

    def __init__(self) -> None:
        self.here, self.there = Side(), Side()

    def take(self) -> tuple[bytes, bytes]:
        """What is known of both, of one length."""
        count = min(len(self.here), len(self.there))
        return self.here.take(count), self.there.take(count)

    def even_out(self) -> None:
        """Nothing more comes: one side's last words are kept beside the silence of the other."""
        longer = max(len(self.here), len(self.there))
        self.here.reach(longer)
        self.there.reach(longer)

    def take_mixed(self) -> bytes:
        """The same as one."""
        return together(*self.take())
