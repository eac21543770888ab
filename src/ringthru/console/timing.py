"""The commands about later, and beside: ``sched_api``, ``unsched_api``, ``sched_del``, ``bgapi``.

Lives here: their words and texts. Never here: the book of what is scheduled (``switch/schedule``).
"""

from __future__ import annotations

import time
from typing import Final

from ..switch.words import random_uuid
from .commands import Command, CommandTable, tell_of_job
from .switch_like import SwitchLike
from .text import visible

SCHED_API: Final = "[+@]<time> <group_name> <command_string>[&]"
SCHED_DEL: Final = "<task_id>|<group_id>"
SHORTEST_ROUND: Final = 0.1  # seconds between two rounds of ``@``


def seconds_until(text: str) -> float | None:
    """``+SECONDS``, or a moment as seconds since 1970 (past ones are now); None: neither."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 12):
        return None
    return float(digits) if text.startswith("+") else max(float(digits) - time.time(), 0.0)


def _schedule_command(table: CommandTable) -> Command:
    async def sched_api(switch: SwitchLike, arguments: str) -> str:
        moment, _, rest = arguments.partition(" ")
        group, _, line = rest.strip().partition(" ")
        line = line.strip().removesuffix("&").strip()  # each one runs beside everything else here
        again = moment.startswith("@")
        seconds = seconds_until(moment.replace("@", "+", 1) if again else moment)
        if seconds is None or not line:
            return f"-ERR Invalid syntax. USAGE: {SCHED_API}\n"

        async def work() -> str:
            return await table.run(switch, line)

        every = max(seconds, SHORTEST_ROUND) if again else 0.0
        group = random_uuid() if group.lower() == "none" else group
        number = switch.schedule.add(seconds, work, line, group, every=every)
        return "-ERR too many tasks are scheduled\n" if number is None else f"+OK Added: {number}\n"

    return Command("sched_api", SCHED_API, "Schedule an api command", sched_api)


async def unsched_api(switch: SwitchLike, arguments: str) -> str:
    if not arguments:
        return "-ERR Invalid syntax. USAGE: <task_id>\n"
    removed = arguments.isdecimal() and len(arguments) < 12 and switch.schedule.remove(int(arguments))
    return "+OK\n" if removed else "-ERR No such id\n"


async def sched_del(switch: SwitchLike, arguments: str) -> str:
    """A number takes back one, anything else all of that group."""
    if not arguments:
        return "-ERR Invalid syntax\n"
    if arguments.isdecimal() and len(arguments) < 12:
        count = int(switch.schedule.remove(int(arguments)))
    else:
        count = switch.schedule.remove_group(arguments)
    return f"+OK Deleted: {count}\n"


def _background_command(table: CommandTable) -> Command:
    async def bgapi(switch: SwitchLike, arguments: str) -> str:
        """Run it beside everything else; BACKGROUND_JOB tells of its end. ``uuid:UUID`` goes before it."""
        uuid, line = random_uuid(), arguments
        if arguments.lower().startswith("uuid:"):
            uuid, _, line = arguments[5:].partition(" ")
        if not line.strip() or not uuid.isprintable():
            return "-ERR Invalid syntax\n"

        async def work() -> None:
            tell_of_job(switch.bus, line, uuid, await table.run(switch, line))

        if switch.schedule.add(0, work, line, "bgapi") is None:
            return "-ERR too many tasks are scheduled\n"
        return f"+OK Job-UUID: {visible(uuid)}\n"

    return Command("bgapi", "<command>[ <arg>]", "Execute an api command in a thread", bgapi)


def commands(table: CommandTable) -> list[Command]:
    return [
        _schedule_command(table),
        _background_command(table),
        Command("sched_del", SCHED_DEL, "Delete a scheduled task", sched_del),
        Command("unsched_api", "<task_id>", "Unschedule an api command", unsched_api),
    ]
