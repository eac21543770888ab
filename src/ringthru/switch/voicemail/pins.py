"""PINs: whether one fits, those that owners chose by phone, and how many may be wrong.

PINs are short, so guesses are counted: after a few wrong ones a box opens to no PIN for a while. One that was
chosen by phone is kept as a hash, beside the hash of the directory's PIN that it took the place of: where the
directory has another one since, that one holds.

Lives here: the count, the hashes. Never here: asking for one, the disk.
"""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

from ...net.values import frozen
from ..configuration.weak_secrets import COMMON_DIGITS

if TYPE_CHECKING:
    from .values import Box

MOST_WRONG: Final = 10  # PINs in a row, over all calls
LOCKED: Final = 900.0  # seconds from the last of them on
MOST_BOXES: Final = 10_000  # that are remembered
SHORTEST: Final = 4  # digits of a PIN that is chosen by phone
COST: Final = 2**14  # of scrypt (RFC 7914 §2): some 40 ms and 16 MiB for each guess
MARK: Final = "scrypt"


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

    def judge(self, box: Box, now: float, *, right: bool) -> bool:
        """Whether somebody who gave a PIN is let in; how it went is remembered."""
        if self.is_locked(box, now):
            return False
        if right:
            self._wrong.pop(box, None)
            return True
        count, _ = self._wrong.pop(box, (0, 0.0))
        if len(self._wrong) >= MOST_BOXES:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong[box] = (count + 1, now)
        return False


@frozen
class ChosenPin:
    """One that was chosen by phone. To make and to try one takes its time: not in the loop of calls."""

    salt: bytes
    chosen: bytes
    former: bytes  # the directory's, then

    @classmethod
    def of(cls, pin: str, former: str, salt: bytes) -> Self:
        return cls(salt, _hash(pin, salt), _hash(former, salt))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """As ``str`` wrote it; None for anything else."""
        mark, *parts = text.split("$")
        try:
            salt, chosen, former = map(bytes.fromhex, parts)
        except ValueError:
            return None
        return cls(salt, chosen, former) if mark == MARK and salt else None

    def __str__(self) -> str:
        return "$".join((MARK, self.salt.hex(), self.chosen.hex(), self.former.hex()))

    def stands(self, former: str) -> bool:
        """Whether it holds: ``former`` is the directory's PIN now."""
        return hmac.compare_digest(self.former, _hash(former, self.salt))

    def fits(self, given: str) -> bool:
        return hmac.compare_digest(self.chosen, _hash(given, self.salt))


def fits(given: str, pin: str, chosen: ChosenPin | None) -> bool:
    """Whether it is the PIN: the chosen one, else the directory's ``pin``; nothing fits an empty one."""
    if chosen is not None and chosen.stands(pin):
        return chosen.fits(given)
    return bool(pin) and hmac.compare_digest(given.encode(), pin.encode())


def is_easy(pin: str, user: str) -> bool:
    """Whether a stranger would try it first, or it is too short."""
    steps = {ord(after) - ord(before) for before, after in pairwise(pin)}
    return len(pin) < SHORTEST or pin in (*COMMON_DIGITS, user, user[::-1]) or steps in ({0}, {1}, {-1})


def _hash(text: str, salt: bytes) -> bytes:
    return hashlib.scrypt(text.encode(), salt=salt, n=COST, r=8, p=1, dklen=32)
