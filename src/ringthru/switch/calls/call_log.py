"""The log lines of one call, which carry its UUID.

Lives here: a ``logging.LoggerAdapter`` of one line of work, because a call writes a dozen lines and the
library's takes longer to find out who called it than to write them. Never here: handlers, layouts.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from logging import LogRecord
from types import CodeType, FrameType
from typing import Any, Final

LOG: Final = logging.getLogger(__name__)
# What records of one place in the program have in common, by its code and instruction. Python counts lines
# from the top of the function each time it is asked, and to copy a record takes half the time of making one.
# As many as there are such lines; the code is kept so that its number (``id``) stays its own.
PLACES: Final[dict[tuple[int, int, int], tuple[CodeType, dict[str, Any]]]] = {}


def forget_places() -> None:
    """Others make records now (``logging.setLogRecordFactory``), and put other things into them."""
    PLACES.clear()


class CallLog:
    """Writes records with an attribute ``uuid``; the file and line are the caller's, as always."""

    __slots__ = ("_uuid",)

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid

    def isEnabledFor(self, level: int) -> bool:  # as the library spells it
        return LOG.isEnabledFor(level)

    def debug(self, text: str, *arguments: object) -> None:
        self._write(logging.DEBUG, text, arguments)

    def info(self, text: str, *arguments: object) -> None:
        self._write(logging.INFO, text, arguments)

    def warning(self, text: str, *arguments: object) -> None:
        self._write(logging.WARNING, text, arguments)

    def error(self, text: str, *arguments: object) -> None:
        self._write(logging.ERROR, text, arguments)

    def log(self, level: int, text: str, *arguments: object) -> None:
        self._write(level, text, arguments)

    def debug_lines(self, lines: Sequence[str]) -> None:
        """Several lines of one moment in one record, which costs little more than one line.

        The record carries them as ``lines`` too, so that a layout can give each a head of its own.
        """
        if lines:
            self._write(logging.DEBUG, "%s", ("\n".join(lines),), tuple(lines))

    def _write(
        self, level: int, text: str, arguments: tuple[object, ...], lines: tuple[str, ...] = ()
    ) -> None:
        if LOG.isEnabledFor(level):
            frame = sys._getframe(2)  # whoever called one of those above
            place = id(frame.f_code), frame.f_lasti, level
            known = PLACES.get(place)
            if known is None:
                known = PLACES[place] = frame.f_code, _common(level, frame)
            record = LogRecord.__new__(LogRecord)
            now = time.time()
            record.__dict__ = {
                **known[1],
                "created": now,
                "msecs": now % 1 * 1000,
                "msg": text,
                "args": arguments,
                "uuid": self._uuid,
            }
            if lines:
                record.lines = lines
            LOG.callHandlers(record)  # this logger has no filters that ``handle`` would ask


def _common(level: int, frame: FrameType) -> dict[str, Any]:
    """What each record of a place has, as whoever makes records has it now."""
    code, make = frame.f_code, logging.getLogRecordFactory()
    return vars(make(LOG.name, level, code.co_filename, frame.f_lineno, "", (), None, code.co_name))
