"""The file that says which process runs, and the lock on it that says whether it still does.

The number alone may be another program's by now, long after a crash; the lock ends with its process.

Lives here: writing it, and ending the process that it names. Never here: how a switch stops.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
from pathlib import Path
from typing import Final

NAME: Final = "ringthru.pid"
PATIENCE: Final = 30.0  # seconds for a switch to stop: its mappings take 3, and calls end at once


class NobodyRuns(Exception):
    """There is no process to end, or it cannot be ended; the text says why and what to do."""


class PidFile:
    """Ours while this process runs; another one's stays as it is."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._descriptor: int | None = None

    def take(self) -> int | None:
        """Write our number; None, or the number of the process that has the file.

        Raises:
            OSError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _lock(descriptor):
            holder = _number(descriptor)
            os.close(descriptor)
            return holder
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        self._descriptor = descriptor
        return None

    def give_back(self) -> None:
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def stop_running(folder: Path, patience: float = PATIENCE) -> int:
    """End the process of a folder's pid file and wait for it; its number.

    Raises:
        NobodyRuns: no such process, not ours to end, or it did not end in time.
    """
    path = folder / NAME
    pid = _holder(path)
    if pid is None:
        hint = "name the directory it was started with: -run, or -db"
        raise NobodyRuns(f"nothing to stop: no switch runs that wrote {path}; {hint}")
    try:
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGTERM)
            ended = select.select([process], [], [], patience)[0]
        finally:
            os.close(process)
    except ProcessLookupError:
        return pid  # it ended by itself
    except PermissionError as error:
        message = f"process {pid} is another user's: stop it as that user, or as root"
        raise NobodyRuns(message) from error
    if not ended:
        message = f"process {pid} has not ended in {patience:.0f} s; its log says what it waits for"
        raise NobodyRuns(message)
    return pid


def _holder(path: Path) -> int | None:
    """The process that holds the file; None when nobody does, whatever number is in it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _lock(descriptor) else _number(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _number(descriptor: int) -> int:
    """What the file says; 0 while its writer has not come to that."""
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
