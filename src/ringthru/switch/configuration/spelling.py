"""Slips of the pen in dialplan and directory: names that nobody reads, beside one that somebody does.

``<conditon>``, ``feld="…"`` or a ``pasword`` is no error to an XML reader, and the file then says another
thing than its writer meant: an extension without its condition, a user without a password. Names that are
like no known one are left alone, for FreeSWITCH's trees hold many that are of no use here.

Lives here: which names are known, and what is said of one that was hardly meant. Never here: what they mean.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Final

from .tree import Element, Tree

log = logging.getLogger(__name__)

ALIKE: Final = 0.7  # of tags and attributes (0 to 1): there are few, and short ones
FURTHEST: Final = 3  # characters that a slip adds or leaves out at most
ALIKE_VALUE: Final = 0.88  # of parameters and fields, for which people may invent names: vm-password

ALIKE_APPLICATION: Final = 0.8

Known = Mapping[str, tuple[Collection[str], Collection[str]]]  # by tag: its attributes, and the tags inside
Values = Mapping[str, tuple[str, Collection[str], float]]  # by tag: an attribute, what may be in it, ALIKE…

TIME_ATTRIBUTES: Final = frozenset(
    (
        *("year", "yday", "mon", "mday", "week", "mweek", "wday", "hour", "minute"),
        *("minute-of-day", "time-of-day", "date-time", "tz-offset", "dst"),
    )
)
ACTION: Final = (("application", "data", "inline", "loop", "function"), ())
DIALPLAN: Final[Known] = {
    "section": (("name", "description"), ("context",)),
    "context": (("name",), ("extension",)),
    "extension": (("name", "continue"), ("condition",)),
    "condition": (
        ("field", "expression", "break", "regex", "require-nested", *TIME_ATTRIBUTES),
        ("action", "anti-action", "condition", "regex", "expression"),
    ),
    "regex": (("field", "expression", *TIME_ATTRIBUTES), ("expression",)),
    "action": ACTION,
    "anti-action": ACTION,
}
OWNER: Final = ("params", "variables", "users", "user")
DIRECTORY: Final[Known] = {
    "section": (("name", "description"), ("domain",)),
    "domain": (("name", "alias"), (*OWNER, "groups")),
    "groups": ((), ("group",)),
    "group": (("name",), OWNER),
    "users": ((), ("user",)),
    "user": (("id", "type", "cidr", "number-alias", "cacheable"), (*OWNER[:2], "gateways")),
    "params": ((), ("param",)),
    "param": (("name", "value"), ()),
    "variables": ((), ("variable",)),
    "variable": (("name", "value", "direction"), ()),
}
USER_PARAMETERS: Final = (
    *("password", "a1-hash", "dial-string", "auth-acl", "sip-allow-register"),
    *("vm-password", "vm-enabled", "vm-disk-quota", "mwi-account"),
    *("vm-mailto", "vm-mailfrom", "vm-notify-mailto", "vm-attach-file", "vm-keep-local-after-email"),
    *("vm-email-all-messages", "vm-notify-email-all-messages"),
)
FIELDS: Final = ("destination_number", "caller_id_number", "caller_id_name", "network_addr")


def warn_of_slips(tree: Tree, applications: Collection[str] = ()) -> None:
    """A warning for each name in dialplan and directory that is nearly a known one.

    ``applications`` are those that an action may name.
    """
    values: Values = {
        "param": ("name", USER_PARAMETERS, ALIKE_VALUE),
        "condition": ("field", FIELDS, ALIKE_VALUE),
        "action": ("application", applications, ALIKE_APPLICATION),
        "anti-action": ("application", applications, ALIKE_APPLICATION),
    }
    for section, known in (("dialplan", DIALPLAN), ("directory", DIRECTORY)):
        for element in tree.section(section).elements:
            _look_at(element, known, values)


def _look_at(element: Element, known: Known, values: Values) -> None:
    attributes, inside = known[element.tag]
    for name in element.attributes:
        if meant := nearest(name, attributes):
            text = "%s: <%s> has an attribute '%s', which nobody reads: did you mean %s?"
            log.warning(text, element.position, element.tag, name, meant)
    if element.tag in values:
        _look_at_value(element, *values[element.tag])
    for child in element.children:
        if child.tag in inside and child.tag in known:
            _look_at(child, known, values)
        elif meant := nearest(child.tag, inside):
            text = "%s: <%s> in <%s> is read by nobody: did you mean <%s>?"
            log.warning(text, child.position, child.tag, element.tag, meant)


def _look_at_value(element: Element, which: str, names: Collection[str], alike: float) -> None:
    """A parameter of a user, the field of a condition, the application of an action."""
    written = element.get(which).strip().lower()
    if written and (meant := nearest(written, names, alike)):
        text = "%s: <%s %s='%s'> is nothing that we know: did you mean %s?"
        log.warning(text, element.position, element.tag, which, element.get(which), meant)


def nearest(name: str, known: Collection[str], alike: float = ALIKE) -> str:
    """The known name that this one was meant to be; "" for one that is known, or like none."""
    if name in known or "$" in name:
        return ""
    as_long = [each for each in known if abs(len(each) - len(name)) <= FURTHEST]
    if not as_long:
        return ""
    from difflib import get_close_matches  # only needed when something is wrong, and start-up time counts

    return next(iter(get_close_matches(name, as_long, n=1, cutoff=alike)), "")
