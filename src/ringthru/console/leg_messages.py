"""The commands that tell a leg's phone something: ``uuid_send_info``, ``uuid_display`` and their kin.

Lives here: FreeSWITCH's words and texts for them. Never here: the requests (``switch/calls/telling``).
"""

from __future__ import annotations

from typing import Final

from ..switch.calls import heartbeat, telling
from ..switch.calls.book import Calls
from ..switch.calls.channel import Channel
from .commands import Command
from .legs import DONE, FAILED, SUCCESS, LegCommand

ALSO_FAILED: Final = "-ERR Operation Failed\n"  # its capital F is FreeSWITCH's
INFO: Final = "<uuid> [<mime_type> <mime_subtype>] <message>"
HEARTBEAT: Final = "<uuid> [sched] [0|<seconds>]"


async def send_info(calls: Calls, channel: Channel, words: list[str]) -> str:
    kind = words[:2] if len(words) > 2 else []
    told = telling.info(" ".join(words[len(kind) :]), *kind)
    return SUCCESS if telling.tell(channel, told) else ALSO_FAILED


async def send_message(calls: Calls, channel: Channel, words: list[str]) -> str:
    return SUCCESS if telling.tell(channel, telling.text(" ".join(words))) else ALSO_FAILED


async def phone_event(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``talk`` unless it is named: a phone that rings answers, one that holds takes the call back."""
    return SUCCESS if telling.tell(channel, telling.event((words or ["talk"])[0])) else FAILED


async def display(calls: Calls, channel: Channel, words: list[str]) -> str:
    """``NAME|NUMBER``; without a stroke the name alone."""
    name, _, number = " ".join(words).partition("|")
    return SUCCESS if telling.show(channel, name.strip(), number.strip()) else FAILED


async def session_heartbeat(calls: Calls, channel: Channel, words: list[str]) -> str:
    """An event SESSION_HEARTBEAT now, with ``sched`` only later, and every so many seconds; 0: no more."""
    first = words[0].lower() != "sched"
    seconds = heartbeat.seconds_of((words if first else [*words[1:], ""])[0])
    if seconds is None:
        return f"-USAGE: {HEARTBEAT}\n"
    heartbeat.beat(calls, channel, seconds, at_once=first)
    return DONE


COMMANDS: Final = (
    LegCommand(
        "uuid_display", "<uuid> <display>", "Update phone display", display, 1, 99, unknown=FAILED
    ),
    LegCommand(
        "uuid_phone_event", "<uuid>", "Send an event to the phone", phone_event, 0, 1, unknown=FAILED
    ),
    LegCommand(
        "uuid_send_info", INFO, "Send info to the endpoint", send_info, 1, 999, unknown=ALSO_FAILED
    ),
    LegCommand(
        "uuid_send_message", "<uuid> <message>", "Send MESSAGE to the endpoint", send_message, 1, 999,
        unknown="-ERR Unable to find session for UUID\n",
    ),
    LegCommand(
        "uuid_session_heartbeat", HEARTBEAT, "uuid_session_heartbeat", session_heartbeat, 1, 2,
        unknown=f"-ERR Cannot locate session. USAGE: uuid_session_heartbeat {HEARTBEAT}\n",
    ),
)  # fmt: skip


def commands() -> list[Command]:
    return [each.command() for each in COMMANDS]
