"""A pipe that a program takes for its keyboard, so that a test can type lines while it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class Keyboard:
    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # of a life before
        os.mkfifo(path)
        self._path = path

    def in_front_of(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs the program so; the pipe has both ends open, so neither side waits."""
        return ["sh", "-c", f'exec "$@" <>{self._path}', "sh", *argv]

    def type_in(self, line: str) -> None:
        with self._path.open("w") as keys:
            keys.write(line + "\n")
