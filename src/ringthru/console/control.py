"""The command ``fsctl``: how many calls are taken, of which direction, and when the switch stops.

Lives here: its words and FreeSWITCH's texts. Never here: counting legs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from .commands import Command
from .levels import level_of, name_of
from .logs import Logs
from .switch_like import SwitchLike
from .text import visible, words_of

GROUP: Final = "shutdown"  # of the schedule
LOOK: Final = 0.1  # seconds between looks whether the last call has ended
BOTH: Final = frozenset(("inbound", "outbound"))
SYNTAX: Final = (
    "[hupall <cause>|last_sps|loglevel [level]|max_sessions [num]|min_idle_cpu|pause [inbound|outbound]|"
    "pause_check [inbound|outbound]|ready_check|resume [inbound|outbound]|"
    "shutdown [cancel|elegant|asap|now]|shutdown_check|sps [num]|sync_clock]"
)
PHRASES: Final = (
    *("hupall", "last_sps", "loglevel", "max_sessions", "min_idle_cpu", "pause", "pause inbound"),
    *("pause outbound", "pause_check", "ready_check", "resume", "shutdown", "shutdown asap"),
    *("shutdown cancel", "shutdown elegant", "shutdown now", "shutdown_check", "sps", "sync_clock"),
)

Verb = Callable[[SwitchLike, list[str]], Awaitable[str]]


async def shutdown(switch: SwitchLike, words: list[str]) -> str:
    """At once, or with ``elegant`` when the last call has ended, or with ``asap`` so and without new ones."""
    how = words[0].lower() if words else "now"
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


async def sync_clock(switch: SwitchLike, words: list[str]) -> str:
    """FreeSWITCH keeps a clock of its own; ours is the machine's."""
    return "+OK clock synchronized\n"


def _count(words: list[str]) -> int | None:
    """A number of at least one; None where there is none."""
    text = words[0] if words else ""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:8]) <= 1_000_000 else None


VERBS: Final[dict[str, Verb]] = {
    "hupall": hupall,
    "last_sps": last_sps,
    "max_sessions": max_sessions,
    "pause": pause,
    "pause_check": pause_check,
    "ready_check": ready_check,
    "resume": resume,
    "shutdown": shutdown,
    "shutdown_check": shutdown_check,
    "sps": sps,
    "sync_clock": sync_clock,
}


def commands(logs: Logs) -> list[Command]:
    async def loglevel(switch: SwitchLike, words: list[str]) -> str:
        if words:
            level = level_of(words[0])
            if level is None:
                return f"-ERR '{visible(words[0])}' is no log level: 0 to 7, or console to debug\n"
            logs.set_console_level(level)
        return f"+OK log level: {name_of(logs.console_level)}\n"

    async def min_idle_cpu(switch: SwitchLike, words: list[str]) -> str:
        return f"+OK min idle cpu: 0.00%, now {logs.idle_cpu():.2f}%\n"

    verbs = {**VERBS, "loglevel": loglevel, "min_idle_cpu": min_idle_cpu}

    async def fsctl(switch: SwitchLike, arguments: str) -> str:
        words = words_of(arguments)
        verb = verbs.get(words[0].lower()) if words else None
        return f"-USAGE: {SYNTAX}\n" if verb is None else await verb(switch, words[1:])

    return [Command("fsctl", SYNTAX, "Control the switch", fsctl, PHRASES)]
