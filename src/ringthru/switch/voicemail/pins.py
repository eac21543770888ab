"""PINs are short, so guesses are counted: after a few wrong ones a box opens to no PIN for a while.

Lives here: the count. Never here: asking for one, whose it is.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .values import Box

MOST_WRONG: Final = 10  # PINs in a row, over all calls
LOCKED: Final = 900.0  # seconds from the last of them on
MOST_BOXES: Final = 10_000  # that are remembered


class Pins:
    """Wrong PINs by box, with the moment of the last."""

    def __init__(self) -> None:
        self._wrong: dict[Box, tuple[int, float]] = {}

    def is_locked(self, box: Box, now: float) -> bool:
        """Whether too many were wrong lately; then even the right one is."""
        count, last = self._wrong.get(box, (0, 0.0))
        if count >= MOST_WRONG and now >= last + LOCKED:
            del self._wrong[box]
            return False
        return count >= MOST_WRONG

    def fits(self, box: Box, given: str, pin: str, now: float) -> bool:
        """Compare in constant time, and remember how it went."""
        if self.is_locked(box, now):
            return False
        if hmac.compare_digest(given.encode(), pin.encode()):
            self._wrong.pop(box, None)
            return True
        count, _ = self._wrong.pop(box, (0, 0.0))
        if len(self._wrong) >= MOST_BOXES:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong[box] = (count + 1, now)
        return False
