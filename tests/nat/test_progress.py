"""What a command shows while it waits: a line on a real terminal, and nothing at all elsewhere."""

from __future__ import annotations

import io
import os
import pty
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from ringthru.nat.command import run
from ringthru.nat.place import Ground

WAITS_FOR = "looking for the gateway"


class Screen:
    """A pseudo-terminal that a command writes its progress to."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (25, 80))
        self.file: TextIO = os.fdopen(theirs, "w")

    def shown(self) -> str:
        """All that came, once the command has ended and its end of the line is closed."""
        self.file.close()
        octets = bytearray()
        try:
            while piece := os.read(self._ours, 65536):
                octets += piece
        except OSError:  # what a terminal says when nobody is at its other end any more
            pass
        return octets.decode()

    def close(self) -> None:
        self.file.close()
        os.close(self._ours)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.setenv("TERM", "xterm")
    made = Screen()
    yield made
    made.close()


@pytest.fixture
def typed(nat, start_gateway):
    """Run a line whose errors and progress go to ``err``; its exit code, and what it said on the way."""

    async def type_line(line: str, err: TextIO, out: TextIO | None = None) -> tuple[int, str]:
        await start_gateway()
        said = out or io.StringIO()
        ground = Ground(lambda interface: nat.surroundings, linger=nat.linger, survey=0.4)
        code = await run([*line.split(), "--store", str(nat.store)], ground, said, err)
        return code, "" if out else said.getvalue()

    return type_line


class TestOnATerminal:
    @pytest.mark.parametrize("command", ["status", "list", "discover", "add 25060/udp", "explain 25060/udp"])
    async def test_it_says_what_it_waits_for_and_takes_that_away(self, typed, screen, command):
        await typed(command, screen.file)
        shown = screen.shown()
        assert "…" in shown
        assert "\x1b[?25l" in shown, "no cursor beside a moving picture"
        assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is there again at the end"

    async def test_what_a_gateway_is_looked_for_by(self, typed, screen):
        code, said = await typed("status", screen.file)
        assert WAITS_FOR in screen.shown()
        assert "Gateway:" in said
        assert WAITS_FOR not in said
        assert code == 0

    @pytest.mark.parametrize("flag", ["--json", "--quiet"])
    async def test_nothing_moves_for_programs_and_for_those_who_want_it_quiet(self, typed, screen, flag):
        await typed(f"status {flag}", screen.file)
        assert screen.shown() == ""


class TestElsewhere:
    async def test_a_file_or_a_pipe_gets_no_progress(self, typed):
        err = io.StringIO()
        await typed("status", err)
        assert err.getvalue() == ""

    async def test_with_json_what_is_read_is_json_alone_even_on_a_terminal(self, typed, screen):
        await typed("status --json", screen.file, screen.file)
        shown = screen.shown()
        assert shown.startswith("{")
        assert "\x1b" not in shown
