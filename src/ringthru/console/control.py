"""The command ``fsctl``: how many calls are taken, of which direction, and when the switch stops.

Lives here: its words and FreeSWITCH's texts. Never here: counting legs.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Final

from .commands import Command
from .levels import LEVELS, level_of, name_of
from .logs import Logs
from .serve import hung_up
from .switch_like import SwitchLike
from .text import words_of

NO_RESTART: Final = (
    "-ERR it does not start itself again: let a supervisor do that (systemd: Restart=always)\n"
)
GROUP: Final = "shutdown"  # of the schedule
LOOK: Final = 0.1  # seconds between looks whether the last call has ended
BOTH: Final = frozenset(("inbound", "outbound"))
SYNTAX: Final = (
    "[send_sighup|hupall|pause [inbound|outbound]|resume [inbound|outbound]|"
    "shutdown [cancel|elegant|asap|now]|sps|sync_clock|sync_clock_when_idle|reclaim_mem|"
    "max_sessions|min_idle_cpu|loglevel [level]|last_sps|pause_check|ready_check|shutdown_check]"
)
PHRASES: Final = (
    *("hupall", "last_sps", "loglevel", "max_sessions", "min_idle_cpu", "pause", "pause inbound"),
    *("pause outbound", "pause_check", "pause_check inbound", "pause_check outbound", "ready_check"),
    *("reclaim_mem", "resume", "resume inbound", "resume outbound", "send_sighup", "shutdown"),
    *("shutdown asap", "shutdown cancel", "shutdown elegant", "shutdown now", "shutdown_check", "sps"),
    *("sync_clock", "sync_clock_when_idle"),
)

Verb = Callable[[SwitchLike, list[str]], Awaitable[str]]


async def shutdown(switch: SwitchLike, words: list[str]) -> str:
    """At once, or with ``elegant`` when the last call has ended, or with ``asap`` so and without new ones."""
    how = words[0].lower() if words else "now"
    if {"restart", "reincarnate"} & {word.lower() for word in words}:
        return NO_RESTART
    switch.schedule.remove_group(GROUP)
    if how == "cancel":
        switch.calls.paused = frozenset()
        return "+OK\n"
    if how not in ("elegant", "asap"):
        switch.request_shutdown()
        return "+OK\n"
    if how == "asap":
        switch.calls.paused = BOTH

    async def when_empty() -> None:
        while switch.calls.channels:
            await asyncio.sleep(LOOK)
        switch.request_shutdown()

    switch.schedule.add(0, when_empty, f"shutdown {how}", GROUP)
    return "+OK\n"


async def shutdown_check(switch: SwitchLike, words: list[str]) -> str:
    return "true" if any(each.group == GROUP for each in switch.schedule.entries()) else "false"


def _directions(words: list[str]) -> frozenset[str]:
    return BOTH & {words[0].lower()} or BOTH if words else BOTH


async def pause(switch: SwitchLike, words: list[str]) -> str:
    switch.calls.paused |= _directions(words)
    return "+OK\n"


async def resume(switch: SwitchLike, words: list[str]) -> str:
    switch.calls.paused -= _directions(words)
    return "+OK\n"


async def pause_check(switch: SwitchLike, words: list[str]) -> str:
    return "true" if _directions(words) <= switch.calls.paused else "false"


async def ready_check(switch: SwitchLike, words: list[str]) -> str:
    return "false" if switch.calls.full else "true"


async def max_sessions(switch: SwitchLike, words: list[str]) -> str:
    if (number := _count(words)) is not None:
        switch.calls.max_channels = number
    return f"+OK max sessions: {switch.calls.max_channels}\n"


async def sps(switch: SwitchLike, words: list[str]) -> str:
    if (number := _count(words)) is not None:
        switch.calls.pace.limit = number
    return f"+OK sessions per second: {switch.calls.pace.limit}\n"


async def last_sps(switch: SwitchLike, words: list[str]) -> str:
    return f"+OK last sessions per second: {switch.snapshot().per_second}\n"


async def hupall(switch: SwitchLike, words: list[str]) -> str:
    await switch.hang_up_all(words[0].upper() if words else "MANAGER_REQUEST")
    return "+OK\n"


async def done(switch: SwitchLike, words: list[str]) -> str:
    """FreeSWITCH has something to do here that there is no need of."""
    return "+OK\n"


async def reclaim_mem(switch: SwitchLike, words: list[str]) -> str:
    gc.collect()
    return "+OK\n"


async def sync_clock(switch: SwitchLike, words: list[str]) -> str:
    """FreeSWITCH keeps a clock of its own; ours is the machine's."""
    return "+OK clock synchronized\n"


def _count(words: list[str]) -> int | None:
    """A number of at least one; None where there is none."""
    text = words[0] if words else ""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:8]) <= 1_000_000 else None


VERBS: Final[dict[str, Verb]] = {
    "calibrate_clock": done,
    "flush_db_handles": done,
    "hupall": hupall,
    "last_sps": last_sps,
    "max_sessions": max_sessions,
    "pause": pause,
    "pause_check": pause_check,
    "ready_check": ready_check,
    "reclaim_mem": reclaim_mem,
    "resume": resume,
    "save_history": done,
    "shutdown": shutdown,
    "shutdown_check": shutdown_check,
    "sps": sps,
    "sync_clock": sync_clock,
    "sync_clock_when_idle": sync_clock,
}


def commands(logs: Logs) -> list[Command]:
    async def loglevel(switch: SwitchLike, words: list[str]) -> str:
        level = level_of(words[0]) if words else logs.console_level
        if level is None:
            return "-ERR syntax error, log level not set!\n"
        logs.set_console_level(level)
        name = name_of(level)
        return f"+OK log level: {name} [{[each for each, _ in LEVELS].index(name)}]\n"

    async def min_idle_cpu(switch: SwitchLike, words: list[str]) -> str:
        return "+OK min idle cpu: DISABLED\n"  # no call is refused for that

    async def send_sighup(switch: SwitchLike, words: list[str]) -> str:
        """What the signal does to a service: a new log file, and an event."""
        hung_up(switch, logs)
        return "+OK\n"

    verbs = {**VERBS, "loglevel": loglevel, "min_idle_cpu": min_idle_cpu, "send_sighup": send_sighup}

    async def fsctl(switch: SwitchLike, arguments: str) -> str:
        words = words_of(arguments)
        if not words:
            return f"-USAGE: {SYNTAX}\n"
        verb = verbs.get(words[0].lower())
        if verb is None:
            return f"-ERR Invalid command\nUSAGE: fsctl {SYNTAX}\n"
        return await verb(switch, words[1:])

    return [Command("fsctl", SYNTAX, "FS control messages", fsctl, PHRASES)]
