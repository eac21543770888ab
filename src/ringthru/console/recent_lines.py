"""The warnings of the log that came last, for faces that show them.

Lives here: which lines are kept. Never here: how they look.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from ..net.values import frozen
from .levels import name_of

MOST_KEPT: Final = 50  # lines
LONGEST_KEPT: Final = 400  # characters of one


@frozen
class LogLine:
    """One line; ``at`` is a moment of the wall clock."""

    at: float
    level: str  # WARNING, ERR, CRIT
    text: str


class RecentLines(logging.Handler):
    """Keeps lines from WARNING upwards, the latest first; the library locks while a thread adds one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: deque[LogLine] = deque(maxlen=MOST_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()[:LONGEST_KEPT]
            self._lines.appendleft(LogLine(record.created, name_of(record.levelno), text))
        except Exception:
            self.handleError(record)

    def lines(self) -> tuple[LogLine, ...]:
        return tuple(self._lines)
