"""What ends a command early: the exit status, and one sentence that says why."""

from __future__ import annotations

from .words import Exit


class Trouble(Exception):
    """The command cannot go on; the text is the whole message."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code
