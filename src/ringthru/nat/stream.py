"""A stream that may stop taking what is written: what is done at a gateway does not depend on who reads.

Lives here: the first failure, kept, and silence from then on. Never here: what is written.
"""

from __future__ import annotations

import errno
import os
import select
from contextlib import suppress
from typing import Any, TextIO


class Stream:
    """Writes to ``file`` until that fails; ``failure`` is why nobody hears us any more.

    Everything but writing is the file's own business: whether it is a terminal, and its encoding.
    """

    def __init__(self, file: TextIO) -> None:
        self.failure: OSError | None = None
        self._file = file

    def write(self, text: str) -> int:
        if self.failure is None:
            try:
                self._file.write(text)
                self._file.flush()  # or the failure comes at the exit, where nobody can tell of it
            except OSError as error:
                self.failure = error
        return len(text)

    def look(self) -> None:
        """Whether who reads from a pipe has hung up, which writing would tell."""
        with suppress(OSError, ValueError):  # no file of the system's
            watched = select.poll()
            watched.register(self._file.fileno(), 0)  # errors and hang-ups come unasked (poll(2))
            if self.failure is None and watched.poll(0):
                self.failure = BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def flush(self) -> None:
        """All is written at once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def let_go(file: TextIO) -> None:
    """At the exit Python writes what is left, and complains where nobody takes it: give that to nobody."""
    try:
        file.flush()
    except OSError:
        with suppress(OSError, ValueError):  # no file of the system's
            nobody = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nobody, file.fileno())
            os.close(nobody)
