"""Functions of the dialplan and the console that know nothing of calls: texts, times, addresses, files.

Their answers, and what they say of a mistake, are FreeSWITCH's. Lives here: those. Never here: how a face
names them, or one that asks the switch (``functions``).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from ..words import random_uuid

ESCAPED: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "\\s", "$": "\\$"})
ERROR: Final = "-ERR"
BAD_ZONE: Final = "-ERR Invalid timezone/format\n"
USUAL_FORMAT: Final = "%Y-%m-%d %T"
DATE: Final = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:\s+(\d\d?):(\d\d?)(?::(\d\d?))?)?", re.ASCII)
NO_MOMENT: Final = "-ERR {!r} is not a moment; write YYYY-MM-DD HH:MM:SS\n"
LONGEST_EPOCH: Final = 12  # digits


def coalesce(text: str) -> str:
    """``A,B,C``: the first that is not empty; ``^^;`` before them makes ``;`` the separator."""
    separator = ","
    if text.startswith("^^") and len(text) > 2:
        separator, text = text[2], text[3:]
    return next((each for each in text.split(separator) if each), "")


def replace(text: str) -> str:
    """``TEXT|OLD|NEW``; ``m:~`` before it makes ``~`` the separator."""
    separator = "|"
    if text.startswith("m:") and len(text) > 3:
        separator, text = text[2], text[3:]
    parts = text.split(separator)
    if len(parts) < 3 or not parts[1]:
        return ERROR
    return parts[0].replace(parts[1], parts[2])


def escape(text: str) -> str:
    r"""Blanks, tabs, line ends and dollar signs as ``\s``, ``\t``, ``\n``, ``\r``, ``\$``."""
    return text.translate(ESCAPED)


def sql_escape(text: str) -> str:
    """Every ``'`` twice."""
    return text.replace("'", "''")


def quote_shell_arg(text: str) -> str:
    import shlex  # late: few ask

    return shlex.quote(text) if text else ""


def is_lan_addr(text: str) -> str:
    try:
        return "true" if ip_address(text.strip()).is_private else "false"
    except ValueError:
        return "false"


def file_exists(text: str) -> str:
    """Whether there is such a file, or folder. One look at the disk, which a dialplan has to wait for."""
    try:
        return "true" if text and Path(text).exists() else "false"
    except (OSError, ValueError):
        return "false"


def strepoch(text: str) -> str:
    """Seconds since 1970, now or at ``YYYY-MM-DD[ HH:MM[:SS]]`` of the machine's own zone."""
    found = _moment(text)
    return NO_MOMENT.format(text) if found is None else str(int(found))


def strmicroepoch(text: str) -> str:
    """The same in microseconds."""
    found = _moment(text)
    return NO_MOMENT.format(text) if found is None else str(int(found * 1_000_000))


def _moment(text: str) -> float | None:
    if not text.strip():
        return time.time()
    found = DATE.fullmatch(text.strip().strip("'"))
    if found is None:
        return None
    parts = [int(each or 0) for each in found.groups()]
    try:
        return time.mktime((*parts, 0, 0, -1))  # type: ignore[arg-type]  # nine of them
    except (ValueError, OverflowError):
        return None


def strftime(text: str) -> str:
    """The time now in a form, or ``EPOCH|FORM``: at that moment."""
    when, form = _at(text)
    return time.strftime(form or USUAL_FORMAT, time.localtime(when))


def strftime_tz(text: str) -> str:
    """``ZONE [EPOCH|][FORM]``: the time there, now or at a moment."""
    from datetime import UTC, datetime  # late: see the dialplan
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    zone, _, rest = text.partition(" ")
    when, form = _at(rest)
    try:
        there = ZoneInfo(zone) if zone else UTC
        moment = datetime.fromtimestamp(time.time() if when is None else when, there)
        return moment.strftime(form or USUAL_FORMAT)
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        return BAD_ZONE


def _at(text: str) -> tuple[float | None, str]:
    """``[EPOCH|]FORM``; None: now."""
    moment, bar, form = text.partition("|")
    moment = moment.strip()
    if not bar:
        return None, text
    given = moment.isascii() and moment.isdigit() and len(moment) < LONGEST_EPOCH
    return (float(moment) if given else None), form


TEXT_FUNCTIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "coalesce": coalesce,
    "create_uuid": lambda text: random_uuid(),
    "echo": lambda text: text,
    "escape": escape,
    "file_exists": file_exists,
    "is_lan_addr": is_lan_addr,
    "quote_shell_arg": quote_shell_arg,
    "replace": replace,
    "sql_escape": sql_escape,
    "strepoch": strepoch,
    "strftime": strftime,
    "strftime_tz": strftime_tz,
    "strlen": lambda text: str(len(text)),
    "strmicroepoch": strmicroepoch,
    "tolower": str.lower,
    "toupper": str.upper,
}
