"""``uuid_record``: record both sides of a call, begun, masked and ended from outside.

Lives here: FreeSWITCH's form and texts. Never here: the recording (``switch/recording``).
"""

from __future__ import annotations

from typing import Final

from ..switch.audio import recording
from ..switch.calls.channel import Channel
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

SYNTAX: Final = "<uuid> [start|stop|mask|unmask] <path> [<limit>]"
ORDERS: Final = ("start", "stop", "mask", "unmask")


async def uuid_record(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [uuid, order, path, *limit] if order.lower() in ORDERS and len(limit) < 2:
            channel = switch.calls.channels.get(uuid)
            if channel is None:
                return "-ERR Cannot locate session!\n"
            if order.lower() == "start":
                return await _start(switch, channel, path, "".join(limit).removeprefix("+"))
            return _order(channel, order.lower(), path)
    return f"-USAGE: {SYNTAX}\n"


async def _start(switch: SwitchLike, channel: Channel, path: str, limit: str) -> str:
    seconds = float(limit) if limit.isascii() and limit.isdigit() and len(limit) < 6 else 0.0
    trouble = await recording.start(switch.calls, channel, path, seconds)
    return f"-ERR Cannot record session! {visible(trouble)}\n" if trouble else "+OK Success\n"


def _order(channel: Channel, order: str, path: str) -> str:
    if order == "stop":
        return "+OK Success\n" if recording.stop(channel, path) else "-ERR Cannot stop record session!\n"
    done = recording.mask(channel, path, order == "mask")
    return "+OK Success\n" if done else f"-ERR Cannot {order} recording session!\n"


def commands() -> list[Command]:
    return [
        Command("uuid_record", SYNTAX, "Record the audio of a channel to a file", uuid_record, ("{uuid}",))
    ]
