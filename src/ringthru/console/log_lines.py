"""How a line of the log looks: FreeSWITCH's layout of today, and those of 2009.

    2026-11-22 09:42:55.962276 99.57% [INFO] engine.py:406 text

Lives here: the record, the formatter, the share of idle CPU it prints. Never here: where lines go.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ..net.levels import FREESWITCH_NAMES
from .levels import name_of
from .text import visible

STAT: Final = Path("/proc/stat")
SAMPLE_INTERVAL: Final = 1.0  # seconds; a busy switch logs thousands of lines in that time
CUT: Final[dict[str, tuple[str, str]]] = {}  # file and module by path; as many as modules that log
LEVEL_NAMES: Final = {level: logging.getLevelName(level) for level in FREESWITCH_NAMES}
NOT_COLLECTED: Final[dict[str, Any]] = dict.fromkeys(
    ("thread", "threadName", "process", "processName", "taskName", "exc_text", "stack_info")
)
WITH_NUMBER: Final = re.compile(r"^(Processing .*) <[^<>]*>->")  # the caller's, which 2009 did not log
RESET: Final = "\x1b[0m"
COLOURS: Final = (  # FreeSWITCH's, from the level upwards
    (logging.ERROR, "\x1b[31m"),
    (logging.WARNING, "\x1b[35m"),
    (logging.INFO + 1, "\x1b[36m"),  # NOTICE
    (logging.INFO, "\x1b[32m"),
    (0, "\x1b[33m"),
)


class IdleCpu:
    """The share of time the machine's processors were idle, in percent, since the sample before.

    The first answer is the average since the machine started; 0.0 where the system does not tell.
    """

    def __init__(
        self, read: Callable[[], str] = STAT.read_text, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._sampled_at: float | None = None
        self._idle = self._total = 0
        self._percent = 0.0

    def __call__(self) -> float:
        now = self._clock()
        if self._sampled_at is None or now - self._sampled_at >= SAMPLE_INTERVAL:
            self._sampled_at = now
            self._sample()
        return self._percent

    def _sample(self) -> None:
        try:
            ticks = [int(text) for text in self._read().partition("\n")[0].split()[1:9]]
            idle, total = ticks[3], sum(ticks)
        except (OSError, ValueError, IndexError):
            return
        if total > self._total:
            share = 100.0 * (idle - self._idle) / (total - self._total)
            self._percent = min(100.0, max(0.0, share))
            self._idle, self._total = idle, total


class LineRecord(logging.LogRecord):
    """A record of what lines show, in a third of the time that the library takes for all it collects.

    The rest is there for the layouts of others, as the library has it when it was told not to collect it.
    """

    def __init__(
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        sinfo: str | None = None,
    ) -> None:
        created = time.time()
        cut = CUT.get(pathname)
        if cut is None:
            filename = os.path.basename(pathname)
            cut = CUT[pathname] = filename, os.path.splitext(filename)[0]
        self.__dict__ = {  # at once: half the time that the attributes take one by one
            **NOT_COLLECTED,
            "created": created,
            "msecs": created % 1 * 1000,
            "relativeCreated": 0.0,
            "name": name,
            "levelno": level,
            "levelname": LEVEL_NAMES.get(level) or logging.getLevelName(level),
            "pathname": pathname,
            "lineno": lineno,
            "funcName": func or "",
            "filename": cut[0],
            "module": cut[1],
            "msg": msg,
            "args": args[0] if args and len(args) == 1 and isinstance(args[0], dict) and args[0] else args,
            "exc_info": exc_info,
            "stack_info": sinfo,
        }


class LogFormatter(logging.Formatter):
    """A line for each record (or each of its ``lines``), nothing in it that a terminal would obey.

    A traceback follows on lines of its own.

    ``with_uuid`` puts the call's UUID and a blank in front when the record carries an attribute ``uuid``
    (the form of the log file).
    """

    def __init__(self, idle: Callable[[], float], *, with_uuid: bool = False, colours: bool = False) -> None:
        super().__init__()
        self._idle = idle
        self.with_uuid = with_uuid
        self.colours = colours
        self.layout = "current"  # or that of 2009-09, 2009-06
        self._second = -1
        self._head = ("", "")  # what stands before and after the fraction of that second

    def format(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:  # a busy switch writes hundreds of lines in each
            self._second = second
            self._head = (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)), f"{self._idle():.2f}%")
        date, idle = self._head
        level = FREESWITCH_NAMES.get(record.levelno) or name_of(record.levelno)
        head = (
            f"{date}.{int((record.created - second) * 1e6):06d} {idle} [{level}] "
            f"{record.filename}:{record.lineno} "
        )
        if self.layout != "current":
            head = self._head_of_2009(record, date)
        if self.with_uuid and (uuid := getattr(record, "uuid", "")):
            head = f"{uuid} {head}"
        if getattr(record, "bare", False):  # for programs that know no share of idle CPU there
            head = head.replace(f" {idle}", "", 1)
        lines = getattr(record, "lines", None)  # several of one moment
        if lines is None:
            text = str(record.msg) % record.args if record.args else str(record.msg)
            if self.layout != "current":
                text = WITH_NUMBER.sub(r"\1->", text)
            line = head + (text if text.isprintable() else visible(text))
        else:
            line = "\n".join([head + visible(each) for each in lines])
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *map(visible, trace)])
        return f"{_colour_of(record.levelno)}{line}{RESET}" if self.colours else line

    def _head_of_2009(self, record: logging.LogRecord, date: str) -> str:
        """September: no idle CPU yet. June: no fraction either, and the function's name."""
        level, place = name_of(record.levelno), f"{record.filename}:{record.lineno}"
        if self.layout == "2009-06":
            return f"{date} [{level}] {place} {record.funcName}() "
        fraction = int((record.created - int(record.created)) * 1e6)
        return f"{date}.{fraction:06d} [{level}] {place} "


def _colour_of(level: int) -> str:
    return next(colour for least, colour in COLOURS if level >= least)
