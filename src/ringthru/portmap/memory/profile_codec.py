"""A gateway's profile in words and in JSON, and what a person may set in it.

Lives here: the limits of each field, for the file and for people alike.
Never here: files, or how a lesson is learned.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from ...net.values import replace
from ..errors import LocalError
from .profile import KEYS, GatewayProfile

LONGEST_NAME: Final = 256  # characters of a fingerprint, or of an action's name
SHORTEST_RECHECK: Final = 10.0  # seconds: looking more often than this would be pestering
LONGEST_RECHECK: Final = 86400.0
LARGEST_TABLE: Final = 65535  # a port can be mapped once
LONGEST_PACE: Final = 5.0  # seconds; the slowest gateways take 4 to 6 s for an action (HT17)


def words(profile: GatewayProfile) -> tuple[str, ...]:
    """The profile for people, a phrase for each field that says something, e.g. "holds 20 mappings"."""
    said = []
    for name, phrase in PHRASES.items():
        value = getattr(profile, name)
        if name in profile.by_hand:
            said.append(f"{phrase(value)} (set by hand)")
        elif value != getattr(UNKNOWN, name):
            said.append(phrase(value))
    return tuple(said)


def to_json(profile: GatewayProfile) -> str:
    """One line; fields of which nothing is known are left out, unless a person has set them."""
    fields: dict[str, object] = {"fingerprint": profile.fingerprint}
    for name in READERS:
        value = getattr(profile, name)
        if name in profile.by_hand or value != getattr(UNKNOWN, name):
            fields[name] = sorted(value) if isinstance(value, frozenset) else value
    return json.dumps(fields | {"by_hand": sorted(profile.by_hand)})


def from_json(text: str) -> GatewayProfile:
    """Read a profile back; fields that only a newer version knows are left out.

    Raises:
        LocalError: not a JSON object, or a value outside what ``set_by_hand`` allows.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LocalError(f"a gateway profile that is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise LocalError("a gateway profile is a JSON object")
    known = {name: read(name, fields[name]) for name, read in READERS.items() if name in fields}
    fingerprint, by_hand = fields.get("fingerprint", ""), fields.get("by_hand", [])
    if not isinstance(fingerprint, str) or len(fingerprint) > LONGEST_NAME:
        raise LocalError(f"a fingerprint is a text of at most {LONGEST_NAME} characters")
    if not isinstance(by_hand, list):
        raise LocalError("by_hand is a list of fields")
    set_ones = frozenset(name for name in READERS if name in by_hand)
    return GatewayProfile(fingerprint=fingerprint, by_hand=set_ones, **known)


def set_by_hand(profile: GatewayProfile, **fields: object) -> GatewayProfile:
    """The profile as a person wants it; what they set is not learned over.

    Values may be what the field holds, or a text as typed: ``yes``, ``45``, ``none``.

    Raises:
        LocalError: no such field, or a value that it does not take; the message says what is allowed.
    """
    for name in fields:
        if name not in READERS:
            raise LocalError(f"a gateway profile has no field {name[:40]!r}: there are {', '.join(READERS)}")
    values = {name: READERS[name](name, value) for name, value in fields.items()}
    return replace(profile, by_hand=profile.by_hand | values.keys(), **values)


def learn_again(profile: GatewayProfile, *names: str) -> GatewayProfile:
    """Take back what was set by hand: these fields (all, when none is named) are unknown, and learned."""
    back = profile.by_hand & set(names or profile.by_hand)
    unknown = {name: getattr(UNKNOWN, name) for name in back}
    return replace(profile, by_hand=profile.by_hand - back, **unknown)


def _truth(name: str, value: object) -> bool:
    known = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if isinstance(value, str):
        value = known.get(value.strip().lower())
    if not isinstance(value, bool):
        raise LocalError(f"{name} is yes or no")
    return value


def _truth_if_any(name: str, value: object) -> bool | None:
    if _is_none(value):
        return None
    try:
        return _truth(name, value)
    except LocalError as error:
        raise LocalError(f"{name} is yes, no or none") from error


def _recheck(name: str, value: object) -> float | None:
    if _is_none(value):
        return None
    return _number(name, value, SHORTEST_RECHECK, LONGEST_RECHECK, "seconds, or none")


def _table(name: str, value: object) -> int | None:
    if _is_none(value):
        return None
    number = _number(name, value, 1, LARGEST_TABLE, "mappings, or none")
    if number != int(number):
        raise LocalError(f"{name} is a whole number of mappings, not {number:g}")
    return int(number)


def _pace(name: str, value: object) -> float:
    return _number(name, value, 0.0, LONGEST_PACE, "seconds")


def _actions(name: str, value: object) -> frozenset[str]:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list | tuple | set | frozenset) or len(names) > KEYS:
        raise LocalError(f"{name} is a list of at most {KEYS} names of actions")
    if not all(isinstance(each, str) and 0 < len(each) <= LONGEST_NAME for each in names):
        raise LocalError(f"{name}: an action's name has 1 to {LONGEST_NAME} characters")
    return frozenset(names)


def _number(name: str, value: object, least: float, most: float, of: str) -> float:
    """A number in its limits, or a text of one; ``True`` and NaN are none."""
    try:
        number = float("nan" if isinstance(value, bool) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not least <= number <= most:
        said = str(value)[:40] if isinstance(value, str | int | float) else type(value).__name__
        raise LocalError(f"{name} is {least:g} to {most:g} {of}, not {said!r}")
    return number


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() == "none")


def _either(yes: str, no: str) -> Callable[[Any], str]:
    return lambda value: yes if value else no


def _room(size: int | None) -> str:
    if size is None:
        return "has room for all mappings"
    return f"holds {size} mapping{'' if size == 1 else 's'}"


UNKNOWN: Final = GatewayProfile()
READERS: Final[dict[str, Callable[[str, object], Any]]] = {  # what may be set, and who looks at the value
    "permanent_only": _truth,
    "cannot_read_back": _truth,
    "omit_remote_host": _truth,
    "renew_by_delete": _truth,
    "recheck_every": _recheck,
    "table_size": _table,
    "takes_labels": _truth_if_any,
    "enforces_filters": _truth_if_any,
    "serves_several": _truth_if_any,
    "pace": _pace,
    "missing_actions": _actions,
}
PHRASES: Final[dict[str, Callable[[Any], str]]] = {
    "permanent_only": _either("grants permanent leases only", "grants leases that end"),
    "cannot_read_back": _either("cannot be asked for a single mapping", "can be asked for a single mapping"),
    "omit_remote_host": _either("takes mappings only without a remote host", "takes an empty remote host"),
    "renew_by_delete": _either("renews by delete and add", "renews by adding again"),
    "recheck_every": lambda every: (
        f"forgets mappings: looked at every {every:g} s" if every else "keeps its mappings"
    ),
    "table_size": _room,
    "takes_labels": lambda takes: (
        "is offered labels by PCP" if takes is None else f"takes {'' if takes else 'no '}labels by PCP"
    ),
    "enforces_filters": lambda enforces: (
        "was not seen to filter, or not to"
        if enforces is None
        else f"{'keeps strangers out' if enforces else 'lets everybody in'} where a mapping is for some alone"
    ),
    "serves_several": lambda serves: (
        "was not tried with a second connection"
        if serves is None
        else f"serves {'several connections' if serves else 'one connection'} at a time"
    ),
    "pace": lambda pace: (
        f"wants {pace:g} s between two requests" if pace else "needs no pause between requests"
    ),
    "missing_actions": lambda names: (
        f"does not know {', '.join(sorted(names))}" if names else "knows every action"
    ),
}
