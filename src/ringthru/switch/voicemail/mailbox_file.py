"""Messages on disk: a WAV file each, and an SQLite file that says whose they are.

A message counts once its row is written, and its row is written once its file is whole. What a ``kill -9``
leaves behind is put right when the file is opened: a whole WAV file without a row gets one, a row whose file
is gone is struck out, and what was never finished goes away.

Lives here: both, for one thread. Never here: who may leave or hear what, how much is too much.
"""

from __future__ import annotations

import logging
import os
import time
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..calls.caller import Caller
from ..state_file import FileKind, StateFile
from .values import Box, Counts, Message

if TYPE_CHECKING:
    from sqlite3 import Connection

log = logging.getLogger(__name__)

KIND: Final = FileKind(
    application=0x5269566D,  # "RiVm"
    format=1,
    tables=(  # FreeSWITCH's columns, so that what people read them with goes on
        "CREATE TABLE IF NOT EXISTS voicemail_msgs (created_epoch INTEGER, read_epoch INTEGER, username TEXT,"
        " domain TEXT, uuid TEXT PRIMARY KEY, cid_name TEXT, cid_number TEXT, in_folder TEXT, file_path TEXT,"
        " message_len INTEGER, flags TEXT, profile TEXT) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS voicemail_prefs (username TEXT, domain TEXT, name_path TEXT,"
        " greeting_path TEXT, password TEXT, profile TEXT, PRIMARY KEY (profile, domain, username))",
        "CREATE INDEX IF NOT EXISTS voicemail_boxes ON voicemail_msgs (domain, username)",
    ),
    fate="no message can be left or heard",
    loss="messages are found again by their files",
)
BEGINNING: Final = "msg_"
UNFINISHED: Final = ".part"
GREETING: Final = "greeting_1.wav"
COLUMNS: Final = (
    "uuid, profile, domain, username, created_epoch, read_epoch, cid_name, cid_number, file_path,"
    " message_len, flags, in_folder"
)
OF_BOX: Final = "WHERE profile = ? AND domain = ? AND username = ?"
INSERT: Final = (
    f"INSERT OR IGNORE INTO voicemail_msgs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class MailboxFile:
    """All messages of one profile; ``folder`` has one for each domain and user below it."""

    def __init__(self, profile: str, folder: Path) -> None:
        self.folder = folder
        self._profile = profile
        self._file = StateFile(folder / "voicemail.sqlite3", KIND)
        self._mended = False

    # --- places -------------------------------------------------------------------------------------

    def place(self, box: Box) -> Path:
        """The folder of a box. Both names are the directory's, which may hold anything but a path."""
        return self.folder / _plain(box.domain) / _plain(box.user)

    def greeting(self, box: Box) -> Path:
        return self.place(box) / GREETING

    def unfinished(self, box: Box, uuid: str) -> Path:
        """Where a message is written while it is spoken."""
        return self.place(box) / f"{BEGINNING}{uuid}.wav{UNFINISHED}"

    # --- writing ------------------------------------------------------------------------------------

    def keep(self, box: Box, uuid: str, caller: Caller, seconds: int) -> Message:
        """Make a message of what was written: from now on it counts.

        Raises:
            OSError: the disk does not play along; nothing counts then.
        """
        written = self.unfinished(box, uuid)
        path = written.with_suffix("")
        _sync(written)
        os.replace(written, path)
        message = Message(uuid, box, int(time.time()), 0, caller, str(path), seconds)
        self._write(INSERT, _row(message))
        return message

    def drop(self, box: Box, uuid: str) -> None:
        """What was written is no message."""
        self.unfinished(box, uuid).unlink(missing_ok=True)

    def mark(self, box: Box, *, read: bool, uuid: str = "", flags: str = "") -> None:
        """Heard, or not; one message, or all of the box."""
        moment = int(time.time()) if read else 0
        only, values = _only(uuid)
        self._write(
            f"UPDATE voicemail_msgs SET read_epoch = ?, flags = ? {OF_BOX}{only}",
            (moment, flags, *_key(box), *values),
        )

    def delete(self, box: Box, uuid: str = "") -> int:
        """One message, or all of the box; how many there were."""
        doomed = [each for each in self.messages(box) if not uuid or each.uuid == uuid]
        only, values = _only(uuid)
        self._write(f"DELETE FROM voicemail_msgs {OF_BOX}{only}", (*_key(box), *values))
        for each in doomed:
            Path(each.path).unlink(missing_ok=True)
        return len(doomed)

    def choose_pin(self, box: Box, pin: str) -> None:
        """``pin`` is what ``chosen_pin`` shall give."""
        self._write(
            "INSERT INTO voicemail_prefs (profile, domain, username, password) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (profile, domain, username) DO UPDATE SET password = excluded.password",
            (*_key(box), pin),
        )

    # --- reading ------------------------------------------------------------------------------------

    def messages(self, box: Box) -> list[Message]:
        """Oldest first."""
        rows = self._read(f"SELECT {COLUMNS} FROM voicemail_msgs {OF_BOX}", _key(box))
        return sorted(map(_message, rows), key=lambda each: (each.created, each.uuid))

    def counts(self, box: Box) -> Counts:
        text = f"SELECT read_epoch = 0, count(*) FROM voicemail_msgs {OF_BOX} GROUP BY 1"
        found = {bool(new): count for new, count in self._read(text, _key(box))}
        return Counts(found.get(True, 0), found.get(False, 0))

    def chosen_pin(self, box: Box) -> str:
        """What its owner chose by phone, as it was given to ``choose_pin``; empty: nothing."""
        rows = self._read(f"SELECT coalesce(password, '') FROM voicemail_prefs {OF_BOX}", _key(box))
        return str(rows[0][0]) if rows else ""

    def used(self) -> set[tuple[str, str]]:
        """Domains and users whose boxes ever had a message, or a greeting."""
        return {(each.parent.name, each.name) for each in self.folder.glob("*/*") if each.is_dir()}

    def megabytes(self) -> float:
        """What all files of the profile take."""
        return sum(each.stat().st_size for each in self._wavs()) / 1_000_000

    def seconds(self, box: Box) -> int:
        """How long all messages of a box are."""
        rows = self._read(f"SELECT coalesce(sum(message_len), 0) FROM voicemail_msgs {OF_BOX}", _key(box))
        return int(rows[0][0]) if rows else 0

    # --- the file -----------------------------------------------------------------------------------

    def close(self) -> None:
        self._file.close()

    def _open(self) -> Connection:
        connection = self._file.open()
        if connection is None:
            raise OSError(f"{self._file.path} cannot be used")
        if not self._mended:
            self._mended = True
            self._mend(connection)
        return connection

    def _write(self, text: str, values: Sequence[object]) -> None:
        import sqlite3

        try:
            self._open().execute(text, values)
        except sqlite3.Error as error:
            self._file.failed("cannot be written", error)
            raise OSError(f"{self._file.path}: {error}") from error

    def _read(self, text: str, values: Sequence[object]) -> list[Any]:
        import sqlite3

        try:
            return self._open().execute(text, values).fetchall()
        except sqlite3.Error as error:
            self._file.failed("cannot be read", error)
            raise OSError(f"{self._file.path}: {error}") from error

    def _wavs(self) -> Iterator[Path]:
        return self.folder.glob(f"*/*/{BEGINNING}*.wav")

    def _mend(self, connection: Connection) -> None:
        """Put right what an end in the midst of things left behind."""
        for each in self.folder.glob(f"*/*/{BEGINNING}*{UNFINISHED}"):
            each.unlink(missing_ok=True)
        known = {
            path: uuid for uuid, path in connection.execute("SELECT uuid, file_path FROM voicemail_msgs")
        }
        there = {str(each) for each in self._wavs()}
        for path in known.keys() - there:
            connection.execute("DELETE FROM voicemail_msgs WHERE uuid = ?", (known[path],))
        for path in sorted(there - known.keys()):
            if (message := self._found_again(Path(path))) is not None:
                connection.execute(INSERT, _row(message))
                log.warning("Voicemail: %s has no row; %s has it as a new message", path, message.box)

    def _found_again(self, path: Path) -> Message | None:
        """A message of which only the file is left: who called is lost."""
        box = Box(self._profile, path.parent.parent.name, path.parent.name)
        try:
            with wave.open(str(path)) as file:
                seconds = file.getnframes() // max(file.getframerate(), 1)
            created = int(path.stat().st_mtime)
        except (OSError, EOFError, wave.Error):
            return None
        uuid = path.stem.removeprefix(BEGINNING)
        return Message(uuid, box, created, 0, Caller("", ""), str(path), seconds)


def _plain(name: str) -> str:
    """A name that is one step of a path, whatever the directory says."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise OSError(f"'{name[:40]}' names no box")
    return name


def _key(box: Box) -> tuple[str, str, str]:
    return box.profile, box.domain, box.user


def _only(uuid: str) -> tuple[str, tuple[str, ...]]:
    return (" AND uuid = ?", (uuid,)) if uuid else ("", ())


def _row(message: Message) -> tuple[object, ...]:
    caller = message.caller
    return (
        *(message.uuid, *_key(message.box), message.created, message.read, caller.name, caller.number),
        *(message.path, message.seconds, message.flags, message.folder),
    )


def _message(row: Sequence[Any]) -> Message:
    uuid, profile, domain, user, created, read, name, number, path, seconds, flags, folder = row
    box, caller = Box(profile, domain, user), Caller(name, number)
    return Message(
        uuid, box, int(created), int(read), caller, str(path), int(seconds), str(flags), str(folder)
    )


def _sync(path: Path) -> None:
    """What is written shall be there after the machine lost its power, too."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
