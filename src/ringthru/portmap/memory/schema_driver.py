"""The file behind the memory: how it is opened, made, brought up to date, and refused.

Lives here: the tables of each format, and what is wrong with a file, in words.
Never here: what is read from it or written to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from logging import WARNING
from pathlib import Path
from typing import Final

from ..errors import LocalError
from .sqlite_driver import sqlite3

APPLICATION: Final = 0x52696E67  # "Ring", in the file's header (PRAGMA application_id)
ROOM: Final = 65536  # bytes that SQLite's two files beside the journal need at least
APPLICATION_AT: Final = slice(68, 72)  # where SQLite's file format keeps it

STEPS: Final = (  # each brings the file from the format of its place to the next one; never edit an old one
    (
        """CREATE TABLE holdings (
            family TEXT, protocol TEXT, internal_client TEXT, internal_port INTEGER, external_port INTEGER,
            lifetime INTEGER, description TEXT, nonce BLOB, reference TEXT, granted INTEGER,
            type TEXT, address TEXT, name TEXT, fingerprint TEXT, control TEXT,
            at REAL, kept INTEGER, owner TEXT, own_address TEXT)""",
        "CREATE INDEX holdings_by_port ON holdings (internal_port, external_port)",
        "CREATE TABLE profiles (fingerprint TEXT PRIMARY KEY, profile TEXT)",
        """CREATE TABLE gateways (
            network TEXT PRIMARY KEY, type TEXT, address TEXT, name TEXT, fingerprint TEXT, control TEXT)""",
    ),
    ("ALTER TABLE holdings ADD COLUMN remote TEXT NOT NULL DEFAULT ''",),
    ("ALTER TABLE holdings ADD COLUMN allow_from TEXT NOT NULL DEFAULT ''",),
    (
        """CREATE TABLE wishes (
            family TEXT, protocol TEXT, internal_client TEXT, internal_port INTEGER, external_port INTEGER,
            exact INTEGER, label TEXT, listed INTEGER, allow_from TEXT, lifetime INTEGER,
            PRIMARY KEY (family, protocol, internal_client, internal_port))""",
    ),
)


def open_file(path: Path, patience: int, log: Callable[[int, str], None]) -> sqlite3.Connection:
    """Open the file, made or brought up to date where need be.

    A damaged file of ours is put aside as ``….damaged``, with a warning, and a new one begun: a switch that
    comes back after a power failure must not wait for a person. A file that may only be read is read.

    ``patience``: milliseconds to wait for another process that writes.

    Raises:
        LocalError: it cannot be opened or made, is of a newer Ringthru, or not ours; in words.
    """
    try:
        return _open(path, patience)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) or not _is_ours(path):
            raise LocalError(f"{path} cannot be used as the journal: {error}{_hint(path)}") from error
        damage = error
    except OSError as error:
        raise LocalError(f"{path} cannot be used as the journal: {error.strerror or error}") from error
    except LocalError as error:
        raise LocalError(f"{path} cannot be used as the journal: {error}") from error
    log(WARNING, f"{path} is damaged ({damage}): it is kept as {path.name}.damaged, and a new one begun.")
    try:
        _put_aside(path)
        return _open(path, patience)
    except (sqlite3.Error, OSError) as error:
        raise LocalError(f"{path} is damaged, and cannot be begun anew: {error}") from error


def bring_up_to_date(connection: sqlite3.Connection, steps: Sequence[Sequence[str]] = STEPS) -> None:
    """Take the steps the file has not taken, all or none.

    Raises:
        LocalError: the file is of a newer format, or another program's.
        sqlite3.Error: a step failed; the file is as it was.
    """
    if _format(connection, len(steps)) == len(steps):
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for step in steps[_format(connection, len(steps)) :]:  # another process may have been faster
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _open(path: Path, patience: int) -> sqlite3.Connection:
    if path.exists() and not path.is_file():  # SQLite would write into /dev/null, and remember nothing
        raise LocalError("it is a directory" if path.is_dir() else "it is no regular file")
    _make_private(path)
    is_new = path.stat().st_size == 0
    connection = sqlite3.connect(path, timeout=patience / 1000, isolation_level=None)
    try:
        if is_new:  # nothing to lose in it yet: a start does not wait seven times for the disk
            connection.execute("PRAGMA synchronous = OFF")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        bring_up_to_date(connection)
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Write ahead, and leave the disk to the kernel.

    A commit has been handed to the kernel by ``write`` when it returns, and the kernel keeps it whatever
    happens to us: ``kill -9`` loses nothing. To wait for the disk as well (``FULL``) would cost milliseconds
    for each mapping, and guard against a power failure only. That may take the last entries, never the file;
    and what a gateway still holds of them runs out.
    """
    with suppress(sqlite3.OperationalError):  # read-only, or another process is just about to do it
        connection.execute("PRAGMA journal_mode = WAL")  # where it is not to be had, the slower way stays
    connection.execute("PRAGMA synchronous = NORMAL")


def _format(connection: sqlite3.Connection, newest: int) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (tables or application or version):
        raise LocalError("it is the database of another program")
    if not 0 <= version <= newest:
        raise LocalError(f"a newer Ringthru wrote it (format {version}, this one knows {newest})")
    return int(version)


def _make_private(path: Path) -> None:
    """Only its owner may read it: who knows a nonce can delete the mapping. SQLite's side files follow it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    except OSError:
        if not os.access(path, os.R_OK):
            raise


def _hint(path: Path) -> str:
    """What SQLite does not say: it needs room for two files beside its own."""
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return " (we may not write to it, or to its directory)"
    with suppress(OSError):
        disk = os.statvfs(path.parent)
        if disk.f_bavail * disk.f_frsize < ROOM:
            return (
                f" (there is no room left on the disk: it needs {ROOM // 1024} KiB for two files beside it)"
            )
    return ""


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(100)[APPLICATION_AT] == APPLICATION.to_bytes(4, "big")
    except OSError:
        return False


def _put_aside(path: Path) -> None:
    path.replace(path.with_name(path.name + ".damaged"))
    for side in ("-wal", "-shm"):  # they belong to the damaged one, and would spoil the new one
        path.with_name(path.name + side).unlink(missing_ok=True)
