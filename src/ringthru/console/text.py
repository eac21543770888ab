"""Small pieces of text that every command uses.

Lives here: escaping, plurals, splitting what somebody typed.
Never here: a command, or anything that knows the switch.
"""

from __future__ import annotations

from typing import Final

from ..net.spans import span
from ..switch.words import words_of

__all__ = ["RULE", "aligned", "count", "port_of", "span", "visible", "words_of"]

RULE: Final = "=" * 97  # the line FreeSWITCH draws above and below its tables


def visible(text: str) -> str:
    r"""The text with everything that a terminal would obey written as ``\x1b`` or ``\u202e``.

    Gateways, phones and log messages may carry escape sequences, line breaks or direction marks.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def count(number: int, noun: str, ending: str = "s") -> str:
    """``1 profile``, ``2 profiles``, ``0 aliases`` (with ``ending="es"``)."""
    return f"{number} {noun}{'' if number == 1 else ending}"


def port_of(text: str) -> int | None:
    """A port somebody typed, 1–65535; None when it is not one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    return int(text) if 1 <= int(text) <= 65535 else None


def aligned(rows: list[tuple[str, ...]], gap: int = 2) -> str:
    """Rows in columns as wide as their longest cell; the last column is not padded. Ends with a newline."""
    widths = [max(map(len, column)) + gap for column in zip(*rows, strict=True)]
    lines = ("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)
