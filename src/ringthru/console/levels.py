"""The log levels of FreeSWITCH, by number and by name.

Lives here: the eight levels and what they are for the standard library's logging.
Never here: handlers, formatting.
"""

from __future__ import annotations

import logging
from typing import Final

from ..net.levels import CONSOLE, FREESWITCH_NAMES, NOTICE

ALERT: Final = 55  # nothing of ours logs at it; as a threshold it stands between CONSOLE and CRIT
LEVELS: Final = (  # in FreeSWITCH's order: the position is the number users type
    ("CONSOLE", CONSOLE),
    ("ALERT", ALERT),
    ("CRIT", logging.CRITICAL),
    ("ERR", logging.ERROR),
    ("WARNING", logging.WARNING),
    ("NOTICE", NOTICE),
    ("INFO", logging.INFO),
    ("DEBUG", logging.DEBUG),
)


def level_of(text: str) -> int | None:
    """The threshold for what somebody typed, ``0``–``7`` or a name in any case; None when it is neither."""
    if text.isascii() and text.isdigit():
        return LEVELS[int(text)][1] if int(text) < len(LEVELS) else None
    wanted = "ERR" if text.upper() == "ERROR" else text.upper()
    return next((level for name, level in LEVELS if name == wanted), None)


def name_of(level: int) -> str:
    """The name for a record's level; one between two levels has the name of the lower."""
    if level in FREESWITCH_NAMES:
        return FREESWITCH_NAMES[level]
    return next((name for name, least in LEVELS if level >= least), "DEBUG")
