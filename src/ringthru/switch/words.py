"""Small pieces of text, for commands, applications and events alike."""

from __future__ import annotations

import os
from typing import Final

UNQUOTED_BLANKS: Final = " \t"
UNITS: Final = (  # of an uptime; a year is 365 days, as FreeSWITCH counts
    ("year", 365 * 86_400_000_000),
    ("day", 86_400_000_000),
    ("hour", 3_600_000_000),
    ("minute", 60_000_000),
    ("second", 1_000_000),
    ("millisecond", 1_000),
    ("microsecond", 1),
)


def words_of(line: str) -> list[str]:
    r"""Split at blanks, as FreeSWITCH does: ``'…'`` keeps blanks together, ``\'`` is a quote itself."""
    words: list[str] = []
    current: str | None = None
    quoted = False
    position = 0
    while position < len(line):
        character = line[position]
        if line.startswith("\\'", position):
            current, position = (current or "") + "'", position + 1
        elif character == "'":
            quoted, current = not quoted, current or ""
        elif character in UNQUOTED_BLANKS and not quoted:
            words, current = [*words, *([] if current is None else [current])], None
        else:
            current = (current or "") + character
        position += 1
    return words if current is None else [*words, current]


def random_uuid() -> str:
    """A UUID of version 4 (RFC 9562 §5.4); importing ``uuid`` for it would take 3 ms of every start."""
    bits = int.from_bytes(os.urandom(16)) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
    digits = f"{bits:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def uptime_words(seconds: float) -> str:
    """``0 years, 0 days, 1 hour, 2 minutes …``: FreeSWITCH's words for how long the switch has been up."""
    left, parts = int(seconds * 1e6), []
    for unit, size in UNITS:
        amount, left = divmod(left, size)
        parts.append(f"{amount} {unit}{'' if amount == 1 else 's'}")
    return ", ".join(parts)
