"""The log file: a line a system call, put aside when it is full, opened anew when somebody moved it away.

Lives here: that file. Never here: how a line looks, which lines there are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Final

LOOK_INTERVAL: Final = 1.0  # seconds between two looks whether the log file was moved away, or is full
ROLLOVER: Final = 10 * 1024 * 1024  # bytes, after which a log file is put aside, as in FreeSWITCH
MOST_KEPT: Final = 10  # files put aside; with the one in use 110 MiB
STAMP: Final = len(".2026-11-22-09-42-55")
PUT_ASIDE: Final = re.compile(r"\.\d{4}(-\d\d){5}(\.\d+)?")  # what stands behind their names


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
            self._path.rename(self._name_put_aside(time.strftime("%Y-%m-%d-%H-%M-%S")))
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

    def _name_put_aside(self, stamp: str) -> Path:
        """The time behind the name, and behind all others of that second: the oldest may be gone already."""
        name = self._path.with_name(f"{self._path.name}.{stamp}")
        same = [each for each in self._put_aside() if each.name.startswith(name.name)]
        if not same:
            return name
        last = same[-1].name[len(name.name) + 1 :] or "1"
        return name.with_name(f"{name.name}.{int(last) + 1}")

    def _put_aside(self) -> list[Path]:
        """The files that were put aside, the oldest first; what somebody gave another name is his."""
        name = self._path.name
        beside = [each for each in self._path.parent.iterdir() if each.name.startswith(name)]
        kept = [each for each in beside if PUT_ASIDE.fullmatch(each.name.removeprefix(name))]
        return sorted(kept, key=lambda each: (each.name[: len(name) + STAMP], len(each.name), each.name))

    def _forget_the_oldest(self) -> None:
        for each in self._put_aside()[:-MOST_KEPT]:
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
