"""The XML dialplan: from a call to the list of applications it runs. Pure: values in, actions out.

Follows FreeSWITCH's hunt: conditions of an extension in order, each with its ``break``; an extension whose
last condition held ends the hunt unless it says ``continue="true"``. ``$1`` stands for a capture of the
condition's own expression; ``${name}`` in an action's data is left for the moment the action runs.

Lives here: contexts, extensions, conditions, and which actions they come to.
Never here: running an application, a channel, or the clock: the moment of the hunt is handed in.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

from ...net.values import frozen, replace
from .errors import ConfigurationError, Position
from .expand import Lookup, has_variables
from .expressions import Captures, Test, compile_expression, fill_captures
from .tree import Element, Tree
from .values import read_boolean

if TYPE_CHECKING:  # importing datetime is left to the first condition that asks for the time
    from datetime import datetime

    from .time_of_day import TimeTest

log = logging.getLogger(__name__)

DEEPEST: Final = 100  # conditions within conditions
FALLBACK_CONTEXT: Final = "global"
FOREVER: Final = -1  # a loop that only the end of the call ends
MOST_LOOPS: Final = 1000
TIME_ATTRIBUTES: Final = frozenset(
    (
        *("year", "yday", "mon", "mday", "week", "mweek", "wday", "hour", "minute"),
        *("minute-of-day", "time-of-day", "date-time", "tz-offset", "dst"),
    )
)
MATCHES: Final = "DP_REGEX_MATCH_"  # …1: an array of what a condition's first <regex> captured

Trace = Callable[[str], None]
RunInline = Callable[["Action"], None]
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


@frozen
class Outcome:
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


@frozen
class Route:
    """What a hunt came to. No actions: nothing in the context wants this call (404)."""

    context: str
    context_found: bool
    actions: tuple[Action, ...] = ()
    extensions: tuple[str, ...] = ()  # the names of those that gave actions
    variables: Mapping[str, str] = field(default_factory=dict)  # captures of <regex> elements, by MATCHES


@frozen
class Dialplan:
    """All contexts, in the order of the files."""

    contexts: Mapping[str, tuple[Extension, ...]]

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """The dialplan section; no contexts when there is none.

        Raises:
            ConfigurationError: an expression that is no regular expression, or an unknown word.
        """
        contexts: dict[str, tuple[Extension, ...]] = {}
        for element in tree.section("dialplan").all("context"):
            extensions = tuple(_read_extension(each) for each in element.all("extension"))
            contexts[element.get("name")] = contexts.get(element.get("name"), ()) + extensions
        return cls(contexts)

    def route(
        self,
        context: str,
        lookup: Lookup,
        clock: Clock,
        *,
        run_inline: RunInline | None = None,
        trace: Trace | None = None,
    ) -> Route:
        """Hunt through a context, or through the one named ``global`` where that one is missing.

        Args:
            lookup: the call's fields (``destination_number``, ``caller_id_number``, ``network_addr`` …) and
                its variables, by name; None for what it has not got.
            clock: asked where a condition looks at the time.
            run_inline: runs the actions marked ``inline``; without it they stand in the list with the others.
            trace: takes one line per step, for a log.
        """
        name = context if context in self.contexts else FALLBACK_CONTEXT
        if name not in self.contexts:
            return Route(context, False)
        hunt = _Hunt(lookup, clock, run_inline, trace)
        used = []
        for extension in self.contexts[name]:
            if trace is not None:
                trace(f"parsing [{name}->{extension.name}] continue={str(extension.continue_).lower()}")
            before = hunt.taken
            matched = hunt.through(extension.conditions, extension.name)
            if hunt.taken > before:
                used.append(extension.name)
            if matched and not extension.continue_:
                break
        return Route(name, True, tuple(hunt.actions), tuple(used), hunt.variables)


class _Hunt:
    """One hunt's state: the actions so far."""

    def __init__(
        self, lookup: Lookup, clock: Clock, run_inline: RunInline | None, trace: Trace | None
    ) -> None:
        self.actions: list[Action] = []
        self.variables: dict[str, str] = {}
        self.taken = 0  # actions, those run inline included
        self._call = lookup
        self._clock = clock
        self._run_inline = run_inline
        self._trace = trace

    def through(self, conditions: tuple[Condition, ...], name: str) -> bool:
        """Take the conditions in order; whether the last one looked at held, or had an anti-action."""
        matched = False
        for condition in conditions:
            outcome = condition.outcome(self._lookup, self._clock)
            if self._trace is not None:
                self._trace(_words(condition, outcome.holds, name))
            for number, captures in enumerate(outcome.matches, start=1):
                self.variables[f"{MATCHES}{number}"] = "ARRAY::" + "|:".join(captures)
            for action in condition.actions if outcome.holds else condition.anti_actions:
                self._take(action, outcome.captures if outcome.holds else None)
            matched = outcome.holds or bool(condition.anti_actions)
            if condition.break_.after(outcome.holds):
                break
            if matched and condition.nested:
                nested = self.through(condition.nested, name)
                matched = nested or not condition.require_nested
                if not matched and condition.break_ is not Break.NEVER:
                    break
        return matched

    def _lookup(self, name: str) -> str | None:
        return self.variables.get(name) or self._call(name)

    def _take(self, action: Action, captures: Captures | None) -> None:
        if captures is not None:
            action = replace(action, data=fill_captures(action.data, captures))
        self.taken += 1
        if self._trace is not None:
            self._trace(f"Action {action.application}({action.data}){' INLINE' if action.inline else ''}")
        if action.inline and self._run_inline is not None:
            self._run_inline(action)
        else:
            self.actions.append(action)


def _words(condition: Condition, holds: bool, name: str) -> str:
    tests = f" {condition.rule.value} ".join(str(each) for each in condition.clauses)
    return f"Regex ({'PASS' if holds else 'FAIL'}) [{name}] {tests} break={condition.break_.value}"


def _read_extension(element: Element) -> Extension:
    conditions = tuple(_read_condition(each, 1) for each in element.all("condition"))
    name = element.get("name") or "_anon_"
    return Extension(name, element.position, _flag(element, "continue", False), conditions)


def _read_condition(element: Element, depth: int) -> Condition:
    if depth > DEEPEST:
        raise ConfigurationError(
            element.position, f"conditions are nested more than {DEEPEST} deep", "flatten them"
        )
    rule, clauses = _read_clauses(element)
    return Condition(
        rule,
        clauses,
        _read_break(element),
        tuple(_read_action(each) for each in element.all("action")),
        tuple(_read_action(each) for each in element.all("anti-action")),
        tuple(_read_condition(each, depth + 1) for each in element.all("condition")),
        _flag(element, "require-nested", True),
    )


def _read_clauses(element: Element) -> tuple[Rule, tuple[Clause, ...]]:
    word = element.get("regex").strip().lower()
    if not word:
        return Rule.ONE, (_read_clause(element),)
    if word not in (Rule.ALL.value, Rule.ANY.value, Rule.XOR.value):
        raise ConfigurationError(element.position, f"regex is '{word}', but must be all, any or xor")
    clauses = tuple(_read_clause(each) for each in element.all("regex"))
    if not clauses:
        remedy = 'write <regex field="…" expression="…"/> inside'
        raise ConfigurationError(element.position, f'regex="{word}" without a <regex>', remedy)
    return Rule(word), clauses


def _read_clause(element: Element) -> Clause:
    time = _read_time(element)
    child = element.first("expression")
    expression = child.text if child is not None else element.get("expression")
    name = element.get("field").strip()
    if has_variables(expression) or not name:
        return Clause(Test(name, expression, None), time)
    try:
        return Clause(Test(name, expression, compile_expression(expression)), time)
    except re.error as error:
        message = f"'{expression}' is not a regular expression: {error}"
        raise ConfigurationError(element.position, message) from error


def _read_time(element: Element) -> TimeTest | None:
    if not TIME_ATTRIBUTES & element.attributes.keys():
        return None
    from .time_of_day import read_time

    try:
        return read_time(element.attributes)
    except ValueError as error:
        raise ConfigurationError(element.position, str(error)) from error


def _read_break(element: Element) -> Break:
    word = element.get("break", Break.ON_FALSE.value).strip().lower()
    try:
        return Break(word)
    except ValueError:
        allowed = ", ".join(each.value for each in Break)
        raise ConfigurationError(
            element.position, f"break is '{word}', but must be one of {allowed}"
        ) from None


def _read_action(element: Element) -> Action:
    application = element.get("application").strip()
    if not application:
        message = f"<{element.tag}> without an application"
        raise ConfigurationError(element.position, message, 'write <action application="answer"/>')
    data = element.text or element.get("data")
    return Action(application, data, _flag(element, "inline", False), _read_loops(element))


def _read_loops(element: Element) -> int:
    text = element.get("loop").strip()
    if text in ("", str(FOREVER)):
        return FOREVER if text else 1
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_LOOPS:
        return int(text)
    message = f"loop is '{text}', but must be 1 to {MOST_LOOPS}, or {FOREVER} for ever"
    raise ConfigurationError(element.position, message)


def _flag(element: Element, name: str, default: bool) -> bool:
    if name not in element.attributes:
        return default
    try:
        return read_boolean(element.get(name))
    except ValueError as error:
        message = f"{name} is '{element.get(name)}', but must be {error}"
        raise ConfigurationError(element.position, message) from error
