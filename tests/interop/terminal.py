"""A program on a terminal of its own, in a namespace: what is typed there, and what it shows."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import ringthru
from ringthru.lab.namespaces.laboratory import Laboratory
from ringthru.lab.namespaces.netns import wait_for

ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[=>()][0-9A-Za-z]?|\][^\x07]*\x07)")


class Terminal:
    """Takes part in tests as somebody at a keyboard would."""

    def __init__(self, laboratory: Laboratory, role: str, folder: Path, arguments: Sequence[str]) -> None:
        """Start ``python -m ringthru`` with these arguments; ``folder`` gets what it keeps."""
        self._ours, theirs = pty.openpty()
        argv = ["ip", "netns", "exec", laboratory.name(role), sys.executable, "-m", "ringthru", *arguments]
        source = str(Path(ringthru.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": source, "TERM": "xterm", "XDG_STATE_HOME": str(folder)}
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        termios.tcsetwinsize(theirs, (50, 200))
        os.close(theirs)
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 65536):
                self._shown += data
                if b"\x1b[6n" in data:  # where is the cursor? a terminal answers
                    os.write(self._ours, b"\x1b[1;1R")
        except OSError:
            pass  # the program has ended

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self._shown.decode(errors="replace")).replace("\r", "")

    @property
    def shown(self) -> bytes:
        """All that came, colours and cursor included."""
        return bytes(self._shown)

    def wait_until(self, holds: Callable[[str], bool], what: str) -> None:
        """Until something holds of all the text that came."""
        wait_for(lambda: holds(self.text), 20, f"{what}: {self.text[-500:]!r}")

    def wait_for_bytes(self, octets: bytes) -> None:
        wait_for(lambda: octets in self._shown, 20, f"{octets!r} on the terminal")

    def type_in(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, words: str, times: int = 1) -> None:
        try:
            wait_for(lambda: self.text.count(words) >= times, 20, f"{words!r} on the terminal")
        except TimeoutError as error:
            lines = [line.rstrip() for line in self.text.splitlines() if line.strip()]
            raise AssertionError("\n".join([str(error), *lines])) from error

    def end(self) -> int:
        """The exit status, once it has ended by itself."""
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            os.close(self._ours)
