"""The program ``ringthru``: a switch with its console, or the demonstration.

Imports are late on purpose: from here to the first answered call is a budget of 0.2 s.
"""

from __future__ import annotations

import sys

from . import __version__
from .console.flags import FlagError, Options, help_text, read_flags


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns its exit status: 0 after a clean stop, 1 after an error in one line."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["demo"]:
        from .demo import main as demo

        return int(demo(arguments[1:]))
    try:
        options = read_flags(arguments)
    except FlagError as error:
        print(error, file=sys.stderr)
        return 1
    if options.help or options.version:
        text = help_text() if options.help else f"Ringthru version: {__version__} ({__version__})\n"
        print(text, end="")
        return 0
    return run(options)


def run(options: Options) -> int:
    """Serve until somebody asks for the end."""
    import asyncio
    import os

    from .console.logs import ConsoleHandler, Logs, setup
    from .console.serve import on_a_terminal, serve, terminal_or_lines, words_for
    from .console.standard import standard_table
    from .switch.configuration import ConfigurationError
    from .switch.switch import Switch, SwitchOptions

    async def session(logs: Logs) -> None:
        switch = Switch(
            SwitchOptions(
                conf=options.conf,
                db=options.db,
                nat_enabled=options.nat_enabled,
                mapping_enabled=options.mapping_enabled,
            )
        )
        history = options.db / "console.history" if options.db else None
        table = standard_table(logs)
        await serve(switch, terminal_or_lines(switch, table, history) if options.console else None)

    colours = options.console and on_a_terminal() and not os.environ.get("NO_COLOR")
    logs = None
    try:
        logs = setup(log_dir=options.log, console=ConsoleHandler(), colours=colours)
        asyncio.run(session(logs))
    except (ConfigurationError, OSError) as error:
        print(f"ringthru: {words_for(error)}", file=sys.stderr)
        return 1
    finally:
        if logs is not None:
            logs.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
