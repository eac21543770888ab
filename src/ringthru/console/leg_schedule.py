"""The commands that do something to one leg later: ``sched_hangup``, ``sched_transfer``, ``sched_broadcast``.

Lives here: FreeSWITCH's words and texts for them. Never here: the book of what is scheduled.
"""

from __future__ import annotations

from typing import Final

from ..switch.calls.causes import cause_named
from ..switch.schedule import Work
from .calls import NO_CHANNEL
from .commands import Command
from .legs import DONE, FAILED, broadcast, transfer
from .switch_like import SwitchLike
from .text import visible, words_of
from .timing import seconds_until

HANGUP: Final = "[+]<time> <uuid> [<cause>]"
TRANSFER: Final = "[+]<time> <uuid> <extension> [<dialplan>] [<context>]"
BROADCAST: Final = "[[+]<time>|@time] <uuid> <path> [aleg|bleg|both]"


async def sched_hangup(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if not 2 <= len(words) <= 3:
        return f"-USAGE: {HANGUP}\n"
    cause = cause_named(words[2] if len(words) > 2 else "ALLOTTED_TIMEOUT")

    async def work() -> None:
        channel = switch.calls.channels.get(words[1])
        if channel is not None:
            channel.hang_up(cause)

    return _schedule_for(switch, words, work, "hangup")


async def sched_transfer(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if not 3 <= len(words) <= 5:
        return f"-USAGE: {TRANSFER}\n"

    async def work() -> None:
        channel = switch.calls.channels.get(words[1])
        if channel is not None:
            await transfer(switch.calls, channel, words[2:])

    return _schedule_for(switch, words, work, "transfer")


async def sched_broadcast(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    if not 3 <= len(words) <= 4:
        return f"-USAGE: {BROADCAST}\n"

    async def work() -> None:
        channel = switch.calls.channels.get(words[1])
        if channel is not None:
            await broadcast(switch.calls, channel, words[2:])

    return _schedule_for(switch, words, work, "broadcast", "+OK Message scheduled\n")


def _schedule_for(switch: SwitchLike, words: list[str], work: Work, what: str, done: str = DONE) -> str:
    if words[1] not in switch.calls.channels:
        return NO_CHANNEL
    seconds = seconds_until(words[0].removeprefix("@"))
    if seconds is None:
        return f"-ERR '{visible(words[0])}' is no time: +SECONDS, or seconds since 1970\n"

    added = switch.schedule.add(seconds, work, what, words[1])
    return FAILED if added is None else done


def commands() -> list[Command]:
    return [
        Command(
            "sched_broadcast", BROADCAST, "Schedule a broadcast event to a running call", sched_broadcast
        ),
        Command("sched_hangup", HANGUP, "Schedule a running call to hangup", sched_hangup),
        Command("sched_transfer", TRANSFER, "Schedule a transfer for a running call", sched_transfer),
    ]
