"""``ringthru cli``: reads its flags, and runs one command, the lines of a pipe, or a prompt.

Lives here: which of these, and the exit status. Never here: the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Final

from ..net.places import state_folder
from .link import NotConnected
from .options import OptionError, Options, read_options
from .session import Session
from .showing import Show

ANSWERED_NO: Final = 1
WRONG_FLAGS: Final = 2
NO_CONNECTION: Final = 255  # as fs_cli has it
KEYS: Final = {  # fs_cli's
    "f1": "help",
    "f2": "status",
    "f3": "show channels",
    "f4": "show calls",
    "f5": "sofia status",
    "f6": "reloadxml",
    "f7": "/log console",
    "f8": "/log debug",
    "f9": "sofia status profile internal",
    "f10": "fsctl pause",
    "f11": "fsctl resume",
    "f12": "version",
}
WELCOME: Final = (
    "Connected to {name}. 'help' lists its commands, '/help' those of this client, '/quit' leaves."
)


def main(arguments: list[str]) -> int:
    """Run a session; see ``--help`` for what the number means."""
    try:
        options = read_options(arguments)
    except OptionError as error:
        print(f"ringthru cli: {error}", file=sys.stderr)
        return WRONG_FLAGS
    try:
        return asyncio.run(_session(options))
    except NotConnected as error:
        print(f"ringthru cli: {error}", file=sys.stderr)
        return NO_CONNECTION
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # the interpreter flushes it once more
        return 0


async def _session(options: Options) -> int:
    plain = options.no_color or options.batch or os.environ.get("NO_COLOR")
    colours = sys.stdout.isatty() and not plain
    session = Session(options, Show(_write, colours=colours, uuids=options.log_uuid, debug=options.debug))
    at_a_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    log = options.batch or (at_a_terminal and not options.execute)
    try:
        await session.connect(log=log)
        if options.execute:
            for line in options.execute:
                await session.run(line)
        elif options.batch:
            await _beside(session, _lines_of_a_pipe(session, stays=True), log=log)
        elif at_a_terminal:
            await _beside(session, _at_the_prompt(session, options), log=log)
        else:
            await _beside(session, _lines_of_a_pipe(session), log=log)
    finally:
        await session.close()
    return ANSWERED_NO if session.failed else 0


async def _beside(session: Session, reading: asyncio.Future[None], *, log: bool) -> None:
    """Until the reading has ended, or the connection is lost for good."""
    watching = asyncio.ensure_future(session.until_lost(log=log))
    try:
        done, _ = await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (reading, watching):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, NotConnected):
                await task


def _at_the_prompt(session: Session, options: Options) -> asyncio.Future[None]:
    from .prompt import interactive  # prompt_toolkit is loaded for those who are at a prompt

    _write(WELCOME.format(name=session.name))
    keys = {**KEYS, **dict(options.keys)}
    history = state_folder() / "cli.history"
    return asyncio.ensure_future(interactive(session, keys, history, leave_by_interrupt=options.interrupt))


def _lines_of_a_pipe(session: Session, *, stays: bool = False) -> asyncio.Future[None]:
    """Run them until one says goodbye, or their end; ``stays``: with the log after that, too."""
    from ..console.plain import LineReader

    async def read() -> None:
        async for line in LineReader(sys.stdin):
            await session.run(line)
            if session.over.is_set():
                return
        if stays:
            await session.over.wait()

    return asyncio.ensure_future(read())


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
