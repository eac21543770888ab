"""Splitting what somebody typed, for commands and applications alike."""

from __future__ import annotations

from typing import Final

UNQUOTED_BLANKS: Final = " \t"


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
