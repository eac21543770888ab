"""The small grammar that header values share (RFC 3261 §7.3, §25.1).

Lives here: tokens, quoted strings, parameters, comma lists.
Never here: what any one header means.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import MalformedMessage

Parameters = tuple[tuple[str, str | None], ...]

MAX_PARAMETERS: Final = 100  # of one header or URI; tens of thousands fit into a datagram

# From, To, Contact and their URIs come with each message of a dialog: what was read is kept.
KEPT: Final = 2048  # values of each kind; those not met for longest go
LONGEST_KEPT: Final = 256  # characters, so that they are some megabytes at most

TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
# Possessive quantifiers (*+, ++) never give back: 64 KiB of anything is read in linear time.
QUOTED: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
LIST_DELIMITER: Final = re.compile(r'[,"<]')
PARAMETER: Final = re.compile(
    r";[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*(?:=[ \t]*(\"(?:[^\"\\]++|\\.)*+\"|[^;,\s\"<>]+)[ \t]*)?"
)


def split_list(value: str) -> list[str]:
    """Cut ``element *( COMMA element )`` at the commas outside quotes and angle brackets.

    Empty elements are dropped.

    Raises:
        MalformedMessage: an unclosed quote or bracket.
    """
    if "," not in value:
        return [value] if value else []
    plain = '"' not in value and "<" not in value
    pieces = value.split(",") if plain else _split_carefully(value)
    return [stripped for piece in pieces if (stripped := piece.strip(" \t"))]


def _split_carefully(value: str) -> list[str]:
    pieces, start, position = [], 0, 0
    while (found := LIST_DELIMITER.search(value, position)) is not None:
        position = found.end()
        if found[0] == ",":
            pieces.append(value[start : found.start()])
            start = position
        elif found[0] == "<":
            position = value.find(">", position) + 1
            if not position:
                raise MalformedMessage("'<' without '>'")
        else:
            closed = QUOTED.match(value, found.start())
            if closed is None:
                raise MalformedMessage("quote without end")
            position = closed.end()
    pieces.append(value[start:])
    return pieces


def quote(text: str) -> str:
    """``quoted-string``: backslash and quote escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """The text inside a quoted string; any other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return unescape(text[1:-1])


def unescape(inner: str) -> str:
    """What stands between the quotes, each ``quoted-pair`` undone."""
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if "\\" in inner else inner


def read_parameters(text: str) -> Parameters:
    """``*( SEMI token [ EQUAL ( token / host / quoted-string ) ] )``.

    Names are lower-cased, values stay as written, quotes included.

    Raises:
        MalformedMessage: anything else, an empty parameter included.
    """
    found: list[tuple[str, str | None]] = []
    position, end = 0, len(text)
    while position < end:
        match = PARAMETER.match(text, position)
        if match is None:
            raise MalformedMessage(f"bad parameters {text[position : position + 80]!r}")
        found.append((match[1].lower(), match[2]))
        position = match.end()
        if len(found) > MAX_PARAMETERS:
            raise MalformedMessage(f"more than {MAX_PARAMETERS} parameters")
    return tuple(found)


def write_parameters(parameters: Parameters) -> str:
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in parameters)


def find_parameter(parameters: Parameters, name: str) -> str | None:
    """The value without its quotes; "" when the parameter has none; None when it is absent."""
    for each, value in parameters:
        if each == name:
            return value if value and value[0] != '"' else unquote(value or "")
    return None
