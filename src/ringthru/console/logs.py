"""Log lines in FreeSWITCH's layout, to the console and to a file.

    2026-11-22 09:42:55.962276 99.57% [INFO] engine.py:406 text

Lives here: the formatter, the share of idle CPU it prints, the two handlers and their levels.
Never here: what is logged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Collection
from io import FileIO
from pathlib import Path
from typing import Any, Final

from ..net.levels import FREESWITCH_NAMES
from .levels import name_of
from .text import visible

ROOT: Final = "ringthru"  # every logger of ours is below it
LOGFILE: Final = "ringthru.log"
STAT: Final = Path("/proc/stat")
LOOK_INTERVAL: Final = 1.0  # seconds between two looks whether the log file was moved away, or is full
ROLLOVER: Final = 10 * 1024 * 1024  # bytes, after which a log file is put aside, as in FreeSWITCH
MOST_KEPT: Final = 10  # files put aside; with the one in use 110 MiB
STAMP: Final = len(".2026-11-22-09-42-55")
PUT_ASIDE: Final = re.compile(r"\.\d{4}(-\d\d){5}(\.\d+)?")  # what stands behind their names
WITH_NUMBER: Final = re.compile(r"^(Processing .*) <[^<>]*>->")  # the caller's, which 2009 did not log
SAMPLE_INTERVAL: Final = 1.0  # seconds; a busy switch logs thousands of lines in that time
# What every record would collect, and no line of ours shows: a third of its cost ("Optimization" in the
# library's documentation).
UNUSED: Final = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")
CUT: Final[dict[str, tuple[str, str]]] = {}  # file and module by path; as many as modules that log
LEVEL_NAMES: Final = {level: logging.getLevelName(level) for level in FREESWITCH_NAMES}
NOT_COLLECTED: Final[dict[str, Any]] = dict.fromkeys(
    ("thread", "threadName", "process", "processName", "taskName", "exc_text", "stack_info")
)
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


class LogFile(logging.Handler):
    """Appends to a file, a line a system call; opens it anew within a second when somebody moved it away.

    The standard library's ``WatchedFileHandler`` looks for that before each line, and flushes a buffer after
    it: three system calls for one. A full one is put aside, and the oldest go. What cannot be written (the
    disk is full) is counted in ``lost``, and said once on standard error.

    Raises (when made):
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.lost = 0  # lines
        self._path = path
        self._clock = clock
        self._looked_at = clock()
        self._file = FileIO(path, "ab")

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.formatter.format(record) if self.formatter is not None else self.format(record)
            line = f"{text}\n".encode("utf-8", "replace")
            if (now := self._clock()) - self._looked_at >= LOOK_INTERVAL:
                self._looked_at = now
                self._look()
            self._file.write(line)
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            self.lost += 1
            if self.lost == 1:
                print(f"{self._path}: lines of the log are lost: {error}", file=sys.stderr)
        except Exception:
            self.handleError(record)

    # No filter is asked, for there is none, and the library's lock is not taken for each line: those of two
    # threads do not mix, since a line is one system call.
    handle = emit  # type: ignore[assignment]

    def rotate(self) -> None:
        """Begin a new file; the one that is full keeps its name with the time behind it, and the oldest go.

        Where somebody moved it away already there is nothing to rename.

        Raises:
            OSError: it cannot be renamed, or no new one made; then the old one is written on.
        """
        there = self._path.exists() and os.stat(self._path).st_ino == os.fstat(self._file.fileno()).st_ino
        if there and os.fstat(self._file.fileno()).st_size:
            stamp = time.strftime("%Y-%m-%d-%H-%M-%S")
            kept = self._path.with_name(f"{self._path.name}.{stamp}")
            number = 1
            while kept.exists():  # twice within a second
                number += 1
                kept = self._path.with_name(f"{self._path.name}.{stamp}.{number}")
            self._path.rename(kept)
        self._reopen_if_moved()
        self._forget_the_oldest()

    def close(self) -> None:
        self._file.close()
        super().close()

    def _look(self) -> None:
        self._reopen_if_moved()
        if os.fstat(self._file.fileno()).st_size >= ROLLOVER:
            with contextlib.suppress(OSError):  # then it grows on, and no line is lost
                self.rotate()

    def _forget_the_oldest(self) -> None:
        """Of the files that were put aside; what somebody gave another name is his."""
        name = self._path.name
        beside = [each for each in self._path.parent.iterdir() if each.name.startswith(name)]
        kept = [each for each in beside if PUT_ASIDE.fullmatch(each.name.removeprefix(name))]
        kept.sort(key=lambda each: (each.name[: len(name) + STAMP], len(each.name), each.name))
        for each in kept[:-MOST_KEPT]:
            each.unlink()

    def _reopen_if_moved(self) -> None:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            there = None
        here = os.fstat(self._file.fileno())
        if there is None or (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
            old, self._file = self._file, FileIO(self._path, "ab")
            old.close()


class Logs:
    """The handlers of one process, and their levels; ``close`` takes them away again."""

    def __init__(self, console: logging.Handler | None, logfile: LogFile | None, idle: IdleCpu) -> None:
        self._console = console
        self._layout = "current"
        self._logfile = logfile
        self._others: list[logging.Handler] = []
        self._logger = logging.getLogger(ROOT)
        self._before = self._logger.level
        self._collected = {name: getattr(logging, name, True) for name in UNUSED}
        self.idle_cpu = idle
        self._records = logging.getLogRecordFactory()
        logging.setLogRecordFactory(LineRecord)
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
        for name, before in self._collected.items():
            setattr(logging, name, before)

    def _handlers(self) -> list[logging.Handler]:
        return [each for each in (self._console, self._logfile, *self._others) if each is not None]

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
