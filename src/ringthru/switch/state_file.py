"""An SQLite file of the state folder: opened once, set aside where it is damaged, never the switch's end.

Lives here: opening it, and what is said of a disk that does not play along. Never here: what is in it.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..net.values import frozen

if TYPE_CHECKING:
    from sqlite3 import Connection

log = logging.getLogger(__name__)

PATIENCE: Final = 0.25  # seconds to wait for another process that writes


@frozen
class FileKind:
    """What a file is; ``application`` and ``format`` are its ``application_id`` and ``user_version``.

    ``fate`` says what it means that the file cannot be used, and ``loss`` that it was damaged.
    """

    application: int
    format: int
    tables: tuple[str, ...]  # as CREATE TABLE IF NOT EXISTS has them
    fate: str
    loss: str


class StateFile:
    """The file, for one thread at a time. Nothing it meets on disk raises; it is said once."""

    def __init__(self, path: Path, kind: FileKind) -> None:
        self.path = path
        self.failures = 0
        self.given_up = False  # it will never be used in this run
        self._kind = kind
        self._connection: Connection | None = None
        self._told: set[str] = set()

    def open(self) -> Connection | None:
        """The connection; None when there is none now (the file is busy), or never (``given_up``)."""
        if self._connection is None and not self.given_up:
            import sqlite3  # 5 ms, not of the start

            try:
                self._connection = self._open_or_begin_anew()
            except sqlite3.OperationalError as error:
                self.failed("cannot be opened yet", error)
            except (OSError, sqlite3.Error, ValueError) as error:
                self.given_up = True
                self.failed(f"cannot be used, so {self._kind.fate}", error)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None

    def failed(self, what: str, error: Exception) -> None:
        """Count a failure, and say it where it is the first of its kind."""
        self.failures += 1
        if what not in self._told:
            self._told.add(what)
            log.warning("%s %s: %s", self.path, what, error)

    def _open_or_begin_anew(self) -> Connection:
        import sqlite3

        try:
            return self._connect()
        except sqlite3.OperationalError:
            raise  # locked, full, forbidden: the file may be well
        except sqlite3.DatabaseError as damage:
            aside = self.path.with_name(self.path.name + ".damaged")
            text = "%s is damaged (%s): it is kept as %s, and a new one begun; %s"
            log.warning(text, self.path, damage, aside.name, self._kind.loss)
            for end in ("-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
            os.replace(self.path, aside)
            return self._connect()

    def _connect(self) -> Connection:
        import sqlite3

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if version and (application != self._kind.application or version > self._kind.format):
                raise ValueError("another program wrote it, or a newer Ringthru")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            for table in self._kind.tables:
                connection.execute(table)
            connection.execute(f"PRAGMA application_id = {self._kind.application}")
            connection.execute(f"PRAGMA user_version = {self._kind.format}")
        except BaseException:
            connection.close()
            raise
        return connection
