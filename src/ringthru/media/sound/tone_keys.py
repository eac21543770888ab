"""Keys heard as tones: the two frequencies of a telephone's key (ITU-T Q.23), by Goertzel's algorithm.

What counts is from Q.24: a key of 40 ms or more is one, a pause of 40 ms or more parts two, a break of 10 ms
does not; each tone from -25 dBm0 on, one up to 8 dB louder than the other, up to 1.5 % beside its frequency.

Sound is judged in blocks of 12.75 ms. A key has begun with two blocks in a row that hold it. It is over after
two that are quiet or hold another one, or three that hold something else: a break of 10 ms spoils two.
A block costs 65 µs, a quiet one 8.

Lives here: from µ-law to keys. Never here: packets, whose sound it is, what a key does.
"""

from __future__ import annotations

from typing import Final

from ..rtp.telephone_event import KeyHeard
from .g711 import SAMPLE_RATE, ULAW_TO_LINEAR
from .tones import power_at

ROWS: Final = (697.0, 770.0, 852.0, 941.0)  # Hz
COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
NAMES: Final = ("123A", "456B", "789C", "*0#D")
BLOCK: Final = 102  # samples: short enough for 40 ms, and long enough to tell 697 Hz from 770
LEAST: Final = 700.0**2 / 2 * BLOCK  # power of one tone: -29 dBm0, some room below what must be heard
TWIST: Final = 8.0  # how much stronger one tone may be: 9 dB, for a block tells it to one
APART: Final = 6.3  # how much weaker the others of its group must be
SHARE: Final = 0.6  # of all power that is in the two: speech has more beside them
BEGINS: Final = 2  # blocks in a row
SURELY, AT_LAST = 2, 3  # blocks after which a key is over: of silence or another key, of anything
OTHER: Final = "?"  # a block that holds some sound, and no key


class KeyEar:
    """Listens to one side, octet by octet."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._key = ""  # the one that is down
        self._lasted, self._without = 0, 0  # blocks since it began, and since it was heard last
        self._last, self._alike = "", 0  # what the last blocks held, and how many of them

    def hear(self, ulaw: bytes) -> list[KeyHeard]:
        """The keys that somebody let go of in this sound."""
        self._waiting += ulaw
        keys = []
        while len(self._waiting) >= BLOCK:
            found = key_in([ULAW_TO_LINEAR[octet] for octet in self._waiting[:BLOCK]])
            del self._waiting[:BLOCK]
            if (key := self._follow(found)) is not None:
                keys.append(key)
        return keys

    def _follow(self, found: str) -> KeyHeard | None:
        """Take what one block holds; a key when it is over."""
        self._alike = self._alike + 1 if found == self._last else 1
        self._last = found
        self._lasted += 1
        self._without = 0 if found == self._key else self._without + 1
        over = self._end() if self._key and self._is_over(found) else None
        if not self._key and found not in ("", OTHER) and self._alike >= BEGINS:
            self._key, self._lasted = found, self._alike
        return over

    def _is_over(self, found: str) -> bool:
        surely = found not in (self._key, OTHER) and self._alike >= SURELY
        return surely or self._without >= AT_LAST

    def _end(self) -> KeyHeard:
        key, self._key = self._key, ""
        return KeyHeard(key, round((self._lasted - self._without) * BLOCK * 1000 / SAMPLE_RATE))


def key_in(samples: list[int]) -> str:
    """The key whose two tones a block holds, and little else; empty for a quiet block, else ``OTHER``."""
    power = sum(sample * sample for sample in samples)
    if power < 2 * LEAST:
        return ""
    row, low = _strongest(samples, ROWS)
    column, high = _strongest(samples, COLUMNS)
    if row < 0 or column < 0 or min(low, high) < LEAST or max(low, high) > TWIST * min(low, high):
        return OTHER
    return NAMES[row][column] if low + high >= SHARE * power else OTHER


def _strongest(samples: list[int], group: tuple[float, ...]) -> tuple[int, float]:
    """Which tone of a group, and its power; -1 where another is nearly as strong."""
    powers = [power_at(samples, frequency) for frequency in group]
    most = max(powers)
    place = powers.index(most)
    alone = all(each * APART <= most for other, each in enumerate(powers) if other != place)
    return (place if alone else -1), most
