"""Registrations that survive a restart: one SQLite file in the state folder, written beside the hot path.

A registration is answered before it is on disk. What changed is collected and written twice a second at most,
in one transaction, by a thread of its own; ``kill -9`` loses that half second, and those phones register
again when they would have anyway. Rows are read back when the switch serves already, or when somebody asks
for a phone.

Lives here: the file, the thread, when to write. Never here: what a row means (``rows``).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...sip import Binding
from .rows import Clocks, decode, encode

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor
    from sqlite3 import Connection

log = logging.getLogger(__name__)

FORMAT: Final = 1
APPLICATION: Final = 0x52695267  # "RiRg", in the file's header (PRAGMA application_id)
TABLE: Final = "CREATE TABLE IF NOT EXISTS registrations (aor TEXT PRIMARY KEY, bindings TEXT) WITHOUT ROWID"
ROWS: Final = "SELECT aor, bindings FROM registrations LIMIT 100000"  # the registrar holds no more
PATIENCE: Final = 0.25  # seconds to wait for another process that writes
PAUSE: Final = 0.5  # seconds from a change to its writing
MOST_WAITING: Final = 100_000  # changes that wait for a disk that is full

Changes = dict[str, Sequence[Binding]]


class RegistrationFile:
    """The file, for one thread. Nothing it meets on disk raises; it is said once, and the switch goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures = 0
        self._connection: Connection | None = None
        self._given_up = False
        self._told: set[str] = set()

    def load(self, clocks: Clocks) -> list[Binding]:
        """Every binding that still lives; [] where nothing can be read."""
        import sqlite3

        connection = self._open()
        if connection is None:
            return []
        try:
            rows = connection.execute(ROWS).fetchall()
        except sqlite3.Error as error:
            self._failed("cannot be read", error)
            return []
        found: list[Binding] = []
        for aor, text in rows:
            try:
                found += decode(aor, text, clocks)
            except (ValueError, TypeError) as error:
                self._failed("has a row that is left out", error)
        return found

    def write(self, changes: Changes, clocks: Clocks) -> bool:
        """Every change in one transaction; an empty list of bindings strikes a user out. False: try again."""
        import sqlite3

        connection = self._open()
        if connection is None:
            return self._given_up
        kept = [(aor, encode(bindings, clocks)) for aor, bindings in changes.items() if bindings]
        gone = [(aor,) for aor, bindings in changes.items() if not bindings]
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT OR REPLACE INTO registrations VALUES (?, ?)", kept)
                connection.executemany("DELETE FROM registrations WHERE aor = ?", gone)
        except sqlite3.Error as error:
            self._failed("cannot be written", error)
            return False
        return True

    def close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None

    def _open(self) -> Connection | None:
        """The connection; None when there is none now (the file is busy), or never (``_given_up``)."""
        if self._connection is None and not self._given_up:
            import sqlite3  # 5 ms, not of the start

            try:
                self._connection = self._open_or_begin_anew()
            except sqlite3.OperationalError as error:
                self._failed("cannot be opened yet", error)
            except (OSError, sqlite3.Error, ValueError) as error:
                self._given_up = True
                self._failed("cannot be used, so registrations will not outlive this run", error)
        return self._connection

    def _open_or_begin_anew(self) -> Connection:
        import sqlite3

        try:
            return self._connect()
        except sqlite3.OperationalError:
            raise  # locked, full, forbidden: the file may be well
        except sqlite3.DatabaseError as damage:
            aside = self.path.with_name(self.path.name + ".damaged")
            text = "%s is damaged (%s): it is kept as %s, and a new one begun; phones will register again"
            log.warning(text, self.path, damage, aside.name)
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
            if version and (application != APPLICATION or version > FORMAT):
                raise ValueError("another program wrote it, or a newer Ringthru")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(TABLE)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _failed(self, what: str, error: Exception) -> None:
        self.failures += 1
        if what not in self._told:
            self._told.add(what)
            log.warning("%s %s: %s", self.path, what, error)


class RegistrationStore:
    """The file beside the event loop: ``keep`` costs a dictionary entry."""

    def __init__(self, path: Path, clocks: Callable[[], Clocks]) -> None:
        self.file = RegistrationFile(path)
        self._clocks = clocks
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: Changes = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: Future[bool] | None = None
        self._closed = False

    def begin_to_load(self) -> Future[list[Binding]]:
        """Read the file in the thread; the result may be waited for by whoever cannot do without."""
        return self._in_thread().submit(self.file.load, self._clocks())

    def keep(self, aor: str, bindings: Sequence[Binding]) -> None:
        """From now on these are a user's bindings; written down soon."""
        if self._closed:
            return
        if len(self._waiting) < MOST_WAITING or aor in self._waiting:
            self._waiting[aor] = tuple(bindings)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._flush)

    async def close(self) -> None:
        """Write what waits, and close."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._thread is None:
            if not self._waiting:
                return
            self._in_thread()
        waiting, self._waiting = self._waiting, {}
        clocks = self._clocks()

        def finish() -> None:
            if waiting:
                self.file.write(waiting, clocks)
            self.file.close()

        thread = self._in_thread()
        await asyncio.wrap_future(thread.submit(finish))
        thread.shutdown(wait=False)
        self._thread = None

    def _flush(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._flush)
            return
        waiting, self._waiting = self._waiting, {}
        loop = asyncio.get_running_loop()
        self._writing = self._in_thread().submit(self.file.write, waiting, self._clocks())
        asyncio.wrap_future(self._writing, loop=loop).add_done_callback(
            lambda done: self._written(waiting, done)
        )

    def _written(self, changes: Changes, done: asyncio.Future[bool]) -> None:
        """What could not be written waits for the next change, unless something newer waits already."""
        if done.cancelled() or (done.exception() is None and done.result()):
            return
        if done.exception() is not None:
            log.error("Registrations could not be written", exc_info=done.exception())
            return
        self._waiting = {**changes, **self._waiting}

    def _in_thread(self) -> ThreadPoolExecutor:
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # not of the start

            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="registrations")
        return self._thread
