"""Extensions out of XML elements; what cannot be meant is named with its file and line.

Lives here: attributes, and what is allowed in them. Never here: what they do (``conditions``).
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from .conditions import FOREVER, Action, Break, Clause, Condition, Extension, Rule
from .errors import ConfigurationError
from .expand import has_variables
from .expressions import Test, compile_expression
from .spelling import TIME_ATTRIBUTES
from .tree import Element
from .values import read_boolean

if TYPE_CHECKING:
    from .time_of_day import TimeTest

log = logging.getLogger(__name__)

DEEPEST: Final = 100  # conditions within conditions
MOST_LOOPS: Final = 1000


def read_extension(element: Element) -> Extension:
    """One ``<extension>``.

    Raises:
        ConfigurationError: an expression that is no regular expression, or an unknown word.
    """
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
    if expression and not name:
        text = "%s: <%s> has an expression and no field to look at: it holds for every call"
        log.warning(text, element.position, element.tag)
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
