"""The XML dialplan: from a call to the list of applications it runs. Pure: values in, actions out.

Follows FreeSWITCH's hunt: conditions of an extension in order, each with its ``break``; an extension whose
last condition held ends the hunt unless it says ``continue="true"``. ``$1`` stands for a capture of the
condition's own expression; ``${name}`` in an action's data is left for the moment the action runs.

Lives here: contexts, extensions, conditions, and which actions they come to.
Never here: running an application, a channel, or the clock: conditions on the time of day never hold.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Self

from ...net.values import frozen
from .errors import ConfigurationError, Position
from .expand import Lookup, has_variables
from .expressions import Test, compile_expression, fill_captures
from .tree import Element, Tree
from .values import read_boolean

log = logging.getLogger(__name__)

DEEPEST: Final = 100  # conditions within conditions
FALLBACK_CONTEXT: Final = "global"
TIME_WORDS: Final = (
    "year yday mon mday week mweek wday hour minute minute-of-day time-of-day date-time tz-offset"
)
TIME_ATTRIBUTES: Final = frozenset(TIME_WORDS.split())

Trace = Callable[[str], None]
RunInline = Callable[["Action"], None]


@frozen
class Action:
    """One application to run. ``data`` still holds its ``${name}`` variables."""

    application: str
    data: str = ""
    inline: bool = False  # run while hunting, so that later conditions see what it set


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
class Condition:
    rule: Rule
    tests: tuple[Test, ...]
    break_: Break
    actions: tuple[Action, ...]
    anti_actions: tuple[Action, ...]
    nested: tuple[Condition, ...] = ()
    require_nested: bool = True

    def holds(self, lookup: Lookup) -> tuple[bool, re.Match[str] | None]:
        """Whether it holds, and the match whose captures its actions may use."""
        outcomes = [test.match(lookup) for test in self.tests]
        passed = [each for each in outcomes if each[0]]
        captures = next(
            (match for _, match in reversed(passed) if match is not None and match.re.groups), None
        )
        if self.rule is Rule.XOR:
            return len(passed) == 1, captures
        if self.rule is Rule.ANY:
            return bool(passed), captures
        return len(passed) == len(outcomes), captures


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

    def actions(self, context: str, fields: Mapping[str, str]) -> list[Action]:
        """What a call does, in order; empty when the context has nothing for it, or does not exist."""
        return list(self.route(context, fields.get).actions)

    def route(
        self,
        context: str,
        lookup: Lookup,
        *,
        run_inline: RunInline | None = None,
        trace: Trace | None = None,
    ) -> Route:
        """Hunt through a context, or through the one named ``global`` where that one is missing.

        Args:
            lookup: the call's fields (``destination_number``, ``caller_id_number``, ``network_addr`` …) and
                its variables, by name; None for what it has not got.
            run_inline: runs the actions marked ``inline``; without it they stand in the list with the others.
            trace: takes one line per step, for a log.
        """
        name = context if context in self.contexts else FALLBACK_CONTEXT
        if name not in self.contexts:
            return Route(context, False)
        hunt = _Hunt(lookup, run_inline, trace)
        used = []
        for extension in self.contexts[name]:
            hunt.say(f"parsing [{name}->{extension.name}] continue={str(extension.continue_).lower()}")
            before = hunt.taken
            matched = hunt.through(extension.conditions, extension.name)
            if hunt.taken > before:
                used.append(extension.name)
            if matched and not extension.continue_:
                break
        return Route(name, True, tuple(hunt.actions), tuple(used))


class _Hunt:
    """One hunt's state: the actions so far."""

    def __init__(self, lookup: Lookup, run_inline: RunInline | None, trace: Trace | None) -> None:
        self.actions: list[Action] = []
        self.taken = 0  # actions, those run inline included
        self._lookup = lookup
        self._run_inline = run_inline
        self.say: Trace = trace or (lambda line: None)

    def through(self, conditions: tuple[Condition, ...], name: str) -> bool:
        """Take the conditions in order; whether the last one looked at held, or had an anti-action."""
        matched = False
        for condition in conditions:
            holds, captures = condition.holds(self._lookup)
            self._say_outcome(condition, holds, name)
            for action in condition.actions if holds else condition.anti_actions:
                self._take(action, captures if holds else None)
            matched = holds or bool(condition.anti_actions)
            if condition.break_.after(holds):
                break
            if matched and condition.nested:
                nested = self.through(condition.nested, name)
                matched = nested or not condition.require_nested
                if not matched and condition.break_ is not Break.NEVER:
                    break
        return matched

    def _take(self, action: Action, captures: re.Match[str] | None) -> None:
        if captures is not None:
            action = Action(action.application, fill_captures(action.data, captures), action.inline)
        self.taken += 1
        self.say(f"Action {action.application}({action.data}){' INLINE' if action.inline else ''}")
        if action.inline and self._run_inline is not None:
            self._run_inline(action)
        else:
            self.actions.append(action)

    def _say_outcome(self, condition: Condition, holds: bool, name: str) -> None:
        tests = f" {condition.rule.value} ".join(str(test) for test in condition.tests)
        self.say(f"Regex ({'PASS' if holds else 'FAIL'}) [{name}] {tests} break={condition.break_.value}")


def _read_extension(element: Element) -> Extension:
    conditions = tuple(_read_condition(each, 1) for each in element.all("condition"))
    name = element.get("name") or "_anon_"
    return Extension(name, element.position, _flag(element, "continue", False), conditions)


def _read_condition(element: Element, depth: int) -> Condition:
    if depth > DEEPEST:
        raise ConfigurationError(
            element.position, f"conditions are nested more than {DEEPEST} deep", "flatten them"
        )
    rule, tests = _read_tests(element)
    return Condition(
        rule,
        tests,
        _read_break(element),
        tuple(_read_action(each) for each in element.all("action")),
        tuple(_read_action(each) for each in element.all("anti-action")),
        tuple(_read_condition(each, depth + 1) for each in element.all("condition")),
        _flag(element, "require-nested", True),
    )


def _read_tests(element: Element) -> tuple[Rule, tuple[Test, ...]]:
    word = element.get("regex").strip().lower()
    if not word:
        return Rule.ONE, (_read_test(element),)
    if word not in (Rule.ALL.value, Rule.ANY.value, Rule.XOR.value):
        raise ConfigurationError(element.position, f"regex is '{word}', but must be all, any or xor")
    return Rule(word), tuple(_read_test(each) for each in element.all("regex"))


def _read_test(element: Element) -> Test:
    timed = bool(TIME_ATTRIBUTES & element.attributes.keys())
    if timed:
        text = "%s: conditions on date and time are not supported in this version: this one never holds"
        log.warning(text, element.position)
    child = element.first("expression")
    expression = child.text if child is not None else element.get("expression")
    field = element.get("field").strip()
    if has_variables(expression) or not field:
        return Test(field, expression, None, timed)
    try:
        return Test(field, expression, compile_expression(expression), timed)
    except re.error as error:
        message = f"'{expression}' is not a regular expression: {error}"
        raise ConfigurationError(element.position, message) from error


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
    return Action(application, element.text or element.get("data"), _flag(element, "inline", False))


def _flag(element: Element, name: str, default: bool) -> bool:
    if name not in element.attributes:
        return default
    try:
        return read_boolean(element.get(name))
    except ValueError as error:
        message = f"{name} is '{element.get(name)}', but must be {error}"
        raise ConfigurationError(element.position, message) from error
