"""Run-time variables: ``${name}`` and its forms, replaced where the text is used.

=====================  ==============================================================
``${name}``            the variable's value; nothing when it is not set
``$${name}``           the same (global variables are usually replaced when files are read)
``${name:2}``          from the third character on; ``-2``: the last two
``${name:0:3}``        three characters; ``${name:0:-1}``: all but the last
``${name[1]}``         the second item of an array, ``ARRAY::a|:b``; item 0 of any other value is the value
``${call(text)}``      what an API command answers; the text may hold variables
=====================  ==============================================================

A value is never looked at again, so what a stranger put into a variable is not expanded.

Lives here: the forms. Never here: where variables live, what a command does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Lookup = Callable[[str], str | None]

# What we chose: what a stranger sends may end up in variables
DEEPEST: Final = 16  # variables within variables' names
LONGEST: Final = 65_536  # characters of a result

SLICE: Final = re.compile(r"(?P<name>[^:]*):(?P<offset>-?\d{1,9})(?::(?P<length>-?\d{1,9}))?\Z")
ITEM: Final = re.compile(r"(?P<name>[^\[]*)\[(?P<index>\d{1,9})\]\Z")
COMMAND: Final = re.compile(r"[\w.-]+\(.*\)\Z", re.DOTALL)  # its text may hold colons and brackets
BRACES: Final = re.compile("[{}]")
ARRAY_MARK: Final = "ARRAY::"


def has_variables(text: str) -> bool:
    return "${" in text


def expand(text: str, lookup: Lookup) -> str:
    """Replace every ``${…}``; ``\\$`` stands for a dollar sign, and an unclosed brace for itself.

    Args:
        lookup: a variable's value by name, or a command's answer by its whole text, ``name(text)``;
            None when there is none.
    """
    if "$" not in text:
        return text
    return _expand(text, lookup, 0)[:LONGEST]


def _expand(text: str, lookup: Lookup, depth: int) -> str:
    closing = _closing_braces(text)
    parts: list[str] = []
    size = at = 0
    while at < len(text) and size <= LONGEST:
        start = text.find("$", at)
        if start < 0:
            start = len(text)
        escaped = start > at and text[start - 1] == "\\" and start < len(text)
        part = text[at : start - 1] if escaped else text[at:start]
        at = start
        if escaped:
            part, at = part + "$", start + 1
        elif at < len(text):
            value, at = _value_at(text, at, closing, lookup, depth)
            part += value
        parts.append(part)
        size += len(part)
    return "".join(parts)


def _value_at(text: str, at: int, closing: dict[int, int], lookup: Lookup, depth: int) -> tuple[str, int]:
    """The value of what begins with the dollar sign at ``at``, and where the text goes on."""
    brace = at + 2 if text.startswith("$${", at) else at + 1
    if not text.startswith("{", brace):
        return "$", at + 1
    end = closing.get(brace)
    if end is None or depth >= DEEPEST:
        return text[at : brace + 1], brace + 1
    inner = _expand(text[brace + 1 : end], lookup, depth + 1)
    return _value(inner, lookup), end + 1


def _closing_braces(text: str) -> dict[int, int]:
    """Which brace closes which, in one pass: a text of unclosed ones must not be looked through for each."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for brace in BRACES.finditer(text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif opened:
            found[opened.pop()] = brace.start()
    return found


def _value(inner: str, lookup: Lookup) -> str:
    if COMMAND.match(inner):
        return lookup(inner) or ""
    if item := ITEM.match(inner):
        return _item(lookup(item["name"]) or "", int(item["index"]))
    if part := SLICE.match(inner):
        length = part["length"]
        return _slice(
            lookup(part["name"]) or "", int(part["offset"]), None if length is None else int(length)
        )
    return lookup(inner) or ""


def _item(value: str, index: int) -> str:
    items = value.removeprefix(ARRAY_MARK).split("|:") if value.startswith(ARRAY_MARK) else [value]
    return items[index] if index < len(items) else ""


def _slice(value: str, offset: int, length: int | None) -> str:
    """A negative offset counts from the end; a negative length leaves that many characters off the end."""
    rest = value[offset:]
    return rest if length is None else rest[:length]
