"""Where lines of the log go, and from which level: the console, the file, and whoever else listens.

Lives here: the handlers of one process, and their levels.
Never here: how a line looks (``log_lines``), the file (``log_file``), what is logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ..switch.calls.call_log import forget_places
from .levels import name_of
from .log_file import LogFile
from .log_lines import IdleCpu, LineRecord, LogFormatter
from .recent_lines import RecentLines

ROOT: Final = "ringthru"  # every logger of ours is below it
LOGFILE: Final = "ringthru.log"
# What every record would collect, and no line of ours shows: a third of its cost ("Optimization" in the
# library's documentation).
UNUSED: Final = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")


class ConsoleHandler(logging.Handler):
    """Writes to whatever standard output is *now*: the shell replaces it to keep its prompt below the log."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except OSError:
            pass  # the reader of our output is gone; that is no reason to stop
        except Exception:
            self.handleError(record)


class Logs:
    """The handlers of one process, and their levels; ``close`` takes them away again."""

    def __init__(self, console: logging.Handler | None, logfile: LogFile | None, idle: IdleCpu) -> None:
        self._console = console
        self._layout = "current"
        self._logfile = logfile
        self._others: list[logging.Handler] = []
        self.recent = RecentLines()
        self._logger = logging.getLogger(ROOT)
        self._before = self._logger.level
        self._collected = {name: getattr(logging, name, True) for name in UNUSED}
        self.idle_cpu = idle
        self._records = logging.getLogRecordFactory()
        logging.setLogRecordFactory(LineRecord)
        forget_places()
        for name in UNUSED:
            setattr(logging, name, False)
        for handler in self._handlers():
            self._logger.addHandler(handler)
        self._adjust()

    @property
    def console_level(self) -> int:
        """The least level the console shows."""
        return logging.CRITICAL if self._console is None else self._console.level

    def use_layout(self, layout: str) -> None:
        """Write lines as FreeSWITCH did then: ``current``, ``2009-09``, ``2009-06``."""
        for handler in self._handlers():
            if isinstance(handler.formatter, LogFormatter):
                handler.formatter.layout = layout
        self._layout = layout

    @property
    def colours(self) -> bool:
        """Whether the console's lines have them."""
        formatter = self._console.formatter if self._console is not None else None
        return isinstance(formatter, LogFormatter) and formatter.colours

    @colours.setter
    def colours(self, wanted: bool) -> None:
        formatter = self._console.formatter if self._console is not None else None
        if isinstance(formatter, LogFormatter):
            formatter.colours = wanted

    def show_alone(self, levels: Collection[str]) -> None:
        """Of all lines the console shows those of these levels, by name; none: those of each."""
        if self._console is not None and levels:
            self._console.addFilter(lambda record: name_of(record.levelno).lower() in levels)

    def show_uuids(self) -> None:
        """Put the call's UUID before the console's lines about it."""
        if self._console is not None and isinstance(self._console.formatter, LogFormatter):
            self._console.formatter.with_uuid = True

    def set_console_level(self, level: int) -> None:
        if self._console is not None:
            self._console.setLevel(level)
        self._adjust()

    def attach(self, handler: logging.Handler) -> None:
        """One more who hears lines, from his own level upwards; once more when that level is another one."""
        if handler not in self._others:
            self._others.append(handler)
            self._logger.addHandler(handler)
        self._adjust()

    def detach(self, handler: logging.Handler) -> None:
        if handler in self._others:
            self._others.remove(handler)
            self._logger.removeHandler(handler)
            self._adjust()

    def plain_formatter(self) -> LogFormatter:
        """Lines as the console has them, without colours."""
        formatter = LogFormatter(self.idle_cpu)
        formatter.layout = self._layout
        return formatter

    def rotate(self) -> None:
        """A new log file, where there is one; if that fails the old one is written on, and says so."""
        if self._logfile is None:
            return
        try:
            self._logfile.rotate()
        except OSError as error:
            self._logger.error("The log file cannot be rotated: %s", error)

    def close(self) -> None:
        for handler in self._handlers():
            self._logger.removeHandler(handler)
            handler.close()
        self._others.clear()  # who detaches later adjusts nothing any more
        self._logger.setLevel(self._before)
        logging.setLogRecordFactory(self._records)
        forget_places()
        for name, before in self._collected.items():
            setattr(logging, name, before)

    def _handlers(self) -> list[logging.Handler]:
        return [
            each for each in (self._console, self._logfile, self.recent, *self._others) if each is not None
        ]

    def _adjust(self) -> None:
        """Nothing is formatted, or even made a record, that no handler wants."""
        levels = [each.level for each in self._handlers()]
        self._logger.setLevel(min(levels, default=logging.WARNING))


def setup(
    level: int = logging.INFO,
    log_dir: Path | None = None,
    console: logging.Handler | None = None,
    *,
    colours: bool = False,
) -> Logs:
    """Send our log lines to ``console`` from ``level`` upwards, and all of them to a file in ``log_dir``.

    The file is opened anew when somebody moved it away (logrotate needs to tell us nothing).

    Raises:
        OSError: the directory or the file cannot be made.
    """
    idle = IdleCpu()
    if console is not None:
        console.setFormatter(LogFormatter(idle, colours=colours))
        console.setLevel(level)
    return Logs(console, None if log_dir is None else _logfile(log_dir, idle), idle)


def _logfile(log_dir: Path, idle: IdleCpu) -> LogFile:
    log_dir.mkdir(parents=True, exist_ok=True)
    handler = LogFile(log_dir / LOGFILE)
    handler.setFormatter(LogFormatter(idle, with_uuid=True))
    handler.setLevel(logging.DEBUG)
    return handler
