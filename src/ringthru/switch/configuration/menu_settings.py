"""What ivr.conf says: menus, and what a caller's keys do in them.

Lives here: names, types, defaults. Never here: a caller.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

from ...net.values import frozen
from .errors import ConfigurationError
from .expressions import compile_expression
from .tree import Element, Tree
from .values import read_number

log = logging.getLogger(__name__)

ACTIONS: Final = frozenset(
    ("menu-exec-app", "menu-sub", "menu-back", "menu-top", "menu-exit", "menu-play-sound")
)
MOST_KEYS: Final = 64
LONGEST_WAIT: Final = 600_000  # milliseconds
MOST_TRIES: Final = 100
SOUNDS: Final = ("greet-long", "greet-short", "invalid-sound", "exit-sound")
PIN_SOUNDS: Final = ("prompt-pin-file", "bad-pin-file")
NUMBERS: Final[Mapping[str, tuple[int, int, int]]] = {  # by attribute: the least, the most, the default
    "timeout": (0, LONGEST_WAIT, 10_000),
    "inter-digit-timeout": (0, LONGEST_WAIT, 2_000),
    "max-failures": (0, MOST_TRIES, 3),
    "max-timeouts": (0, MOST_TRIES, 3),
    "digit-len": (1, MOST_KEYS, 1),
}
KNOWN: Final = frozenset(
    (
        *("name", "pin", "exec-on-max-failures", "exec-on-max-timeouts"),
        *(*SOUNDS, *PIN_SOUNDS, *NUMBERS),
        *("tts-engine", "tts-voice", "confirm-macro", "confirm-key", "confirm-attempts"),  # of speech alone
    )
)


@frozen
class MenuEntry:
    """What some keys do. ``digits`` are those keys, or ``/…/``, a regular expression that they match."""

    action: str
    digits: str
    param: str = ""

    @property
    def expression(self) -> str:
        """Empty where the keys themselves are meant."""
        return self.digits if len(self.digits) > 2 and self.digits.startswith("/") else ""


@frozen
class Menu:
    """One menu. Spans are seconds; sounds are what ``playback`` takes, empty: none."""

    name: str
    entries: tuple[MenuEntry, ...]
    sounds: Mapping[str, str]  # by attribute
    timeout: float  # until the first key must come
    between: float  # until the next one must
    failures: int  # more wrong ones end it
    timeouts: int  # more silences do
    digits: int  # the most keys
    pin: str = ""
    on_failures: str = ""  # an application and its data
    on_timeouts: str = ""

    def sound(self, name: str) -> str:
        return self.sounds.get(name, "")


def load_menus(tree: Tree) -> dict[str, Menu]:
    """The menus of ivr.conf by name; none where there is no such file.

    Raises:
        ConfigurationError: a menu without a name, a number that is none, an expression that is none.
    """
    element = tree.configuration("ivr.conf")
    if element is None:
        return {}
    menus = {menu.name: menu for menu in map(_menu, element.inside("menus", "menu"))}
    for menu in menus.values():
        for entry in menu.entries:
            if entry.action == "menu-sub" and entry.param not in menus:
                log.warning("ivr.conf: menu %s leads to %s, which is not there", menu.name, entry.param)
    return menus


def _menu(element: Element) -> Menu:
    name = element.get("name").strip()
    if not name:
        raise ConfigurationError(element.position, "ivr.conf: a menu without a name", 'write <menu name="…">')
    numbers = {each: _number(element, name, each) for each in NUMBERS}
    return Menu(
        name=name,
        entries=tuple(entry for each in element.all("entry") if (entry := _entry(each, name)) is not None),
        sounds={each: text for each in (*SOUNDS, *PIN_SOUNDS) if (text := element.get(each).strip())},
        timeout=numbers["timeout"] / 1000,
        between=numbers["inter-digit-timeout"] / 1000,
        failures=numbers["max-failures"],
        timeouts=numbers["max-timeouts"],
        digits=numbers["digit-len"],
        pin=element.get("pin").strip(),
        on_failures=element.get("exec-on-max-failures").strip(),
        on_timeouts=element.get("exec-on-max-timeouts").strip(),
    )


def _number(element: Element, menu: str, name: str) -> int:
    least, most, default = NUMBERS[name]
    text = element.get(name).strip()
    if not text:
        return default
    try:
        return read_number(text, least, most)
    except ValueError as error:
        message = f"ivr.conf, menu {menu}: {name} is '{text}', but must be {error}"
        raise ConfigurationError(element.position, message, "") from error


def _entry(element: Element, menu: str) -> MenuEntry | None:
    """None: an action that is not done here, which is said."""
    entry = MenuEntry(
        element.get("action").strip(), element.get("digits").strip(), element.get("param").strip()
    )
    if entry.action not in ACTIONS or not entry.digits:
        text = "%s: ivr.conf, menu %s: '%s' on '%s' is not supported in this version: ignored"
        log.warning(text, element.position, menu, entry.action, entry.digits, extra={"ignored": entry.action})
        return None
    try:
        if entry.expression:
            compile_expression(entry.expression)
    except re.error as error:
        message = f"ivr.conf, menu {menu}: {entry.digits} is no regular expression: {error}"
        raise ConfigurationError(element.position, message, "") from error
    return entry
