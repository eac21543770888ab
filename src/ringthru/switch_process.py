"""One process with one switch in it, from its flags to its end.

Imports are late on purpose, and in an order: the gateway is asked first, the rest is loaded while it answers.

Lives here: what of the program is begun when.
Never here: flags (console.flags), signals and faces (console.serve).
"""

from __future__ import annotations

import gc
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .console.background import Waiter
    from .console.flags import Options
    from .console.logs import Logs
    from .console.pid_file import PidFile
    from .console.serve import Ending
    from .doctor import Finding
    from .net.surroundings import Surroundings
    from .portmap import PortMapper
    from .switch.switch import Switch


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

    from .console.serve import hung_up, serve, words_for
    from .switch.configuration import ConfigurationError

    try:
        switch = _made(options, surroundings, mapper)
        _obey_settings(switch, logs)
        ending.tell(switch.request_shutdown)
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


def _made(options: Options, surroundings: Surroundings, mapper: PortMapper | None) -> Switch:
    """The switch that was asked for; from here on the collector works.

    Raises:
        ConfigurationError, OSError: its files are not what they should be.
    """
    from .net.surroundings import look_around6
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
    switch = Switch(told, mapper)
    gc.freeze()  # what is loaded by now stays; the collector need never look at it again
    gc.enable()
    return switch


def _obey_settings(switch: Switch, logs: Logs) -> None:
    """Have the logs as the configuration says, and the console's functions in the dialplan."""
    from .console.in_dialplan import InDialplan
    from .console.serve import use_console_settings
    from .switch.configuration.console_settings import ConsoleSettings

    use_console_settings(logs, ConsoleSettings.read(switch.tree), switch.loglevel)
    logs.use_layout(switch.layout)
    switch.calls.router.functions.others = InDialplan(switch, logs)


async def _examined(switch: Switch) -> tuple[Finding, ...]:
    """What is wrong, for the page; the doctor is loaded when somebody looks."""
    from .doctor import examine

    return await examine(switch)


def _faces(
    switch: Switch, options: Options, logs: Logs, waiter: Waiter | None
) -> list[Coroutine[None, None, None]]:
    """Who serves beside the calls: event socket, service manager, metrics, web page, console."""
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
        faces.append(serve_page(switch, web, logs.recent.lines, partial(_examined, switch)))
    if options.console:
        history = options.db / "console.history" if options.db else None
        faces.append(terminal_or_lines(switch, logs, history))
    return faces
