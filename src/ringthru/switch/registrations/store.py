"""Registrations that survive a restart: one SQLite file in the state folder, written beside the hot path.

A registration is answered before it is on disk. What changed is collected and written twice a second at most,
in one transaction, by a thread of its own; ``kill -9`` loses that half second, and those phones register
again when they would have anyway. Rows are read back when the switch serves already, or when somebody asks
for a phone.

Lives here: its table, the thread, when to write. Never here: what a row means (``rows``), opening the file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...sip import Binding
from ..state_file import FileKind, StateFile
from .rows import Clocks, decode, encode

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

log = logging.getLogger(__name__)

KIND: Final = FileKind(
    application=0x52695267,  # "RiRg"
    format=1,
    tables=("CREATE TABLE IF NOT EXISTS registrations (aor TEXT PRIMARY KEY, bindings TEXT) WITHOUT ROWID",),
    fate="registrations will not outlive this run",
    loss="phones will register again",
)
ROWS: Final = "SELECT aor, bindings FROM registrations LIMIT 100000"  # the registrar holds no more
PAUSE: Final = 0.5  # seconds from a change to its writing
MOST_WAITING: Final = 100_000  # changes that wait for a disk that is full

Changes = dict[str, Sequence[Binding]]


class RegistrationFile(StateFile):
    """The file, for one thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KIND)

    def load(self, clocks: Clocks) -> list[Binding]:
        """Every binding that still lives; [] where nothing can be read."""
        import sqlite3

        connection = self.open()
        if connection is None:
            return []
        try:
            rows = connection.execute(ROWS).fetchall()
        except sqlite3.Error as error:
            self.failed("cannot be read", error)
            return []
        found: list[Binding] = []
        for aor, text in rows:
            try:
                found += decode(aor, text, clocks)
            except (ValueError, TypeError) as error:
                self.failed("has a row that is left out", error)
        return found

    def write(self, changes: Changes, clocks: Clocks) -> bool:
        """Every change in one transaction; an empty list of bindings strikes a user out. False: try again."""
        import sqlite3

        connection = self.open()
        if connection is None:
            return self.given_up
        kept = [(aor, encode(bindings, clocks)) for aor, bindings in changes.items() if bindings]
        gone = [(aor,) for aor, bindings in changes.items() if not bindings]
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT OR REPLACE INTO registrations VALUES (?, ?)", kept)
                connection.executemany("DELETE FROM registrations WHERE aor = ?", gone)
        except sqlite3.Error as error:
            self.failed("cannot be written", error)
            return False
        return True


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
