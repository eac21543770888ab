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
    from collections.abc import Coroutine

    from .console.background import Waiter
    from .console.flags import Options
    from .console.logs import Logs
    from .console.pid_file import PidFile
    from .console.serve import Ending
    from .net.surroundings import Surroundings
    from .portmap import PortMapper
    from .switch.switch import Switch

SUBCOMMANDS: Final = {  # programs beside the switch, loaded when they are called
    "cli": "cli.command",  # the console of a running switch
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
    """Become who we shall be, go where we shall run, and serve."""
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


def run(options: Options, waiter: Waiter | None = None) -> int:
    """Serve until somebody asks for the end; an error at the start is one line on standard error.

    ``waiter`` is told once calls are taken; where nobody waits for that, once there is a log file to read.
    """
    import asyncio
    import os

    from .console.logs import ConsoleHandler, setup
    from .console.pid_file import PidFile
    from .console.serve import on_a_terminal, words_for

    colours = options.console and on_a_terminal() and not os.environ.get("NO_COLOR")
    pid_file = PidFile(options.run_folder)
    try:
        logs = setup(log_dir=options.log_folder, console=ConsoleHandler(), colours=colours)
    except OSError as error:
        print(
            f"ringthru: there can be no log file: {words_for(error)}; -log names its folder", file=sys.stderr
        )
        return 1
    try:
        _take(pid_file)
        if waiter is not None and not options.wait:
            waiter.ready()
        return asyncio.run(_session(options, logs, waiter))
    finally:
        pid_file.give_back()
        logs.close()


def _take(pid_file: PidFile) -> None:
    """Write the pid file; without one the switch runs all the same, and the log says what that means."""
    import logging

    log = logging.getLogger(__package__)
    try:
        holder = pid_file.take()
    except OSError as error:
        log.warning("No pid file at %s (%s): -stop will not find us", pid_file.path, error.strerror)
        return
    if holder is not None:
        text = "%s is process %d's, which runs: -stop will end that one. -run DIR gives this one its own"
        log.warning(text, pid_file.path, holder)


async def _session(options: Options, logs: Logs, waiter: Waiter | None) -> int:
    """Look for the gateway first: one with UPnP takes 50 ms to answer, and the rest is loaded meanwhile."""
    import asyncio

    from .console.serve import Ending, stopped_by_signals
    from .net.places import journal_path
    from .net.sockets import allow_many_descriptors
    from .net.surroundings import look_around
    from .portmap import PortMapper

    surroundings, mapper, ending = look_around(), None, Ending()
    allow_many_descriptors()
    with stopped_by_signals(ending.wish, None if options.console else logs.rotate):
        if options.nat_enabled:
            mapper = PortMapper(mapping_enabled=options.mapping_enabled, store=journal_path(options.db))
            mapper.start()
        from .switch import configuration as configuration

        await asyncio.sleep(0)  # what the gateway has said by now is taken, and the next question goes out
        from . import sip as sip  # the largest part of the switch

        await asyncio.sleep(0)
        return await _run_switch(options, logs, surroundings, mapper, ending, waiter)


async def _run_switch(
    options: Options,
    logs: Logs,
    surroundings: Surroundings,
    mapper: PortMapper | None,
    ending: Ending,
    waiter: Waiter | None,
) -> int:
    """Make the switch and serve; whoever wished for the end before has it now."""
    import logging

    from .console.in_dialplan import InDialplan
    from .console.serve import hung_up, serve, use_console_settings, words_for
    from .net.surroundings import look_around6
    from .switch.configuration import ConfigurationError
    from .switch.configuration.console_settings import ConsoleSettings
    from .switch.switch import Switch, SwitchOptions

    told = SwitchOptions(
        conf=options.conf,
        db=options.db,
        nat_enabled=options.nat_enabled,
        surroundings=surroundings,
        surroundings6=look_around6(),
        follows_network=True,
        log=options.log_folder,
        run=options.run_folder,
        allow_exec=options.allow_exec,
        folders=options.folders,
    )
    try:
        switch = Switch(told, mapper)
        gc.freeze()  # what is loaded by now stays; the collector need never look at it again
        gc.set_threshold(*GENERATIONS)
        gc.enable()
        use_console_settings(logs, ConsoleSettings.read(switch.tree), switch.loglevel)
        logs.use_layout(switch.layout)
        ending.tell(switch.request_shutdown)
        switch.calls.router.functions.others = InDialplan(switch, logs)
        faces = _faces(switch, options, logs, waiter)
        await serve(switch, *faces, on_hang_up=None if options.console else lambda: hung_up(switch, logs))
    except (ConfigurationError, OSError) as error:
        print(f"ringthru: {words_for(error)}", file=sys.stderr)
        if options.background:  # nobody may be there to read it
            logging.getLogger(__package__).critical("Not started: %s", words_for(error))
        if mapper is not None:
            await mapper.stop()
        return 1
    return 0


def _faces(
    switch: Switch, options: Options, logs: Logs, waiter: Waiter | None
) -> list[Coroutine[None, None, None]]:
    """Who serves beside the calls: clients of the event socket, the service manager, metrics, the console."""
    import os

    from .console.serve import let_go, terminal_or_lines
    from .event_socket.serving_driver import serve_clients
    from .switch.configuration.event_socket_settings import EventSocketSettings
    from .switch.configuration.metrics_settings import MetricsSettings
    from .switch.configuration.web_settings import WebSettings
    from .web.serving_driver import serve_metrics, serve_page

    faces = []
    clients = EventSocketSettings.read(switch.tree)
    if clients is not None:
        faces.append(serve_clients(switch, logs, clients))
    if os.environ.get("NOTIFY_SOCKET"):
        from .console.service_manager import ServiceManager

        faces.append(ServiceManager().keep_told(switch))
    if waiter is not None:
        faces.append(let_go(waiter, logs))
    metrics = MetricsSettings.read(switch.tree)
    if metrics is not None:
        faces.append(serve_metrics(switch, metrics, logs.idle_cpu))
    web = WebSettings.read(switch.tree)
    if web is not None:
        faces.append(serve_page(switch, web, logs.recent.lines))
    if options.console:
        history = options.db / "console.history" if options.db else None
        faces.append(terminal_or_lines(switch, logs, history))
    return faces


if __name__ == "__main__":
    sys.exit(main())
