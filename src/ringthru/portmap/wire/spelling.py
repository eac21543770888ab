"""Numbers and addresses as gateways write them: with zeros, blanks, signs and units that say nothing.

Lives here: what is plainly meant. What is not (``1,787``; ``0x13``; a range) is no number, rather than a
wrong one. Never here: which numbers make sense where.
"""

from __future__ import annotations

import re
from typing import Final

from ..values import printable

NUMBER: Final = re.compile(
    r"""["']?\+?0*(\d{1,10})(?:\.0*)?(?:s|secs?|seconds?|/(?:tcp|udp))?["']?\Z""", re.IGNORECASE
)
DOTTED: Final = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[/:]\d{1,5})?\Z", re.ASCII)


def number(text: str, digits: int = 10) -> int | None:
    """A whole number of at most so many digits, zeros before it not counted; None when it is none."""
    if text.isdigit() and text.isascii() and len(text) <= digits:
        return int(text)  # as nearly all write it
    found = NUMBER.match("".join(text.split())) if text.isascii() else None
    return int(found[1]) if found is not None and len(found[1]) <= digits else None


def address(text: str) -> str:
    """An IPv4 address without zeros before its numbers, prefix length or port; else the text, printable."""
    text = printable(text)
    found = DOTTED.match(text)
    if found is None or any(int(part) > 255 for part in found.groups()):
        return text
    return ".".join(str(int(part)) for part in found.groups())
