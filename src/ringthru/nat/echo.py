"""``echo``: the host outside that tells whether a mapping can be reached."""

from __future__ import annotations

import argparse
from typing import Any

from ..net.address import Endpoint
from .output import Output
from .place import Ground
from .trouble import Trouble
from .watching import interrupted
from .words import Exit


async def echo(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Answer until interrupted; then tell how often.

    Raises:
        Trouble: the port cannot be had.
    """
    from ..portmap.echo.echo_driver import EchoServer  # late: no other command needs it

    server = EchoServer(Endpoint(options.listen, options.port))
    try:
        local = server.open()
    except OSError as error:
        wanted = Endpoint(options.listen, options.port)
        raise Trouble(Exit.LOCAL, f"{wanted} cannot be used: {error.strerror or error}") from error
    try:
        with interrupted() as end:
            out.note(f"Answering at {local}; Ctrl-C ends it.")
            await end.wait()
    finally:
        await server.close()
    counters = server.counters()
    out.facts([(name, str(number)) for name, number in counters.items()])
    return Exit.OK, {"local": str(local), "counters": counters}
