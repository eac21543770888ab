"""Dial strings: ``<a=1>{b=2}[c=3]user/1000,sofia/internal/sip:9196@host|error/user_busy:_:group/sales``.

======================  ======================================================================
``,``                   ring together
``|``                   try in order
``:_:``                 independent strings, all at once; the first answer of any of them wins
``<a=1,b=2>``           variables for everything, at the very start
``{a=1,b=2}``           variables for all legs up to the next ``:_:``
``[a=1,b=2]``           variables for one leg, before its endpoint
``{^^:a=1,2:b=3}``      another separator: what stands behind ``^^``
``{a='1,2'}`` ``a=1\\,2``   a value with a separator in it
======================  ======================================================================

As in FreeSWITCH, a variable of ``{}`` holds against the same one in ``[]``, unless ``local_var_clobber=true``
stands in the braces. A quote counts only where a value or a part of an address begins, so that ``O'Neil``
needs none.

Lives here: reading them. Never here: looking anybody up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from typing import Final

from ...net.values import frozen
from ..variable_names import variable_name

CLOSING = {"{": "}", "[": "]", "<": ">", "(": ")"}
OPENS_A_QUOTE = "=/,|:^"  # what may stand before a quote; the start of the text too
ENTERPRISE = ":_:"
OBEYED = str.maketrans({each: f"%{ord(each):02X}" for each in "{}[]<>()'|,\\"})
ALONE = ("portaudio",)  # endpoints that need no address
TRUE = ("true", "yes", "on", "1", "t", "enabled", "active", "allow")

# What we chose: more is a mistake, or an attack
LONGEST = 65_536  # characters
MOST_LEGS = 200
KEPT: Final = 64  # of those read last; a dialplan has but a few
LONGEST_KEPT: Final = 256  # characters


class BadDialString(ValueError):
    """The text is not a dial string; the message says where."""


@frozen
class Destination:
    """One leg to dial; ``endpoint`` is what stands before the first slash: ``user``, ``sofia``, ``error``.

    ``variables`` are all that hold for it, its own and those around it.
    """

    endpoint: str
    address: str
    variables: Mapping[str, str] = field(default_factory=dict)


@frozen
class Branch:
    """What stands between two ``:_:``: groups to try in order, each a tuple of legs to ring together."""

    groups: tuple[tuple[Destination, ...], ...]
    variables: Mapping[str, str] = field(default_factory=dict)  # of ``<>`` and ``{}``


@frozen
class DialString:
    """A whole dial string; there is at least one branch with at least one leg."""

    branches: tuple[Branch, ...]
    variables: Mapping[str, str] = field(default_factory=dict)  # of ``<>``


def parse_dial_string(text: str) -> DialString:
    """Read a dial string, in time linear in its length. What was read lately is kept: change nothing of it.

    Raises:
        BadDialString: an unclosed bracket, a leg without an endpoint, nobody to dial, or far too much of it.
    """
    if len(text) > LONGEST:
        raise BadDialString(f"a dial string of {len(text)} characters; {LONGEST} are the most")
    return _kept(text) if len(text) <= LONGEST_KEPT else _read(text)


def _read(text: str) -> DialString:
    whole, rest = _variables(text.strip(), "<")
    branches = tuple(
        branch for part in _split(rest, ENTERPRISE) if (branch := _branch(part.strip(), whole)).groups
    )
    legs = sum(len(group) for branch in branches for group in branch.groups)
    if not legs:
        raise BadDialString("nobody to dial: the dial string is empty")
    if legs > MOST_LEGS:
        raise BadDialString(f"{legs} legs to dial; {MOST_LEGS} are the most")
    return DialString(branches, whole)


_kept: Final = lru_cache(KEPT)(_read)


def harmless(text: str) -> str:
    """What somebody else wrote into a SIP address, with all that a dial string obeys as ``%HH``.

    Else a caller who dials ``1000,user/1001`` rings two, and a Contact with an apostrophe rings nobody.
    It also takes the ``{`` out of a ``${…}`` that a capture would carry into an action's data.
    """
    if text.isalnum():  # as nearly always
        return text
    return text.translate(OBEYED).replace(ENTERPRISE, "%3A_%3A")


def truth(text: str | None) -> bool:
    """A variable that switches something on; unset is off."""
    word = (text or "").strip().lower()
    return word in TRUE or (word.isdecimal() and word.strip("0") != "")


def separated(text: str, separator: str) -> list[str]:
    """A list after FreeSWITCH's manner: ``^^X`` at the start makes ``X`` the separator instead."""
    if text.startswith("^^") and len(text) > 2:
        separator, text = text[2], text[3:]
    return list(_split(text, separator))


def assignments(text: str, separator: str = ",") -> dict[str, str]:
    """``a=1,b='2,3'`` as a mapping; what has no ``=`` or no name does not count."""
    found = {}
    for pair in separated(text, separator):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            found[variable_name(name.strip())] = _plain(value.strip())
    return found


def _branch(text: str, whole: Mapping[str, str]) -> Branch:
    braces, rest = _variables(text, "{<")
    common = {**whole, **braces}
    groups = [
        tuple(_destination(leg.strip(), common) for leg in _split(group, ","))
        for group in _split(rest, "|")
        if group.strip()
    ]
    return Branch(tuple(groups), common)


def _destination(text: str, common: Mapping[str, str]) -> Destination:
    own, rest = _variables(text, "[{")
    endpoint, slash, address = rest.partition("/")
    if not endpoint or not (slash or endpoint.lower() in ALONE):
        message = f"'{rest[:80]}' names no endpoint (user/…, sofia/PROFILE/…, group/…, error/CAUSE)"
        raise BadDialString(message)
    held = {**common, **own} if truth(common.get("local_var_clobber")) else {**own, **common}
    return Destination(endpoint.lower(), _without_quotes(address), held)


def _variables(text: str, openers: str) -> tuple[dict[str, str], str]:
    """Read leading bracketed variable lists, and return what follows them."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text) and text[at] in openers:
        end = _closing(text, at)
        if end is None:
            raise BadDialString(f"'{text[at]}' without '{CLOSING[text[at]]}'")
        found |= assignments(text[at + 1 : end])
        at = end + 1
        while text[at : at + 1].isspace():
            at += 1
    return found, text[at:]


def _closing(text: str, at: int) -> int | None:
    """Where the bracket at ``at`` closes; brackets of its kind may stand inside."""
    opener, closer, depth = text[at], CLOSING[text[at]], 0
    while (found := STEPS[opener].search(text, at)) is not None:
        at = found.start()
        if text[at] == "\\":
            at += 1
        elif text[at] == "'":
            at = _end_of_quote(text, at) or at
        elif text[at] == opener:
            depth += 1
        elif text[at] == closer:
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None


def _end_of_quote(text: str, at: int) -> int:
    """Where a quote that opens at ``at`` closes; 0 when it is but an apostrophe."""
    if at and text[at - 1] not in OPENS_A_QUOTE:
        return 0
    return max(text.find("'", at + 1), 0)


def _split(text: str, separator: str) -> Iterator[str]:
    """Split outside quotes, brackets and escapes; these stay in the parts as they are."""
    if not SPECIAL.search(text):
        yield from text.split(separator)
        return
    steps = STEPS.get(separator) or _steps(separator, "{}[]()")
    depth = start = at = 0
    while (found := steps.search(text, at)) is not None:
        at = found.start()
        character = text[at]
        if character == "\\":
            at += 1
        elif character == "'":
            at = _end_of_quote(text, at) or at
        elif depth == 0 and text.startswith(separator, at):
            yield text[start:at]
            at += len(separator) - 1
            start = at + 1
        elif character in "{[(":  # "<" opens at the very start only
            depth += 1
        elif character in "}])":
            depth = max(depth - 1, 0)
        at += 1
    if depth:
        raise BadDialString(f"unclosed bracket in '{text[:80]}'")
    yield text[start:]


def _steps(separator: str, brackets: str) -> re.Pattern[str]:
    """What to stop at: the separator or bracket, brackets, quotes and escapes."""
    return re.compile("|".join(re.escape(each) for each in (separator, *brackets, "'", "\\")))


SPECIAL: Final = re.compile(r"[\\'{}\[\]()]")
STEPS: Final = {
    **{each: _steps(each, "{}[]()") for each in (",", "|", ENTERPRISE)},
    **{opener: _steps(opener, closer) for opener, closer in CLOSING.items()},
}


def _plain(value: str) -> str:
    """A value without the quotes around it and without escapes: ``\\s`` is a blank."""
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return _unescaped(value)


def _without_quotes(address: str) -> str:
    """An address with the quotes gone that only kept it in one piece."""
    parts, at, start = [], 0, 0
    while at < len(address):
        if address[at] == "'" and (end := _end_of_quote(address, at)):
            parts += [address[start:at], address[at + 1 : end]]
            at, start = end, end + 1
        at += 1
    return _unescaped("".join([*parts, address[start:]]))


def _unescaped(text: str) -> str:
    r"""``\,`` and the like are the character itself, ``\s`` a blank; else a backslash is one."""
    if "\\" not in text:
        return text
    parts, at = [], 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        if text[at] == "\\" and following and (following == "s" or not following.isalnum()):
            parts.append(" " if following == "s" else following)
            at += 2
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts)
