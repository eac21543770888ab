"""What can be wrong with a configuration, said so that a person can cure it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Position(NamedTuple):
    """A line of a file the operator wrote; lines count from 1, 0 means the file as a whole."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class ConfigurationError(Exception):
    """The configuration cannot be used: where, why, and what to do about it."""

    def __init__(self, position: Position, message: str, remedy: str = "") -> None:
        self.position = position
        self.path = position.path
        self.line = position.line
        self.message = message
        self.remedy = remedy
        super().__init__(f"{position}: {message}" + (f" ({remedy})" if remedy else ""))


class Note(NamedTuple):
    """Something worth a log line that does not stop us."""

    level: int  # of the standard library's logging
    position: Position
    text: str

    def __str__(self) -> str:
        return f"{self.position}: {self.text}"
