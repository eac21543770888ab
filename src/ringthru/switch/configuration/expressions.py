"""Regular expressions of the dialplan, as FreeSWITCH writes them, held against the fields of a call.

A stranger chooses the text, and some expressions take for ever over the wrong text. Text longer than
``LONGEST_FIELD`` matches nothing. Python's own matcher takes the expressions that cannot explode on so
little text; the others (a repeated group with a choice or a repetition in it, a back reference, more than
``FEW`` open repetitions) are matched under a time limit, and hold nothing once it has passed.

Lives here: compiling, matching, filling in captures. Never here: conditions and what follows from them.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from ...net.values import frozen
from .expand import Lookup, expand

log = logging.getLogger(__name__)

LONGEST_FIELD: Final = 256  # characters
TIME_LIMIT: Final = 0.02  # seconds that one match may take
FEW: Final = 3  # open repetitions: 256 characters cubed are some 20 ms
LONGEST_EXPRESSION: Final = 4096  # characters
OPEN_REPEAT: Final = 10  # {m,n} from this n on counts as open
REPEAT: Final = re.compile(r"\{(\d*)(,?)(\d*)\}")

Captures = tuple[str, ...]  # the whole match, then its groups


@frozen
class Expression:
    """A compiled expression."""

    text: str
    pattern: Any  # of ``re``, or of ``regex`` where it is guarded
    guarded: bool

    def search(self, text: str) -> Captures | None:
        """What it matches of a text; None when it matches nothing, or not in time."""
        if len(text) > LONGEST_FIELD:
            return None
        try:
            limit = {"timeout": TIME_LIMIT} if self.guarded else {}
            found = self.pattern.search(text, **limit)
        except TimeoutError:
            log.error("the expression '%s' takes too long over '%s', so it does not match", self.text, text)
            return None
        return None if found is None else (found[0], *(each or "" for each in found.groups()))


@frozen
class Test:
    """A field and the expression it is held against; without a field it always holds."""

    field: str
    expression: str
    compiled: Expression | None  # None: the expression has variables, and is compiled when it is used

    def match(self, lookup: Lookup) -> Captures | None:
        """The captures when it holds (none but an empty whole match where there is no field)."""
        if not self.field:
            return ("",)
        text = expand(self.field, lookup) if "$" in self.field else lookup(self.field) or ""
        compiled = self.compiled or _compile_expanded(self.expression, lookup)
        return None if compiled is None else compiled.search(text)

    def __str__(self) -> str:
        return f"{self.field} =~ /{self.expression}/" if self.field else "always"


def fill_captures(text: str, captures: Captures) -> str:
    """Put captures in place of ``$0`` … ``$99``; a group that is not there is empty."""

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        return captures[number] if number < len(captures) else ""

    return re.sub(r"\$(\d{1,2})", value, text)


def compile_expression(expression: str) -> Expression:
    """A regular expression as FreeSWITCH writes them: bare, or ``/expression/flags`` with flags of ``imsx``.

    Perl's ``(?<name>…)`` is Python's ``(?P<name>…)``.

    Raises:
        re.error: it is not one.
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise re.error(f"longer than {LONGEST_EXPRESSION} characters")
    bare, flags = expression, re.RegexFlag(0)
    if expression.startswith("/") and (end := expression.rfind("/")) > 0:
        letters = expression[end + 1 :]
        if not set(letters) <= set("imsx"):
            raise re.error(f"unknown flags '{letters}'")
        for letter in letters:
            flags |= re.RegexFlag[letter.upper()]
        bare = expression[1:end]
    bare = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", bare)
    try:
        if not may_explode(bare):
            return Expression(expression, re.compile(bare, flags), False)
        import regex  # late: importing it takes as long as all the rest of a start, and few trees need it

        return Expression(expression, regex.compile(bare, int(flags)), True)
    except (OverflowError, RecursionError) as error:
        raise re.error(str(error)) from error
    except Exception as error:  # regex has an error class of its own, which is not re's
        raise re.error(str(error)) from error


def may_explode(expression: str) -> bool:
    """Whether matching may take more than the cube of a text's length; rather once too often."""
    variable = [False]  # of each open group: whether it can match in several ways
    opened = at = 0
    while at < len(expression):
        character = expression[at]
        if character == "\\":
            if expression[at + 1 : at + 2].isdigit() or expression[at + 1 : at + 2] in ("k", "g"):
                return True  # a back reference
            at += 1
        elif character == "[":
            at = _end_of_class(expression, at)
        elif character == "(":
            if expression.startswith("(?P=", at) or len(variable) > 50:
                return True
            variable.append(False)
        elif character == "|":
            variable[-1] = True
        elif character == ")" and len(variable) > 1:
            inner = variable.pop()
            if inner and _repeats(expression, at + 1):
                return True
            variable[-1] |= inner
        elif character in "*+" or (character == "{" and _is_open(expression, at)):
            variable[-1] = True
            opened += 1
        elif character == "?" or (character == "{" and _varies(expression, at)):
            variable[-1] = True
        at += 1
    return opened > FEW


def _repeats(expression: str, at: int) -> bool:
    return expression[at : at + 1] in ("*", "+", "{")


def _is_open(expression: str, at: int) -> bool:
    """Whether ``{…}`` at this place repeats without an end, or nearly so."""
    found = REPEAT.match(expression, at)
    if found is None:
        return False
    highest = found[3] or ("" if found[2] else found[1])
    return not highest or int(highest[:6]) >= OPEN_REPEAT


def _varies(expression: str, at: int) -> bool:
    found = REPEAT.match(expression, at)
    return found is not None and bool(found[2]) and found[1] != found[3]


def _end_of_class(expression: str, at: int) -> int:
    """Where ``[…]`` ends; a ``]`` right at its beginning is one of its characters."""
    at += 1
    if expression.startswith("^", at):
        at += 1
    if expression.startswith("]", at):
        at += 1
    while at < len(expression) and expression[at] != "]":
        at += 2 if expression[at] == "\\" else 1
    return at


def _compile_expanded(expression: str, lookup: Lookup) -> Expression | None:
    """An expression with variables: their values are taken literally, for a caller may have written them."""
    try:
        return compile_expression(expand(expression, lambda name: re.escape(lookup(name) or "")))
    except re.error as error:
        log.warning(
            "'%s' is not a regular expression once its variables are filled in: %s", expression, error
        )
        return None
