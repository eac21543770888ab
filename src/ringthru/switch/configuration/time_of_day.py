"""Conditions on date and time, as the dialplan writes them. Pure: the moment is handed in.

=================  ==========================================================================
``year``           ``2026``, ``2026-2030``
``yday``           day of the year, 1–366
``mon``            1–12, or ``jan-mar``
``mday``           1–31
``week``           week of the year, 1–53: days 1–7 are the first
``mweek``          week of the month, 1–6; weeks begin on Sunday
``wday``           1 (Sunday) – 7, or ``mon-fri``
``hour``           0–23
``minute``         0–59
``minute-of-day``  1–1440
``time-of-day``    ``09:00-18:00``, with seconds if wanted; the end belongs to it
``date-time``      ``2026-12-24 12:00~2026-12-26 23:59:59``
``tz-offset``      hours east of Greenwich, for all of these; else the machine's own zone
``dst``            ``true`` adds an hour to ``tz-offset``
=================  ==========================================================================

All but the last two take lists (``9-11,14``); a range may run over the end (``fri-mon``, ``22:00-06:00``).

Lives here: the attributes and their meaning. Never here: a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from ...net.values import frozen
from .values import read_boolean

Span = tuple[int, int]

DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIELDS: Final[Mapping[str, tuple[int, int, Callable[[datetime], int]]]] = {
    "year": (0, 9999, lambda t: t.year),
    "yday": (1, 366, lambda t: t.timetuple().tm_yday),
    "mon": (1, 12, lambda t: t.month),
    "mday": (1, 31, lambda t: t.day),
    "week": (1, 53, lambda t: (t.timetuple().tm_yday - 1) // 7 + 1),
    "mweek": (1, 6, lambda t: (t.day + (_sunday_based(t.replace(day=1)) - 1) - 1) // 7 + 1),
    "wday": (1, 7, lambda t: _sunday_based(t)),
    "hour": (0, 23, lambda t: t.hour),
    "minute": (0, 59, lambda t: t.minute),
    "minute-of-day": (1, 1440, lambda t: t.hour * 60 + t.minute + 1),
}
NAMES: Final[Mapping[str, tuple[str, ...]]] = {"wday": DAYS, "mon": MONTHS}
TIME_OF_DAY, DATE_TIME, OFFSET, DST = "time-of-day", "date-time", "tz-offset", "dst"
ATTRIBUTES: Final = (*FIELDS, TIME_OF_DAY, DATE_TIME, OFFSET, DST)
CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
FURTHEST: Final = 26.0  # hours: the zones reach from -12 to +14


@frozen
class TimeTest:
    """The attributes of one condition; it holds when every one of them does."""

    numbers: Mapping[str, tuple[Span, ...]]  # by attribute
    times: tuple[Span, ...]  # seconds of the day
    moments: tuple[tuple[datetime, datetime], ...]  # without a zone: in that of the test
    offset: float | None  # hours; None: the zone of the moment that is handed in

    def holds(self, now: datetime) -> bool:
        """Whether ``now``, a moment with a zone, is meant."""
        there = now if self.offset is None else now.astimezone(timezone(timedelta(hours=self.offset)))
        second = there.hour * 3600 + there.minute * 60 + there.second
        wall = there.replace(tzinfo=None)
        return (
            all(_within(FIELDS[name][2](there), spans) for name, spans in self.numbers.items())
            and (not self.times or _within(second, self.times))
            and (not self.moments or any(first <= wall <= last for first, last in self.moments))
        )


def read_time(attributes: Mapping[str, str]) -> TimeTest | None:
    """What the attributes of a condition say about time; None when they say nothing.

    Raises:
        ValueError: a value that cannot be meant, in words.
    """
    given = {name: attributes[name].strip() for name in ATTRIBUTES if attributes.get(name, "").strip()}
    if not given:
        return None
    numbers = {name: _spans(name, text) for name, text in given.items() if name in FIELDS}
    times = tuple(_times(each) for each in _list(given.get(TIME_OF_DAY, "")))
    moments = tuple(_moments(each) for each in _list(given.get(DATE_TIME, "")))
    return TimeTest(numbers, times, moments, _offset(given))


def _offset(given: Mapping[str, str]) -> float | None:
    if OFFSET not in given:
        return None
    try:
        hours = float(given[OFFSET])
        summer = read_boolean(given.get(DST, "false"))
    except ValueError:
        hours, summer = FURTHEST + 1, False
    if not -FURTHEST < hours < FURTHEST:
        raise ValueError(f"tz-offset is hours east of Greenwich, like -5 or 5.5, and not '{given[OFFSET]}'")
    return hours + summer


def _spans(name: str, text: str) -> tuple[Span, ...]:
    lowest, highest, _ = FIELDS[name]
    spans = []
    for part in _list(text):
        words = part.split("-")
        values = [_number(name, word.strip()) for word in words]
        if len(words) > 2 or not all(value is not None and lowest <= value <= highest for value in values):
            names = f", or names like {NAMES[name][1]}" if name in NAMES else ""
            raise ValueError(f"{name} is '{text}', but must be numbers from {lowest} to {highest}{names}")
        spans.append((values[0] or 0, values[-1] or 0))
    return tuple(spans)


def _number(name: str, word: str) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word[:6])
    known = NAMES.get(name, ())
    short = word[:3].lower()
    return known.index(short) + 1 if short in known else None


def _times(text: str) -> Span:
    found = [CLOCK.fullmatch(part.strip()) for part in text.split("-")]
    values = [int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3] or 0) for m in found if m is not None]
    if len(values) != 2 or len(found) != 2 or any(value > 86400 for value in values):
        raise ValueError(f"time-of-day is '{text}', but must be like 09:00-18:00")
    return values[0], values[1]


def _moments(text: str) -> tuple[datetime, datetime]:
    try:
        first, last = (datetime.fromisoformat(part.strip()).replace(tzinfo=None) for part in text.split("~"))
    except ValueError:
        raise ValueError(
            f"date-time is '{text}', but must be like 2026-12-24 12:00~2026-12-26 23:59"
        ) from None
    return first, last


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _within(value: int, spans: tuple[Span, ...]) -> bool:
    return any(
        first <= value <= last if first <= last else value >= first or value <= last for first, last in spans
    )


def _sunday_based(moment: datetime) -> int:
    """1 is Sunday."""
    return moment.isoweekday() % 7 + 1
