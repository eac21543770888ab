"""The memory on disk: one SQLite file for journal, sticky wishes, learned profiles, and gateways met before.

Lives here: reading and writing, for several processes at once.
Never here: what becomes of an entry (``journal``), or the file's format (``schema_driver``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from logging import WARNING
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import LocalError
from ..values import Wanted
from .holding import GatewayIdentity, Holding, JournalEntry
from .journal import leads_to, same_mapping
from .owner_driver import is_alive, own_name
from .profile import GatewayProfile
from .rows import (
    COLUMNS,
    IDENTITY,
    LONGEST,
    WISH,
    WISH_KEY,
    entry_of,
    entry_row,
    identity_of,
    identity_row,
    wish_of,
    wish_row,
)

if TYPE_CHECKING:
    from sqlite3 import Connection

    Work = Callable[[Connection], object]

T = TypeVar("T")

log = logging.getLogger(__name__)

PATIENCE: Final = 250  # milliseconds to wait for another process that writes
MOST_HOLDINGS: Final = 4096  # rows; the oldest go
MOST_PROFILES: Final = 256
MOST_GATEWAYS: Final = 64
MOST_WISHES: Final = 256
MOST_WAITING: Final = 1024  # writes that wait for a busy file, or for room on the disk

ENTRIES: Final = f"SELECT rowid, {', '.join(COLUMNS)} FROM holdings"
INSERT_ENTRY: Final = f"INSERT INTO holdings ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
INSERT_PROFILE: Final = "INSERT OR REPLACE INTO profiles (fingerprint, profile) VALUES (?, ?)"
INSERT_GATEWAY: Final = "INSERT OR REPLACE INTO gateways VALUES (?, ?, ?, ?, ?, ?)"
WISHES: Final = f"SELECT {', '.join(WISH)} FROM wishes ORDER BY rowid"
INSERT_WISH: Final = f"INSERT OR REPLACE INTO wishes VALUES ({', '.join('?' * len(WISH))})"
DELETE_WISH: Final = f"DELETE FROM wishes WHERE {' AND '.join(f'{name} = ?' for name in WISH_KEY)}"


class Store:
    """The memory in the file at ``path``, for one thread.

    Only making one raises. After that a failure is logged once for each kind, counted in ``failures``, and
    answered with nothing. A write that found the file busy, after 0.25 s, or the disk full is tried again
    with the next one. Rows whose ``owner`` is alive, and is not this store, are never changed.

    Raises:
        LocalError: the file cannot be opened or made, is of a newer Ringthru, or not ours; in words.
    """

    def __init__(self, path: Path, log: Callable[[int, str], None] = log.log) -> None:
        from .schema_driver import open_file  # not before it is needed: it costs 3 ms of the start
        from .sqlite_driver import sqlite3

        self.path = path
        self.owner = own_name()  # to be written into the entries that we renew
        self.failures = 0
        self._log = log
        self._sqlite3 = sqlite3
        self._patience = PATIENCE
        self._told: set[str] = set()
        self._waiting: list[Work] = []
        self._connection: Connection | None = open_file(path, PATIENCE, log)

    def keep(self, entry: JournalEntry) -> None:
        """Write an entry down, in place of older ones for that mapping whose owner is gone or is us."""
        self.keep_all([entry])

    def keep_all(self, entries: Iterable[JournalEntry]) -> None:
        """The same for several in one go, which costs little more than one."""
        self._later(partial(self._keep, list(entries)))
        self._write("a mapping")

    def forget(self, holding: Holding, gateway: GatewayIdentity, own_address: str = "") -> None:
        """Strike out what is written of a mapping, unless somebody living renews it.

        With ``own_address`` the one that leads there; without it, wherever it leads.
        """
        self._later(lambda connection: self._strike_out(connection, holding, gateway, own_address))
        self._write("the end of a mapping")

    def entries(self) -> list[JournalEntry]:
        """All that is written, oldest first."""
        found: list[tuple[int, JournalEntry]] = []
        return [entry for _, entry in self._read("the journal", self._entries, found)]

    def living(self, entries: Iterable[JournalEntry]) -> frozenset[str]:
        """The owners among them that are alive, without this store itself."""
        return frozenset(owner for owner in {entry.owner for entry in entries} if self._is_other(owner))

    def profiles(self) -> dict[str, GatewayProfile]:
        """What gateways taught us, by fingerprint."""
        rows: list[tuple[Any, ...]] = self._read(
            "the profiles", lambda c: c.execute("SELECT profile FROM profiles ORDER BY rowid").fetchall(), []
        )
        if not rows:
            return {}
        from .profile_codec import from_json  # late, like below: JSON is of no use at a start

        found = [self._believed(from_json, text) for (text,) in rows if isinstance(text, str)]
        return {profile.fingerprint: profile for profile in found if profile is not None}

    def save_profile(self, profile: GatewayProfile) -> None:
        """Write a profile down; without a (reasonable) fingerprint it is of no gateway, and is not."""
        from .profile_codec import LONGEST_NAME, to_json

        if 0 < len(profile.fingerprint) <= LONGEST_NAME:
            row = (profile.fingerprint, to_json(profile))
            self._insert("profiles", INSERT_PROFILE, row, MOST_PROFILES)

    def delete_profile(self, fingerprint: str) -> None:
        """Forget what gateways of that kind taught us."""
        self._later(lambda c: c.execute("DELETE FROM profiles WHERE fingerprint = ?", (fingerprint,)))
        self._write("a profile")

    def remember_gateway(self, gateway: GatewayIdentity, network: str) -> None:
        """Note which gateway served a network; ``network`` is any text that tells it from others."""
        if len(network) <= LONGEST:
            self._insert("gateways", INSERT_GATEWAY, (network, *identity_row(gateway)), MOST_GATEWAYS)

    def last_gateway(self, network: str) -> GatewayIdentity | None:
        """The gateway that served a network the last time: to be tried first, and believed no further."""
        query = f"SELECT {', '.join(IDENTITY)} FROM gateways WHERE network = ?"
        row = self._read("the gateways", lambda c: c.execute(query, (network,)).fetchone(), None)
        return None if row is None else self._believed(identity_of, row)

    def wishes(self) -> list[Wanted]:
        """What is wanted for good, oldest first."""
        rows: list[tuple[Any, ...]] = self._read("the wishes", lambda c: c.execute(WISHES).fetchall(), [])
        found = [self._believed(wish_of, row) for row in rows]
        return [wanted for wanted in found if wanted is not None]

    def remember_wish(self, wanted: Wanted) -> None:
        """It is wanted at the next start too, until it is forgotten."""
        self._insert("wishes", INSERT_WISH, wish_row(wanted), MOST_WISHES)

    def forget_wish(self, wanted: Wanted) -> None:
        key = wish_row(wanted)[: len(WISH_KEY)]
        self._later(lambda connection: connection.execute(DELETE_WISH, key))
        self._write("the end of a wish")

    def close(self) -> None:
        """Give up what we renewed, so that anybody may take it over, and close the file."""
        if self._connection is None:
            return
        self._later(lambda c: c.execute("UPDATE holdings SET owner = '' WHERE owner = ?", (self.owner,)))
        self._write("the end")
        connection, self._connection = self._connection, None
        try:
            connection.close()
        except self._sqlite3.Error as error:
            self._failed("closed", error)

    def _keep(self, entries: list[JournalEntry], connection: Connection) -> None:
        for entry in entries:
            self._strike_out(connection, entry.holding, entry.gateway, entry.own_address)
            connection.execute(INSERT_ENTRY, entry_row(entry))
        self._bound(connection, "holdings", MOST_HOLDINGS)

    def _strike_out(
        self, connection: Connection, holding: Holding, gateway: GatewayIdentity, own_address: str
    ) -> None:
        ports = (holding.internal_port, holding.external_port)
        for number, entry in self._entries(
            connection, "WHERE internal_port = ? AND external_port = ?", ports
        ):
            same = same_mapping(entry, holding, gateway) and leads_to(entry, own_address)
            if same and not self._is_other(entry.owner):
                connection.execute("DELETE FROM holdings WHERE rowid = ?", (number,))

    def _entries(
        self, connection: Connection, where: str = "ORDER BY rowid", values: tuple[int, ...] = ()
    ) -> list[tuple[int, JournalEntry]]:
        rows = connection.execute(f"{ENTRIES} {where}", values).fetchall()
        found = ((number, self._believed(entry_of, row)) for number, *row in rows)
        return [(number, entry) for number, entry in found if entry is not None]

    def _is_other(self, owner: str) -> bool:
        return owner != self.owner and is_alive(owner)

    def _insert(self, table: str, statement: str, row: tuple[object, ...], most: int) -> None:
        self._later(lambda connection: connection.execute(statement, row))
        self._later(lambda connection: self._bound(connection, table, most))
        self._write(f"one of the {table}")

    def _bound(self, connection: Connection, table: str, most: int) -> None:
        """Let the oldest rows go; a row that is written again is new."""
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        if rows > most:
            oldest = f"SELECT rowid FROM {table} ORDER BY rowid LIMIT {rows - most}"
            connection.execute(f"DELETE FROM {table} WHERE rowid IN ({oldest})")
            self._tell_once(
                table, WARNING, f"{self.path} is full: the oldest of more than {most} {table} went."
            )

    def _believed(self, read: Callable[[Any], T], row: Any) -> T | None:
        """What a row says, if it says anything."""
        try:
            return read(row)
        except (ValueError, LocalError) as error:
            self.failures += 1
            self._tell_once("row", WARNING, f"{self.path}: a row is left out: {error}")
            return None

    def _read(self, what: str, work: Callable[[Connection], T], otherwise: T) -> T:
        if self._connection is None:
            return otherwise
        try:
            return work(self._connection)
        except (self._sqlite3.Error, ValueError, OverflowError) as error:
            self._failed(f"{what} cannot be read", error)
            return otherwise

    def _later(self, work: Work) -> None:
        self._waiting = [*self._waiting[1 - MOST_WAITING :], work]

    def _write(self, what: str) -> None:
        """Everything that waits, in one transaction."""
        if self._connection is None:
            self._waiting = []
            return
        try:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                for work in self._waiting:
                    work(connection)
        except self._sqlite3.OperationalError as error:  # busy, full, read-only: may pass
            self._failed(f"{what} cannot be written down", error)
            self._be_patient(0)
        except (self._sqlite3.Error, ValueError, OverflowError) as error:
            self._failed(f"{what} cannot be written down", error)
            self._waiting = []
        else:
            self._waiting = []
            self._be_patient(PATIENCE)

    def _be_patient(self, milliseconds: int) -> None:
        """Who waited in vain once does not wait for each write that follows: the program would halt."""
        if self._connection is not None and milliseconds != self._patience:
            with suppress(self._sqlite3.Error):
                self._connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
                self._patience = milliseconds

    def _failed(self, what: str, error: Exception) -> None:
        self.failures += 1
        kind = getattr(error, "sqlite_errorname", type(error).__name__)
        self._tell_once(kind, WARNING, f"{self.path}: {what}: {error}")

    def _tell_once(self, kind: str, level: int, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._log(level, text)
