"""The files that records are written to, for one thread.

A file is opened for each line, so that one that was moved away, or a disk that was mounted again, needs no
word to us. What cannot be written is counted, and said once until that path can be written again.

Lives here: paths, appending, moving aside. Never here: what a line says.
"""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

STRANGE: Final = re.compile(r"[^\w@+.-]")
LONGEST_NAME: Final = 100  # characters


def file_name(word: str) -> str:
    """A word that callers or programs chose, as a name in one folder and no other."""
    return STRANGE.sub("_", word)[:LONGEST_NAME].lstrip(".")


class RecordFiles:
    """Appends lines and writes whole files. Nothing it meets on disk raises."""

    def __init__(self) -> None:
        self.written = 0
        self.failures = 0
        self._told: set[Path] = set()  # folders that cannot be written

    def append(self, path: Path, line: str) -> bool:
        """False: it cannot be written, which is counted and said."""
        return self._write(path, line, "a")

    def create(self, path: Path, text: str) -> bool:
        """False: as in ``append``."""
        return self._write(path, text, "w")

    def _write(self, path: Path, text: str, mode: str) -> bool:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode, encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self.failures += 1
            self._say(path, error)
            return False
        self.written += 1
        self._told.discard(path.parent)
        return True

    def _say(self, path: Path, error: OSError) -> None:
        if path.parent not in self._told:
            self._told.add(path.parent)
            text = "Records of calls are lost: %s cannot be written (%s); calls go on. Give us that folder"
            log.error(text, path, error.strerror or error)

    def move_aside(self, folder: Path) -> None:
        """Give every ``.csv`` of a folder the time as one more ending; the next line begins a new file."""
        for path in sorted(folder.glob("*.csv")):
            try:
                path.rename(_unused(path))
            except OSError as error:
                log.error("%s cannot be moved aside: %s", path, error.strerror or error)


def _unused(path: Path) -> Path:
    """The file's name with the time behind it, and a number for the second file of one second."""
    stamped = f"{path.name}.{time_stamp()}"
    names = (stamped, *(f"{stamped}.{number}" for number in range(1, 1000)))
    return next(each for name in names if not (each := path.with_name(name)).exists())


def time_stamp() -> str:
    return time.strftime("%Y-%m-%d-%H-%M-%S")
