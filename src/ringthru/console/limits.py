"""The commands about what ``limit`` counts: ``limit_usage``, ``limit_status``, ``limit_reset`` …

The two places where FreeSWITCH counts, ``hash`` and ``db``, are one here. Lives here: FreeSWITCH's texts.
Never here: counting (``switch/dialplan/shelf``).
"""

from __future__ import annotations

from typing import Final

from .commands import Command
from .switch_like import SwitchLike
from .text import words_of

BACKENDS: Final = ("hash", "db")
USAGE: Final = "<backend> <realm> <id> [rate]"
INTERVAL_RESET: Final = "<backend> <realm> <resource>"


async def limit_usage(switch: SwitchLike, arguments: str) -> str:
    """How many calls count there; with ``rate`` also how many began in its interval."""
    words = words_of(arguments)
    if len(words) == 2:
        words.insert(0, "hash")
    if len(words) < 3:
        return f"USAGE: limit_usage {USAGE}\n"
    count = switch.calls.shelf.usage(words[1], words[2])
    if words[3:4] != ["rate"]:
        return str(count)
    return f"{count}/{switch.calls.shelf.begun(words[1], words[2])}"


async def limit_hash_usage(switch: SwitchLike, arguments: str) -> str:
    if not arguments:
        return "USAGE: limit_hash_usage <realm> <id> [rate]\n"
    return await limit_usage(switch, f"hash {arguments}")


async def limit_status(switch: SwitchLike, arguments: str) -> str:
    """How many places are counted for."""
    backend = arguments.lower()
    if not backend:
        return "USAGE: limit_status <backend>\n"
    number = switch.calls.shelf.tracked()
    if backend == "db":
        return f"Tracking {number} resources for hostname {switch.snapshot().hostname}."
    return f"There are {number} elements being tracked." if backend in BACKENDS else "-ERR"


async def limit_reset(switch: SwitchLike, arguments: str) -> str:
    """Count from nothing; calls that go on are counted no more."""
    if not arguments:
        return "USAGE: limit_reset <backend>\n"
    if arguments.lower() not in BACKENDS:
        return "-ERR"
    switch.calls.shelf.reset()
    return "+OK"


async def limit_interval_reset(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if len(words) < 3:
        return f"USAGE: limit_interval_reset {INTERVAL_RESET}\n"
    switch.calls.shelf.forget_lately(words[1], words[2])
    return "+OK"


def commands() -> list[Command]:
    usage = "Get the usage count of a limited resource"
    deprecated = "Deprecated: gets the usage count of a limited resource"
    interval = "Reset the interval counter for a limited resource"
    return [
        Command("limit_hash_usage", "<realm> <id>", deprecated, limit_hash_usage),
        Command("limit_interval_reset", INTERVAL_RESET, interval, limit_interval_reset, BACKENDS),
        Command("limit_reset", "<backend>", "Reset the counters of a limit backend", limit_reset, BACKENDS),
        Command("limit_status", "<backend>", "Get the status of a limit backend", limit_status, BACKENDS),
        Command("limit_usage", "<backend> <realm> <id>", usage, limit_usage, BACKENDS),
    ]
