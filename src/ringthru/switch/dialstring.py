"""Dial strings: ``{all=1}user/1000,[leg=2]sofia/internal/sip:9196@host|error/user_busy``.

``,`` rings together, ``|`` tries in order; ``{}`` sets variables on every leg, ``[]`` on one. Values may
be quoted with ``'``. Lives here: reading them. Never here: looking anybody up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from ..net.values import frozen

OPENING = {"{": "}", "[": "]", "<": ">"}
OBEYED = str.maketrans({each: f"%{ord(each):02X}" for each in "{}[]<>()'|,"})


class BadDialString(ValueError):
    """The text is not a dial string; the message says where."""


@frozen
class Destination:
    """One leg to dial; ``endpoint`` is what stands before the first slash: ``user``, ``sofia``, ``error``."""

    endpoint: str
    address: str
    variables: dict[str, str] = field(default_factory=dict)


def parse_dial_string(text: str) -> list[list[Destination]]:
    """Groups to try in order, each a list of legs to ring together.

    Raises:
        BadDialString: an unclosed bracket or quote, or a leg without an endpoint.
    """
    common, rest = _variables(text.strip(), "{<")
    groups = [
        [_destination(leg, common) for leg in _split(group, ",")]
        for group in _split(rest, "|")
        if group.strip()
    ]
    if not groups:
        raise BadDialString("nobody to dial: the dial string is empty")
    return groups


def harmless(text: str) -> str:
    """What somebody else wrote into a SIP address, with all that a dial string obeys as ``%HH``.

    Else a caller who dials ``1000,user/1001`` rings two, and a Contact with an apostrophe rings nobody.
    It also takes the ``{`` out of a ``${…}`` that a capture would carry into an action's data.
    """
    return text.translate(OBEYED)


def _destination(text: str, common: dict[str, str]) -> Destination:
    variables, rest = _variables(text.strip(), "[{")
    endpoint, slash, address = rest.partition("/")
    if not slash or not endpoint:
        raise BadDialString(f"'{rest}' names no endpoint (user/…, sofia/PROFILE/…, error/CAUSE)")
    return Destination(endpoint.lower(), address, {**common, **variables})


def _variables(text: str, openers: str) -> tuple[dict[str, str], str]:
    """Read leading bracketed variable lists, and return what follows them."""
    found: dict[str, str] = {}
    while text and text[0] in openers:
        end = text.find(OPENING[text[0]])
        if end < 0:
            raise BadDialString(f"'{text[0]}' without '{OPENING[text[0]]}'")
        inner, text = text[1:end], text[end + 1 :].lstrip()
        separator = ","
        if inner.startswith("^^") and len(inner) > 2:
            separator, inner = inner[2], inner[3:]
        for pair in _split(inner, separator):
            name, equals, value = pair.partition("=")
            if equals:
                found[name.strip()] = value.strip().strip("'")
    return found, text


def _split(text: str, separator: str) -> Iterator[str]:
    """Split outside quotes and brackets."""
    depth = 0
    quoted = False
    start = 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "{[(":
            depth += 1
        elif character in "}])":
            depth -= 1
        elif character == separator and depth == 0:
            yield text[start:position]
            start = position + 1
    if quoted or depth:
        raise BadDialString(f"unclosed quote or bracket in '{text}'")
    yield text[start:]
