"""``echo``: the host outside that tells whether a mapping can be reached."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from .output import Output
from .session import Ground
from .trouble import Trouble
from .watching import interrupted
from .words import Exit


async def echo(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Answer until interrupted.

    Raises:
        Trouble: the port cannot be had.
    """
    try:
        server_class: Any = import_module("ringthru.portmap.echo_driver").EchoServer
    except ImportError as error:
        raise Trouble(Exit.LOCAL, "this Ringthru has no echo host") from error
    try:
        server = server_class(options.listen, options.port)
        await server.start()
    except OSError as error:
        raise Trouble(
            Exit.LOCAL, f"{options.listen}:{options.port} cannot be used: {error.strerror}"
        ) from error
    out.say(f"Answering at {options.listen}:{options.port}; Ctrl-C ends it.")
    try:
        with interrupted() as end:
            await end.wait()
    finally:
        await server.stop()
    return Exit.OK, {}
