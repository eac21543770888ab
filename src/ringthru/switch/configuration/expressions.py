"""Regular expressions of the dialplan, as FreeSWITCH writes them, held against the fields of a call.

Lives here: compiling, matching, filling in captures. Never here: conditions and what follows from them.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from ...net.values import frozen
from .expand import Lookup, expand

log = logging.getLogger(__name__)

LONGEST_FIELD: Final = 256  # characters; longer text matches nothing, for regular expressions can be slow


@frozen
class Test:
    """A field and the expression it is held against; without a field it always holds."""

    field: str
    expression: str
    pattern: re.Pattern[str] | None  # None: the expression has variables, and is compiled when it is used
    timed: bool = False

    def match(self, lookup: Lookup) -> tuple[bool, re.Match[str] | None]:
        if self.timed or not self.field:
            return not self.timed, None
        text = expand(self.field, lookup) if "$" in self.field else lookup(self.field) or ""
        pattern = self.pattern or _compile_expanded(self.expression, lookup)
        if pattern is None or len(text) > LONGEST_FIELD:
            return False, None
        found = pattern.search(text)
        return found is not None, found

    def __str__(self) -> str:
        return f"{self.field} =~ /{self.expression}/" if self.field else "always"


def fill_captures(text: str, match: re.Match[str]) -> str:
    """Put captures in place of ``$0`` … ``$99``; a group that took no part is empty."""

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        return (match[number] or "") if number <= match.re.groups else ""

    return re.sub(r"\$(\d{1,2})", value, text)


def compile_expression(expression: str) -> re.Pattern[str]:
    """A regular expression as FreeSWITCH writes them: bare, or ``/expression/flags`` with flags of ``imsx``.

    Perl's ``(?<name>…)`` is Python's ``(?P<name>…)``.

    Raises:
        re.error: it is not one.
    """
    flags = re.RegexFlag(0)
    if expression.startswith("/") and (end := expression.rfind("/")) > 0:
        letters = expression[end + 1 :]
        if not set(letters) <= set("imsx"):
            raise re.error(f"unknown flags '{letters}'")
        for letter in letters:
            flags |= re.RegexFlag[letter.upper()]
        expression = expression[1:end]
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", expression), flags)
    except (OverflowError, RecursionError) as error:
        raise re.error(str(error)) from error


def _compile_expanded(expression: str, lookup: Lookup) -> re.Pattern[str] | None:
    """An expression with variables: their values are taken literally, for a caller may have written them."""
    try:
        return compile_expression(expand(expression, lambda name: re.escape(lookup(name) or "")))
    except re.error as error:
        log.warning(
            "'%s' is not a regular expression once its variables are filled in: %s", expression, error
        )
        return None
