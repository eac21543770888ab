"""Names of variables: they compare without case, as FreeSWITCH's do, and are shown as first written.

Whoever takes a name from outside (an application, a dial string, a file, a command) makes a key of it by
`variable_name`; our own code writes names in small letters. So a look-up is a plain one of a dictionary.

Lives here: the keys. Never here: variables.
"""

from __future__ import annotations


class SpelledName(str):
    """A name in small letters that remembers its capitals.

    A dictionary keeps the key that was there first, also where another mapping is merged into it: so the
    first spelling stays, without a second dictionary beside the first.
    """

    __slots__ = ("spelling",)

    spelling: str


def variable_name(written: str) -> str:
    """The key of a name that may have capitals in it."""
    small = written.lower()
    if small == written:
        return written
    name = SpelledName(small)
    name.spelling = written
    return name


def spelled(name: str) -> str:
    """A key as it is shown."""
    return name.spelling if isinstance(name, SpelledName) else name
