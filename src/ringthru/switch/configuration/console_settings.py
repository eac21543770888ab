"""What console.conf says, as typed values: which lines of the log the console shows, and how.

Lives here: names, types, defaults. Never here: the console, the log.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Self

from ...net.values import frozen
from .parameters import read_parameters
from .switch_settings import LOG_LEVELS
from .tree import Element, Tree
from .values import one_of, read_boolean

log = logging.getLogger(__name__)

PARAMETERS: Final[dict[str, Any]] = {
    "colorize": read_boolean,
    "loglevel": one_of(*LOG_LEVELS, *"01234567"),
    "uuid": read_boolean,
}
SPELLINGS: Final = {"error": "err"}


@frozen
class ConsoleSettings:
    """Without console.conf, or where it is silent: what switch.conf says, and colours on a terminal."""

    colorize: bool = True  # on a terminal
    loglevel: str = ""  # "": as switch.conf has it
    uuid: bool = False  # before each line about a call
    levels: frozenset[str] = frozenset()  # the levels that are shown, by name; none: all of them

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """console.conf.

        Raises:
            ConfigurationError: a value that cannot be meant.
        """
        element = tree.configuration("console.conf")
        if element is None:
            return cls()
        values = read_parameters(element.inside("settings", "param"), PARAMETERS, "console.conf")
        return cls(**values, levels=_levels(element))


def _levels(element: Element) -> frozenset[str]:
    """Of the mapping ``all``. Others name source files of FreeSWITCH, and there are none of these here."""
    levels: set[str] = set()
    for each in element.inside("mappings", "map"):
        name = each.get("name")
        if name.lower() != "all":
            text = "%s: console.conf: the mapping of '%s' is ignored: only that of 'all' counts here"
            log.info(text, each.position, name)
            continue
        words = {word.strip().lower() for word in each.get("value").split(",")}
        levels |= {SPELLINGS.get(word, word) for word in words}
    return frozenset() if "all" in levels else frozenset(levels)
