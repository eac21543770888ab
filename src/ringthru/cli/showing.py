"""What a session of ``ringthru cli`` prints: answers, lines of the log, events.

Lives here: text and colours. Never here: what was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..console.text import visible
from ..event_socket.client import Heard
from ..event_socket.framing import Frame
from ..switch.events.forms import read_plain

RESET: Final = "\x1b[0m"
COLOURS: Final = ("", "\x1b[31m", "\x1b[31m", "\x1b[31m", "\x1b[35m", "\x1b[36m", "\x1b[32m", "\x1b[33m")
FAILURES: Final = ("-ERR", "-USAGE", "Unknown Command")


def failed(answer: str) -> bool:
    """Whether an answer says that the command did nothing."""
    return answer.startswith(FAILURES)


def shown(text: str) -> str:
    """Lines and tabs as they are, and nothing else that a terminal would obey."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in lines)


class Show:
    """Prints by ``write``, which ends the line; remembers which lines of the log are wanted."""

    def __init__(
        self, write: Callable[[str], None], *, colours: bool = False, uuids: bool = False, debug: int = 0
    ) -> None:
        """``uuids``: the call's goes before lines of the log. ``debug``: how much of ``trace`` is shown."""
        self._write = write
        self._colours = colours
        self._uuids = uuids
        self.debug = debug
        self.uuid = ""  # only lines of the log about this call
        self.filter = ""  # only lines of the log with this text

    def answer(self, text: str) -> None:
        self._write(shown(text))

    def note(self, text: str) -> None:
        """Something of the client's own."""
        self._write(shown(text))

    def trace(self, level: int, text: str) -> None:
        """What the client does, for those who look for a fault."""
        if level <= self.debug:
            self._write(f"[{'INFO' if level < 7 else 'DEBUG'}] {shown(text)}")

    def heard(self, heard: Heard) -> None:
        if heard.is_log:
            self._log(heard.frame)
        else:
            self._event(heard.frame)

    def _log(self, frame: Frame) -> None:
        line = frame.body.decode("utf-8", "replace").rstrip("\n")
        if self.uuid not in ("", frame.get("User-Data")) or self.filter not in line:
            return
        level = frame.get("Log-Level") or ""
        colour = COLOURS[int(level)] if self._colours and level in tuple("01234567") else ""
        uuid = frame.get("User-Data") if self._uuids else None
        line = f"{uuid} {line}" if uuid else line
        self._write(f"{colour}{shown(line)}{RESET if colour else ''}")

    def _event(self, frame: Frame) -> None:
        """Plain ones decoded, a header a line; others as they came."""
        if frame.content_type != "text/event-plain":
            self._write(f"RECV EVENT\n{shown(frame.body.decode('utf-8', 'replace'))}\n")
            return
        event = read_plain(frame.body)
        lines = "".join(f"{name}: {visible(value)}\n" for name, value in event.headers)
        body = f"\n{shown(event.body)}\n" if event.body else ""
        self._write(f"RECV EVENT\n{lines}{body}")
