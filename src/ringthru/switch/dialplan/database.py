"""What dialplans and scripts put down for good: ``db``, values by realm and key, and ``group``, dial strings.

=========================================  ==================================================
``insert/REALM/KEY/VALUE``                 keep a value, also over a restart
``delete/REALM[/KEY]``                     forget it, or the whole realm
``select/REALM/KEY``                       the value, or nothing
``exists/REALM/KEY``                       ``true`` or ``false``
``count[/REALM]``                          how many values
``list[/REALM]``                           the realms, or the keys of one, with commas between
=========================================  ==================================================

``group`` knows ``insert:NAME:DIAL_STRING``, ``delete:NAME:DIAL_STRING`` (``*``: all of them) and
``call:NAME[:order]``, which puts commas between them, or with ``order`` strokes.

All of it is in memory, so that ``${db(select/…)}`` waits for no disk; what changes is written by a thread.
Lives here: both, their bounds, and their file. Never here: what is gone with the switch (``shelf``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..beside import Beside
from ..state_file import FileKind, StateFile
from .shelf import ERROR

MOST_VALUES: Final = 100_000
MOST_STRINGS: Final = 10_000  # of all groups
LONGEST: Final = 4096  # characters of one order
PATIENCE: Final = 2.0  # seconds that a stop waits for the disk
DONE: Final = "+OK"
KIND: Final = FileKind(
    application=0x52694462,  # "RiDb"
    format=1,
    tables=(
        "CREATE TABLE IF NOT EXISTS db_data"
        " (realm TEXT, data_key TEXT, data TEXT, PRIMARY KEY (realm, data_key)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS group_data (groupname TEXT, url TEXT, PRIMARY KEY (groupname, url))",
    ),
    fate="what is put down by db and group will not outlive this run",
    loss="what was put down by db and group is in the old one alone",
)
PUT: Final = "INSERT OR REPLACE INTO db_data VALUES (?, ?, ?)"
FORGET: Final = "DELETE FROM db_data WHERE realm = ? AND data_key = ?"
FORGET_REALM: Final = "DELETE FROM db_data WHERE realm = ?"
JOIN: Final = "INSERT OR IGNORE INTO group_data VALUES (?, ?)"
LEAVE: Final = "DELETE FROM group_data WHERE groupname = ? AND url = ?"
LEAVE_ALL: Final = "DELETE FROM group_data WHERE groupname = ?"


class Database:
    """One switch's."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` is the file, read when first asked; None: nothing outlives the switch."""
        self._realms: dict[str, dict[str, str]] = {}
        self._count = 0  # values of all realms
        self._groups: dict[str, dict[str, None]] = {}  # dial strings, in the order they came
        self._file = StateFile(path, KIND) if path is not None else None
        self._loaded = path is None
        self._beside = Beside("what db and group keep")

    def do(self, text: str) -> str:
        """Obey an order of ``db``; the answer is FreeSWITCH's."""
        verb, *rest = text.split("/", 3)
        if len(text) > LONGEST:
            return ERROR
        self.load()
        match verb.lower(), rest:
            case "insert", [realm, key, value]:
                return self._insert(realm, key, value)
            case "delete", [realm] | [realm, ""]:
                return self._delete_realm(realm)
            case "delete", [realm, key, *_]:
                return self._delete(realm, key)
            case "select", [realm, key, *_]:
                return self._realms.get(realm, {}).get(key, "")
            case "exists", [realm, key, *_]:
                return "true" if self._realms.get(realm, {}).get(key) else "false"
            case "count", []:
                return str(self._count)
            case "count", [realm, *_]:
                return str(len(self._realms.get(realm, ())))
            case "list", []:
                return ",".join(self._realms)
            case "list", [realm, *_]:
                return ",".join(self._realms.get(realm, ()))
        return ERROR

    def do_group(self, text: str) -> str:
        """Obey an order of ``group``."""
        verb, *rest = text.split(":", 2)
        if len(text) > LONGEST:
            return ERROR
        self.load()
        match verb.lower(), rest:
            case "insert", [name, url]:
                return self._join(name, url)
            case "delete", [name, "*"]:
                self._groups.pop(name, None)
                self._write(LEAVE_ALL, (name,))
                return DONE
            case "delete", [name, url]:
                self._groups.get(name, {}).pop(url, None)
                self._write(LEAVE, (name, url))
                return DONE
            case "call", [name, *how]:
                separator = "|" if [each.lower() for each in how] == ["order"] else ","
                return separator.join(self._groups.get(name, ()))
        return ERROR

    def _insert(self, realm: str, key: str, value: str) -> str:
        if key not in self._realms.get(realm, ()):
            if self._count >= MOST_VALUES:
                return ERROR
            self._count += 1
        self._realms.setdefault(realm, {})[key] = value
        self._write(PUT, (realm, key, value))
        return DONE

    def _delete(self, realm: str, key: str) -> str:
        keys = self._realms.get(realm, {})
        if keys.pop(key, None) is not None:
            self._count -= 1
        if not keys:
            self._realms.pop(realm, None)
        self._write(FORGET, (realm, key))
        return DONE

    def _delete_realm(self, realm: str) -> str:
        self._count -= len(self._realms.pop(realm, ()))
        self._write(FORGET_REALM, (realm,))
        return DONE

    def _join(self, name: str, url: str) -> str:
        if sum(map(len, self._groups.values())) >= MOST_STRINGS:
            return ERROR
        self._groups.setdefault(name, {})[url] = None
        self._write(JOIN, (name, url))
        return DONE

    # --- the file -----------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what an earlier run kept; once."""
        if self._loaded:
            return
        self._loaded = True
        if self._file is None or not self._file.path.exists():
            return
        import sqlite3

        connection = self._file.open()
        if connection is None:
            return
        try:
            for realm, key, value in connection.execute("SELECT * FROM db_data"):
                self._realms.setdefault(str(realm), {})[str(key)] = str(value)
            for name, url in connection.execute("SELECT groupname, url FROM group_data ORDER BY rowid"):
                self._groups.setdefault(str(name), {})[str(url)] = None
        except sqlite3.Error as error:
            self._file.failed("cannot be read", error)
        self._count = sum(map(len, self._realms.values()))

    def _write(self, statement: str, values: Sequence[str]) -> None:
        file = self._file
        if file is not None:
            self._beside.put(lambda: _execute(file, statement, values))

    def close(self) -> None:
        """Write what waits; blocks for two seconds at most."""
        self._beside.close(PATIENCE)
        if self._file is not None:
            self._file.close()


def _execute(file: StateFile, statement: str, values: Sequence[str]) -> None:
    """In the thread."""
    import sqlite3

    connection = file.open()
    if connection is None:
        return
    try:
        connection.execute(statement, values)
    except sqlite3.Error as error:
        file.failed("cannot be written", error)
