"""What the dialplan is made of: extensions, their conditions, and the actions these come to. Pure values.

Lives here: whether a condition holds, and what it captured.
Never here: reading them (``dialplan_reader``), the hunt through them (``dialplan``).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from ...net.values import frozen
from .errors import Position
from .expand import Lookup
from .expressions import Captures, Test

if TYPE_CHECKING:  # importing datetime is left to the first condition that asks for the time
    from datetime import datetime

    from .time_of_day import TimeTest

FOREVER: Final = -1  # a loop that only the end of the call ends

Clock = Callable[[], "datetime"]  # the moment now, with a time zone


@frozen
class Action:
    """One application to run. ``data`` still holds its ``${name}`` variables."""

    application: str
    data: str = ""
    inline: bool = False  # run while hunting, so that later conditions see what it set
    loops: int = 1  # how often it is run; FOREVER


class Break(Enum):
    """When a condition ends its extension."""

    ON_FALSE = "on-false"
    ON_TRUE = "on-true"
    ALWAYS = "always"
    NEVER = "never"

    def after(self, matched: bool) -> bool:
        return self is Break.ALWAYS or self is (Break.ON_TRUE if matched else Break.ON_FALSE)


class Rule(Enum):
    """How the tests of a condition combine; all but ONE are ``<condition regex=…>``."""

    ONE = "one"
    ALL = "all"
    ANY = "any"
    XOR = "xor"


class Outcome(NamedTuple):
    """What became of a condition's tests."""

    holds: bool
    captures: Captures | None = None  # those its actions may use: of the last test that held and has groups
    matches: tuple[Captures, ...] = ()  # of every <regex> that held, in order


@frozen
class Clause:
    """One test of a condition: a field, a time, or both, which must then both hold."""

    test: Test
    time: TimeTest | None = None

    def match(self, lookup: Lookup, clock: Clock) -> Captures | None:
        if self.time is not None and not self.time.holds(clock()):
            return None
        return self.test.match(lookup)

    def __str__(self) -> str:
        return str(self.test) if self.time is None else f"time and {self.test}"


@frozen
class Condition:
    rule: Rule
    clauses: tuple[Clause, ...]
    break_: Break
    actions: tuple[Action, ...]
    anti_actions: tuple[Action, ...]
    nested: tuple[Condition, ...] = ()
    require_nested: bool = True

    def outcome(self, lookup: Lookup, clock: Clock) -> Outcome:
        """Whether it holds, and what its expressions captured."""
        matches = [clause.match(lookup, clock) for clause in self.clauses]
        passed = tuple(each for each in matches if each is not None)
        captures = next((each for each in reversed(passed) if len(each) > 1), None)
        if self.rule is Rule.XOR:
            holds = len(passed) == 1
        elif self.rule is Rule.ANY:
            holds = bool(passed)
        else:
            holds = len(passed) == len(matches)
        return Outcome(holds, captures, () if self.rule is Rule.ONE else passed)


@frozen
class Extension:
    name: str
    position: Position
    continue_: bool
    conditions: tuple[Condition, ...]
