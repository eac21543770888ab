"""``ringthru nat``: reads the command line, runs one command, and tells its exit status."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Final, TextIO

from .arguments import NotUnderstood, read
from .output import Output
from .place import Ground
from .stream import let_go
from .trouble import Trouble
from .words import Exit

Command = Callable[[argparse.Namespace, Ground, Output], Awaitable[tuple[Exit, dict[str, Any]]]]

COMMANDS: Final = {  # the module of each, loaded when it is called, and its name there
    "discover": ("discovering", "discover"),
    "status": ("finding", "status"),
    "add": ("mapping", "add"),
    "delete": ("removing", "delete"),
    "list": ("finding", "list_table"),
    "watch": ("watching", "watch"),
    "explain": ("explaining", "explain"),
    "cleanup": ("cleaning", "cleanup"),
    "capture": ("capturing", "capture"),
    "profile": ("profiles", "profile"),
    "echo": ("echo", "echo"),
}
EVERYWHERE: Final = {  # with --every-interface; the others are run on each interface for itself
    "add": ("several", "add"),
    "watch": ("several", "watch"),
}


def main(argv: list[str]) -> int:
    """Run one command; the result is the exit status (see ``words.Exit``)."""
    code = int(Exit.INTERRUPTED)

    async def known() -> None:
        nonlocal code  # Ctrl-C once all is done comes too late: nothing is taken back then
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # "timeout 5 ringthru …"
        code = await run(argv, Ground(), sys.stdout, sys.stderr)

    running = known()
    try:
        asyncio.run(running)
    except (KeyboardInterrupt, asyncio.CancelledError):
        running.close()  # it may not have begun
    finally:
        for file in (sys.stdout, sys.stderr):
            if file is not None:  # closed by the shell: ">&-"
                let_go(file)
    return code


async def run(argv: list[str], ground: Ground, out: TextIO, err: TextIO) -> int:
    """The same on a given ground, for those who have a loop and a laboratory."""
    try:
        options = read(argv)
    except NotUnderstood as end:
        misread = Output(out, err, as_json="--json" in argv)
        misread.document({"command": None, "exit": int(Exit.USAGE), "error": end.message})
        return int(Exit.USAGE)
    except SystemExit as end:
        return int(end.code or 0)
    output = Output(out, err, as_json=options.json, colour=not options.no_color, quiet=options.quiet)
    document: dict[str, Any]
    try:
        code, document = await _command(options)(options, ground, output)
    except asyncio.CancelledError:
        output.error("interrupted")
        output.document({"command": options.command, "exit": int(Exit.INTERRUPTED), "error": "interrupted"})
        raise
    except Trouble as trouble:
        code, document = trouble.code, {"error": str(trouble)}
        output.error(str(trouble))
    if document:
        output.document({"command": options.command, "exit": int(code), **document})
    if output.failure is not None and not isinstance(output.failure, BrokenPipeError):  # "| head" is content
        output.error(
            f"standard output takes no more, and it was done all the same: {output.failure.strerror}"
        )
        return int(Exit.LOCAL)
    return int(code)


def _command(options: argparse.Namespace) -> Command:
    everywhere = EVERYWHERE.get(options.command, ("everywhere", "each_alone"))
    module, function = everywhere if options.every_interface else COMMANDS[options.command]
    found: Command = getattr(import_module(f".{module}", __package__), function)
    return found
