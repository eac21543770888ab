"""Which events one client wants: names, subclasses of CUSTOM, filters, and in which form.

Lives here: reading what a client asks for, judging an event by it. Never here: replies, connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..net.values import frozen
from ..switch.configuration.expressions import Expression, compile_expression
from ..switch.events.bus import SwitchEvent
from ..switch.events.forms import EventFormat
from ..switch.events.names import ALL, CUSTOM, KNOWN, PRIVATE

MOST_FILTERS: Final = 100
MOST_SLOW_FILTERS: Final = 4  # whose matching has to be timed: each may take 20 ms of every event
MOST_SUBCLASSES: Final = 500
FORMATS: Final = {each.value: each for each in EventFormat}


@frozen
class Filter:
    """One filter: events whose header has this value are sent, or are not (``excludes``)."""

    header: str
    value: str  # as the client wrote it
    wanted: str  # the same without the sign
    excludes: bool
    expression: Expression | None  # of ``/…/``

    @classmethod
    def read(cls, header: str, value: str) -> Filter:
        """Raises ``re.error``: ``/…/`` is no regular expression."""
        bare = value.lstrip("+- ")
        sign = value[: len(value) - len(bare)].replace(" ", "")[-1:]
        expression = compile_expression(bare) if bare.startswith("/") else None
        return cls(header, value, bare, sign == "-", expression)

    @property
    def is_slow(self) -> bool:
        """Whether the wrong value could take it long."""
        return self.expression is not None and self.expression.guarded

    def fits(self, event: SwitchEvent) -> bool:
        found = event.get(self.header)
        if found is None:
            return False
        if self.expression is not None:
            return self.expression.search(found) is not None
        return found.lower() == self.wanted.lower()


class Wishes:
    """What one client has asked for so far."""

    def __init__(self) -> None:
        self.form = EventFormat.PLAIN
        self.names: set[str] = set()
        self.subclasses: set[str] = set()  # of CUSTOM; none of them while CUSTOM is in ``names``: all
        self.filters: list[Filter] = []
        self.only: str | None = None  # the UUID of the one channel it hears of (``myevents``)
        self.allowed: frozenset[str] | None = None  # by ``esl-allowed-events``; None: all
        self.diverted = ""  # the UUID of the channel whose private events it has to itself

    @property
    def listening(self) -> bool:
        return bool(self.names or self.subclasses)

    @property
    def bus_names(self) -> frozenset[str]:
        """What the switch has to make for it."""
        private = PRIVATE if self.diverted else frozenset()
        return private | self.names | ({CUSTOM} if self.subclasses else set())

    def read_form(self, words: list[str]) -> list[str]:
        """Take the format off the front of a command's words; the rest are names."""
        form = FORMATS.get(words[0].lower()) if words else None
        if form is not None:
            self.form = form
            return words[1:]
        return words

    def may_add(self, words: Iterable[str]) -> bool:
        """Whether all of these are allowed; of CUSTOM without subclasses only those come that are."""
        if self.allowed is None:
            return True
        names, subclasses = read_names(words)
        if any("::" in each for each in self.allowed):
            names.discard(CUSTOM)
        return names <= self.allowed and (CUSTOM in self.allowed or subclasses <= self.allowed)

    def add(self, words: Iterable[str]) -> bool:
        """Want these too: names, and after CUSTOM subclasses. False: none of them is known."""
        names, subclasses = read_names(words)
        room = MOST_SUBCLASSES - len(self.subclasses)
        self.names |= names
        self.subclasses |= set(sorted(subclasses)[:room])
        return bool(names or subclasses)

    def remove(self, words: Iterable[str]) -> bool:
        """Want these no more; ``ALL`` stands for whatever was wanted. False: none of them is known."""
        names, subclasses = read_names(words)
        if ALL in names:
            self.clear()
            return True
        if self.names & {ALL} and names:
            self.names = set(KNOWN) - {ALL}
        self.names -= names
        self.subclasses -= subclasses
        if CUSTOM in names and not subclasses:
            self.subclasses.clear()
        return bool(names or subclasses)

    def clear(self) -> None:
        self.names.clear()
        self.subclasses.clear()

    def want(self, event: SwitchEvent) -> bool:
        """Whether an event is for this client."""
        if self.diverts(event):
            return True
        if not self._named(event) or not self._permitted(event):
            return False
        if self.only is not None and self.only != event.get("Unique-ID"):
            return False
        return self._passes_filters(event)

    def diverts(self, event: SwitchEvent) -> bool:
        """Whether it is for this client and nobody else, asked for or not (``divert_events``)."""
        return bool(self.diverted) and event.name in PRIVATE and event.get("Unique-ID") == self.diverted

    def _named(self, event: SwitchEvent) -> bool:
        if ALL in self.names or event.name in self.names:
            return True
        return event.name == CUSTOM and event.subclass in self.subclasses

    def _permitted(self, event: SwitchEvent) -> bool:
        return self.allowed is None or event.name in self.allowed or event.subclass in self.allowed

    def _passes_filters(self, event: SwitchEvent) -> bool:
        """An exclusion that fits decides; else one of the others must fit, where there are any."""
        if not self.filters:
            return True
        if any(each.excludes and each.fits(event) for each in self.filters):
            return False
        included = [each for each in self.filters if not each.excludes]
        return not included or any(each.fits(event) for each in included)

    def add_filter(self, header: str, value: str) -> bool:
        """False: there are too many. Raises ``re.error``, as ``Filter.read`` does."""
        added = Filter.read(header, value)
        if len(self.filters) >= MOST_FILTERS or (
            added.is_slow and sum(each.is_slow for each in self.filters) >= MOST_SLOW_FILTERS
        ):
            return False
        self.filters.append(added)
        return True

    def remove_filters(self, header: str, value: str) -> None:
        """Those of a header, all or only those with a value; ``all`` and no value: every one."""
        if header.lower() == "all" and not value:
            self.filters.clear()
        self.filters = [
            each
            for each in self.filters
            if each.header.lower() != header.lower() or (value and each.value.lower() != value.lower())
        ]


def read_names(words: Iterable[str]) -> tuple[set[str], set[str]]:
    """Names of events, and the subclasses that follow CUSTOM; CUSTOM alone is a name. Others do not count."""
    names: set[str] = set()
    subclasses: set[str] = set()
    after_custom = False
    for word in re.split(r"[\s,]+", " ".join(words)):
        if after_custom:
            subclasses |= {word} if word else set()
        elif word.upper() == CUSTOM:
            after_custom = True
        elif word.upper() == ALL or word.upper() in KNOWN:
            names.add(word.upper())
    if after_custom and not subclasses:
        names.add(CUSTOM)
    return names, subclasses
