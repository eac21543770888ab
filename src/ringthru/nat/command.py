"""``ringthru nat``: reads the command line, runs one command, and tells its exit status."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TextIO

from .arguments import NotUnderstood, read
from .capturing import capture
from .discovering import discover
from .echo import echo
from .explaining import explain
from .finding import list_table, status
from .mapping import add
from .output import Output
from .place import Ground
from .profiles import profile
from .removing import cleanup, delete
from .trouble import Trouble
from .watching import watch
from .words import Exit

Command = Callable[[argparse.Namespace, Ground, Output], Awaitable[tuple[Exit, dict[str, Any]]]]

COMMANDS: Final[dict[str, Command]] = {
    "discover": discover,
    "status": status,
    "add": add,
    "delete": delete,
    "list": list_table,
    "watch": watch,
    "explain": explain,
    "cleanup": cleanup,
    "capture": capture,
    "profile": profile,
    "echo": echo,
}


def main(argv: list[str]) -> int:
    """Run one command; the result is the exit status (see ``words.Exit``)."""
    try:
        return asyncio.run(run(argv, Ground(), sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # "| head" has seen enough
        return 0


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
        code, document = await COMMANDS[options.command](options, ground, output)
    except asyncio.CancelledError:
        output.error("interrupted")
        output.document({"command": options.command, "exit": int(Exit.INTERRUPTED), "error": "interrupted"})
        raise
    except Trouble as trouble:
        code, document = trouble.code, {"error": str(trouble)}
        output.error(str(trouble))
    if document:
        output.document({"command": options.command, "exit": int(code), **document})
    return int(code)
