"""The lines about strangers who may not come in, as fail2ban's stock filter for FreeSWITCH reads them.

That filter wants FreeSWITCH's name of the file that writes them, and (up to its version of 2022) no share of
idle CPU in front of the level: the record's ``bare`` says so to the layout.

Lives here: the form of these lines. Never here: who is refused, and why.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

FILE: Final = "sofia_reg.c"
# What a stranger writes must not end the part that the filter reads as a name: he would not be banned, or
# somebody else would.
ESCAPES: Final = str.maketrans({"[": "%5B", "]": "%5D", " ": "%20"})


def warn(log: logging.Logger, text: str, *words: str) -> None:
    """One line at WARNING; ``words`` may be a stranger's."""
    if not log.isEnabledFor(logging.WARNING):
        return
    frame = sys._getframe(1)
    safe = tuple(each.translate(ESCAPES) for each in words)
    record = log.makeRecord(
        log.name, logging.WARNING, FILE, frame.f_lineno, text, safe, None, frame.f_code.co_name
    )
    record.bare = True
    log.handle(record)
