"""The program ``ringthru``: a switch with its console, or one of its subcommands.

Imports are late on purpose: from here to the first answered call is a budget of 0.2 s.
"""

from __future__ import annotations

import gc
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final

from . import __version__

if TYPE_CHECKING:
    from .console.flags import Options

SUBCOMMANDS: Final = {  # programs beside the switch, loaded when they are called
    "cli": "cli.command",  # the console of a running switch
    "doctor": "cli.doctor_command",  # what is wrong with a running switch
    "demo": "demo",
    "config": "console.config_command",  # what a configuration tree comes to, without running it
    "nat": "nat.command",  # port mapping alone
    "lab": "lab.lab_command",  # gateways to test on
    "media-node": "media.node.command_driver",  # the engine for other switches, as rtpengine is
}
# How many more objects make the collector look at the young ones, and how many such looks at older ones. With
# Python's own 700 it looks several times within each call, and finds what the call still needs; one look at
# 10,000 takes half a millisecond, which nobody hears.
GENERATIONS: Final = (10_000, 20, 20)
INTERRUPTED: Final = 130  # as a shell has it for a program that SIGINT has ended


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns its exit status: 0 after a clean stop, 1 after an error in one line.

    130: interrupted before it could say anything itself, while it was still being loaded.
    """
    arguments = sys.argv[1:] if argv is None else argv
    bear_any_text()
    try:
        if arguments and arguments[0] in SUBCOMMANDS:
            return _subcommand(arguments[0], arguments[1:])
        return _switch(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def bear_any_text() -> None:
    """A terminal that knows no UTF-8 gets a question mark, and what somebody is called ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _switch(arguments: list[str]) -> int:
    gc.disable()  # until the switch is made: of all that a start makes hardly anything is garbage
    gc.set_threshold(*GENERATIONS)
    try:
        return _obey(arguments)
    finally:
        gc.enable()


def _obey(arguments: list[str]) -> int:
    import os

    from .console.flags import FlagError, help_text, read_flags, words_of_environment

    try:
        options = read_flags([*words_of_environment(os.environ), *arguments])
    except FlagError as error:
        print(error, file=sys.stderr)
        return 1
    if options.help or options.version:
        text = help_text() if options.help else f"Ringthru version: {__version__} ({__version__})\n"
        print(text, end="")
        return 0
    return _stop_the_other(options) if options.stop else _start(options)


def _stop_the_other(options: Options) -> int:
    from .console.pid_file import NobodyRuns, stop_running

    try:
        print(f"Stopped process {stop_running(options.run_folder)}")
    except NobodyRuns as error:
        print(f"ringthru: {error}", file=sys.stderr)
        return 1
    return 0


def _start(options: Options) -> int:
    """Become who we shall be, go where we shall run, and run the switch there."""
    waiter = None
    if options.user or options.group:
        from .console.background import CannotBecome, become

        try:
            become(options.user, options.group)
        except CannotBecome as error:
            print(f"ringthru: {error}", file=sys.stderr)
            return 1
    if options.background:
        from .console.background import go_to_background

        outcome = go_to_background(wait=options.wait)
        if isinstance(outcome, int):
            return outcome
        waiter = outcome
    from .switch_process import run

    return run(options, waiter)


def _subcommand(name: str, arguments: list[str]) -> int:
    """A program beside the switch, by its ``main``; it knows ``-help`` too, as the switch does."""
    from importlib import import_module

    if arguments[:1] == ["-help"]:
        arguments = ["--help", *arguments[1:]]
    if name != "nat":
        return int(import_module(f".{SUBCOMMANDS[name]}", __package__).main(arguments))
    gc.set_threshold(*GENERATIONS)  # of all that is loaded nothing is garbage
    _load_asyncio_alone()
    code = int(import_module(f".{SUBCOMMANDS[name]}", __package__).main(arguments))
    gc.freeze()  # nor is any of it looked through at the end: 20 ms, for memory that is given back anyway
    return code


def _load_asyncio_alone() -> None:
    """Load asyncio without OpenSSL, as where Python was built without: ``nat`` speaks no TLS.

    It would take a sixth of the time in which a port is mapped.
    """
    if "ssl" in sys.modules or "asyncio" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # whoever imports it now is told that there is none
    try:
        import asyncio as asyncio
    finally:
        del sys.modules["ssl"]


if __name__ == "__main__":
    sys.exit(main())
