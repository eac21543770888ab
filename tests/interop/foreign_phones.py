"""Foreign SIP stacks as phones, each in a process of its own: see `foreign/`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ringthru.lab.namespaces.laboratory import Laboratory
from ringthru.lab.namespaces.netns import wait_for

from .keyboard import Keyboard

PROGRAMS = Path(__file__).parent / "foreign"


class ForeignPhone:
    """One stack on the public host; ``lost`` is the part of its datagrams that it loses, by a seed."""

    def __init__(self, name: str, port: int, *, lost: float = 0.0, seed: int = 1) -> None:
        self.name, self.port = name, port
        self._loss = (str(lost), str(seed))
        self._told = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(
        self, laboratory: Laboratory, role: str, address: str, switch: tuple[str, int], directory: Path
    ) -> None:
        self._laboratory, self._output = laboratory, directory / "output"
        self._keyboard = Keyboard(directory / "keyboard")
        argv = [sys.executable, str(PROGRAMS / f"{self.name}_phone.py"), address, str(self.port)]
        argv += [switch[0], str(switch[1]), *self._loss]
        self.process = laboratory.popen(role, self._keyboard.in_front_of(argv), self._output)
        self.tells("ready")

    def says(self, line: str, answer: str = "") -> None:
        """Type a line; with an ``answer``, return when it has told that since."""
        self._told = len(self.lines())
        self._keyboard.type_in(line)
        if answer:
            self.tells(answer)

    def tells(self, answer: str) -> None:
        """Return when it tells that: since the last line that was typed, or that was waited for."""
        try:
            wait_for(lambda: answer in self.lines()[self._told :], 12, f"{answer!r} from {self.name}")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.lines()}") from error
        self._told = self.lines().index(answer, self._told) + 1

    def lines(self) -> list[str]:
        return self._output.read_text(errors="replace").splitlines() if self._output.exists() else []

    def stop(self) -> None:
        if self.process:
            self._laboratory.end(self.process)
