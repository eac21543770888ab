"""The console without a terminal: lines from standard input, answers to standard output.

Lives here: reading lines beside a running event loop, running them one after another.
Never here: prompts, colours, editing (the shell).

The end of the input ends the reading and nothing else: ``ringthru < /dev/null`` is a service like any
other, and a script that wants the switch to stop says ``shutdown``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Final, TextIO

from .commands import CommandTable, split_commands, unaliased
from .switch_like import SwitchLike
from .text import visible

LINES_AHEAD: Final = 100  # read but not yet run; then the reader waits


def write_out(text: str) -> None:
    """Print an answer; whoever read our output may be gone, and that is no reason to stop."""
    with contextlib.suppress(OSError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


async def run_line(
    switch: SwitchLike, table: CommandTable, line: str, write: Callable[[str], None] = write_out
) -> None:
    """Run what one line asks for, ``;;`` between commands; each answer is followed by a line break."""
    for command in split_commands(line):
        said = await table.run(switch, unaliased(command, switch.aliases))
        write(said if switch.layout == "current" else f"API CALL [{_called(command)}] output:\n{said}")


def _called(command: str) -> str:
    """``nat_map(status)``, as the console of 2009 wrote it."""
    name, _, arguments = command.partition(" ")
    return f"{visible(name)}({visible(arguments)})"


class LineReader:
    """Lines of a blocking stream as an asynchronous iterator.

    A thread reads, because neither a regular file nor ``/dev/null`` can be waited for by the event loop;
    it is a daemon, because one that waits for input must not keep a stopped process alive.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(LINES_AHEAD)
        threading.Thread(target=self._read, name="console reader", daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(RuntimeError, OSError, ValueError):  # loop closed, stream gone or closed
            for line in self._stream:
                self._room.acquire()
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._lines.put_nowait, None)

    def __aiter__(self) -> LineReader:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        self._room.release()
        return line


async def plain_console(switch: SwitchLike, table: CommandTable, stream: TextIO | None = None) -> None:
    """Run the lines of ``stream`` (standard input) one after another until it ends."""
    async for line in LineReader(sys.stdin if stream is None else stream):
        await run_line(switch, table, line)
