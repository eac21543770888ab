"""A switch from its start to its clean stop, with the console in front of it.

Lives here: signals, the order of starting and stopping, errors of the start in one line.
Never here: what the switch or a command does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from .levels import level_of

if TYPE_CHECKING:
    from ..switch.configuration.console_settings import ConsoleSettings
    from .background import Waiter
    from .logs import Logs
    from .switch_like import RunnableSwitch, SwitchLike

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def words_for(error: BaseException) -> str:
    """An error as a line for a person: no number, no class name; of a file its name."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


async def serve(
    switch: RunnableSwitch,
    *faces: Coroutine[None, None, None],
    on_hang_up: Callable[[], None] | None = None,
) -> None:
    """Start, let the faces run, wait for the end, stop (which deletes our mappings on the gateway).

    The faces (console, event socket) run from the moment the switch serves. The switch is stopped after a
    failed start too, so that nothing of it stays on the gateway. ``on_hang_up`` is what SIGHUP means where
    there is no terminal.

    Raises:
        Exception: whatever ``switch.start`` raised.
    """
    running: list[asyncio.Task[None]] = []
    with stopped_by_signals(switch.request_shutdown, on_hang_up):
        try:
            await switch.start()
            running = [asyncio.create_task(_guarded(each)) for each in faces]
            await switch.until_shutdown()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for each in faces:
                each.close()  # of no effect on one that ran
            await switch.stop()


async def _guarded(face: Coroutine[None, None, None]) -> None:
    """A face that fails is a line in the log; calls go on."""
    try:
        await face
    except Exception:
        log.exception("%s ended; the switch keeps serving", getattr(face, "__name__", "a face"))


class Ending:
    """A wish for the end, which may come before there is anybody to tell."""

    def __init__(self) -> None:
        self._wished = False
        self._stop: Callable[[], None] | None = None

    def wish(self) -> None:
        self._wished = True
        if self._stop is not None:
            self._stop()

    def tell(self, stop: Callable[[], None]) -> None:
        """Who ends it, from now on; at once when that was wished for already."""
        self._stop = stop
        if self._wished:
            stop()


@contextlib.contextmanager
def stopped_by_signals(
    stop: Callable[[], None], on_hang_up: Callable[[], None] | None = None
) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM call ``stop``; SIGHUP (the terminal is gone) too, or ``on_hang_up``.

    Entered again inside, the inner ``stop`` is called; after that these signals end the process.
    """
    loop = asyncio.get_running_loop()
    taken = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]  # nohup
    for each in taken:
        loop.add_signal_handler(each, (on_hang_up or stop) if each is signal.SIGHUP else stop)
    try:
        yield
    finally:
        for each in taken:
            loop.remove_signal_handler(each)


def hung_up(switch: SwitchLike, logs: Logs) -> None:
    """SIGHUP to a service: a new log file, and whoever keeps files for us hears of it, as in FreeSWITCH."""
    logs.rotate()
    switch.bus.tell("TRAP", (("Trapped-Signal", "HUP"),))


def use_console_settings(logs: Logs, settings: ConsoleSettings, loglevel: str) -> None:
    """What console.conf says of the log's lines; nothing is shown below ``loglevel``, switch.conf's."""
    own = level_of(settings.loglevel) if settings.loglevel else None
    logs.set_console_level(max(level_of(loglevel) or logging.INFO, own or 0))
    logs.show_alone(settings.levels)
    if settings.uuid:
        logs.show_uuids()
    if not settings.colorize:
        logs.colours = False


async def let_go(waiter: Waiter, logs: Logs) -> None:
    """The switch serves: its terminal is free again, and from here on the log file has it all."""
    waiter.ready()
    logs.set_console_level(logging.CRITICAL)


async def terminal_or_lines(switch: SwitchLike, logs: Logs, history: Path | None) -> None:
    """The shell when both ends are a terminal, else plain lines."""
    from .plain import plain_console  # late, as the commands and the shell: the switch serves first
    from .standard import standard_table

    table = standard_table(logs)
    if not on_a_terminal():
        await plain_console(switch, table)
        return
    from .shell import WELCOME, Shell

    welcome = WELCOME.format(version=__version__) if switch.layout == "current" else ""
    await Shell(switch, table, history, welcome=welcome).run()


def on_a_terminal() -> bool:
    """Whether standard input and output are both a terminal; either may be closed altogether."""
    return all(
        stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stdout)
    )
