"""What ``${name(arguments)}`` answers in the dialplan: the API commands that need no waiting.

``regex(TEXT|EXPRESSION[|RESULT[|n or b]])`` is ``true`` or ``false``, or RESULT with ``%1`` filled in (else
TEXT; with ``n`` nothing, with ``b`` ``false``). ``cond(A == B ? YES : NO)`` knows ``== != < <= > >=``.
``expr(…)`` reckons. Further ones can be added by whoever owns the switch: ``add``, or ``others`` for the
rest of the API.

Lives here: these functions. Never here: where a variable's value comes from (``routing``).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from hashlib import md5
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from ...net.acl import matches
from ..configuration.expressions import compile_expression, fill_captures
from ..dialing.endpoints import NOT_REGISTERED
from .text_functions import TEXT_FUNCTIONS

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..snapshots import RegistrationSnapshot

Function = Callable[[str], str]
Others = Callable[[str, str], str | None]  # of a name and the text in brackets; None: there is none such

CALL: Final = re.compile(r"([\w.-]+)\((.*)\)", re.DOTALL)
SIGNS: Final = re.compile("==|!=|<=|>=|<|>")
OPERATORS: Final[Mapping[str, Callable[[object, object], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,  # type: ignore[dict-item]  # both are floats, or both are lengths
    "<=": operator.le,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
}


class Functions:
    """The functions of one switch."""

    def __init__(self, calls: Calls, variables: Mapping[str, str]) -> None:
        self._calls = calls
        self._variables = variables
        self.others: Others | None = None  # the rest of the API, where somebody has it
        self._known: dict[str, Function] = {
            **TEXT_FUNCTIONS,
            "acl": self._acl,
            "cond": condition,
            "db": lambda text: self._calls.database.do(text.strip()),
            "domain_data": self._domain_data,
            "domain_exists": lambda text: _word(self._calls.directory.domain(text.strip()) is not None),
            "expr": reckoned,
            "global_getvar": lambda text: self._variables.get(text.strip().lower(), ""),
            "group": lambda text: self._calls.database.do_group(text.strip()),
            "group_call": lambda text: self._calls.dialer.endpoints.group_call(text),
            "hash": lambda text: self._calls.shelf.do(text.strip()) or "",
            "in_group": self._in_group,
            "limit_usage": self._limit_usage,
            "md5": lambda text: md5(text.encode(), usedforsecurity=False).hexdigest(),
            "regex": regex,
            "sofia_contact": self._sofia_contact,
            "sofia_count_reg": self._sofia_count_reg,
            "sofia_username_of": self._sofia_username_of,
            "url_decode": unquote,
            "url_encode": lambda text: quote(text, safe=""),
            "user_data": self._user_data,
            "user_exists": self._user_exists,
            "uuid_exists": lambda text: _word(text.strip() in self._calls.channels),
            "uuid_getvar": self._uuid_getvar,
        }

    def add(self, name: str, function: Function) -> None:
        """Let ``${name(text)}`` answer with what ``function`` makes of the text; it must not wait."""
        self._known[name] = function

    def call(self, text: str) -> str | None:
        """The answer of ``name(arguments)``; None when there is no such function."""
        found = CALL.fullmatch(text)
        if found is None:
            return None
        function = self._known.get(found[1])
        if function is not None:
            return function(found[2])
        return self.others(found[1], found[2]) if self.others is not None else None

    def _acl(self, argument: str) -> str:
        """``ADDRESS LIST``: whether the list, or network, holds the address."""
        address, name = (*argument.split(), "", "")[:2]
        return _word(bool(name) and matches(self._calls.registrar.lists, name, address))

    def _domain_data(self, argument: str) -> str:
        """``DOMAIN attr|var|param NAME``; never a password."""
        who, kind, name = (*argument.split(), "", "", "")[:3]
        domain = self._calls.directory.domain(who)
        if domain is None or name.lower() in SECRETS:
            return ""
        if kind == "attr":
            return domain.name if name == "name" else ""
        if kind == "param":
            return domain.params.get(name.lower(), "")
        return domain.variables.get(name.lower(), "") if kind == "var" else ""

    def _in_group(self, argument: str) -> str:
        """``USER[@DOMAIN] GROUP``, or a comma between them, as FreeSWITCH reads it in spite of its syntax."""
        words = argument.replace(",", " ").split()
        if len(words) != 2:
            return _word(False)
        endpoints = self._calls.dialer.endpoints
        user, domain = endpoints.user(words[0]), endpoints.domain(words[0].partition("@")[2])
        members = domain.group(words[1]) if domain is not None else ()
        return _word(user is not None and user in members)

    def _limit_usage(self, text: str) -> str:
        """``BACKEND REALM ID``: how many calls count there."""
        _, realm, key = (*text.split(), "", "", "")[:3]
        return str(self._calls.shelf.usage(realm, key))

    def _sofia_contact(self, argument: str) -> str:
        """``[PROFILE/]user@domain``: its bindings as dial strings, or the error that says there are none."""
        profile, slash, who = argument.rpartition("/")
        now = next((each.now() for each in self._calls.profiles.values()), 0.0)
        found = self._calls.registrar.contacts(who, profile if slash else "*", now)
        return ",".join(found) or NOT_REGISTERED

    def _sofia_count_reg(self, argument: str) -> str:
        """``[PROFILE/]USER@DOMAIN``: how many phones are registered so."""
        return str(len(self._bindings(argument)))

    def _sofia_username_of(self, argument: str) -> str:
        """``[PROFILE/]USER@DOMAIN``: as whom its phone logged in; nothing where there is none."""
        found = self._bindings(argument)
        return found[0].auth_user if found else ""

    def _bindings(self, argument: str) -> list[RegistrationSnapshot]:
        profile, _, user = argument.strip().rpartition("/")
        now = next((each.now() for each in self._calls.profiles.values()), 0.0)
        rows = self._calls.registrar.snapshot(now)
        return [each for each in rows if each.user == user and profile in ("", each.profile)]

    def _user_data(self, argument: str) -> str:
        """``USER@DOMAIN attr|var|param NAME``; never a password."""
        who, kind, name = (*argument.split(), "", "", "")[:3]
        user = self._calls.dialer.endpoints.user(who)
        if user is None or name.lower() in SECRETS:
            return ""
        if kind == "var":
            return user.variables.get(name.lower(), "")
        if kind == "param":
            return user.params.get(name.lower(), "")
        known = {"id": user.id, "number-alias": user.number_alias, "cidr": ",".join(user.cidr)}
        return known.get(name, "") if kind == "attr" else ""

    def _user_exists(self, argument: str) -> str:
        """``id USER DOMAIN``."""
        key, name, domain = (*argument.split(), "", "", "")[:3]
        return _word(key == "id" and self._calls.dialer.endpoints.user(f"{name}@{domain}") is not None)

    def _uuid_getvar(self, argument: str) -> str:
        uuid, _, name = argument.strip().partition(" ")
        channel = self._calls.channels.get(uuid)
        return channel.variables.get(name.strip().lower(), "") if channel else ""


# Of the functions of every switch, for those who look at a dialplan without one
FUNCTION_NAMES: Final = frozenset(
    (
        *TEXT_FUNCTIONS,
        *("acl", "cond", "db", "domain_data", "domain_exists", "expr", "global_getvar", "group"),
        *("group_call", "hash", "in_group", "limit_usage", "md5", "regex", "sofia_contact"),
        *("sofia_count_reg", "sofia_username_of", "url_decode", "url_encode", "user_data"),
        *("user_exists", "uuid_exists", "uuid_getvar"),
    )
)
SECRETS: Final = frozenset({"password", "a1-hash", "vm-password", "reverse-auth-pass"})


def _word(value: bool) -> str:
    return "true" if value else "false"


def regex(argument: str) -> str:
    """See the module."""
    separator = "|"
    if argument.startswith("m:") and len(argument) > 3:
        separator, argument = argument[2], argument[3:].removeprefix(argument[2])
    if separator not in argument:
        return "-ERR"
    text, expression, *rest = (*argument.split(separator, 3), "")[: max(argument.count(separator) + 1, 2)]
    try:
        found = compile_expression(expression).search(text)
    except re.error:
        return "-ERR"
    if not rest:
        return _word(found is not None)
    if found is None:
        flag = rest[1] if len(rest) > 1 else ""
        return {"n": "", "b": "false"}.get(flag, text)
    return fill_captures(re.sub(r"%(\d{1,2})", r"$\1", rest[0]), found)


def condition(argument: str) -> str:
    """See the module: numbers compare as numbers; texts as texts, with ``<`` and ``>`` by their length."""
    question, mark, results = argument.partition("?")
    found = SIGNS.search(question)
    if not mark or found is None:
        return "-ERR"
    one, sign, other = _plain(question[: found.start()]), found[0], _plain(question[found.end() :])
    yes, _, no = results.partition(":")
    numbers = (_number(one), _number(other))
    if None not in numbers:
        holds = OPERATORS[sign](*numbers)
    elif sign in ("==", "!="):
        holds = OPERATORS[sign](one, other)
    else:
        holds = OPERATORS[sign](len(one), len(other))
    return _plain(yes if holds else no)


def _plain(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[-+]?\d{1,15}(\.\d{1,9})?", text) else None


def reckoned(argument: str) -> str:
    """A sum of numbers with ``+ - * / % ^`` and brackets; ``-ERR`` when it is none."""
    from .sums import value_of  # late: few dialplans reckon

    try:
        return f"{value_of(argument):.10g}"
    except ValueError:
        return "-ERR"
