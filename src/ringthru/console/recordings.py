"""``uuid_record``: record both sides of a call, begun and ended from outside.

Lives here: FreeSWITCH's form and texts. Never here: the recording (``switch/recording``).
"""

from __future__ import annotations

from typing import Final

from ..switch.audio import recording
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

SYNTAX: Final = "<uuid> [start|stop] <path> [<limit>]"


async def uuid_record(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [uuid, "start" | "stop" as order, path, *limit] if len(limit) < 2:
            channel = switch.calls.channels.get(uuid)
            if channel is None:
                return "-ERR Cannot locate session!\n"
            if order == "stop":
                return (
                    "+OK Success\n" if recording.stop(channel, path) else "-ERR Cannot stop record session!\n"
                )
            text = "".join(limit).removeprefix("+")
            seconds = float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
            trouble = await recording.start(switch.calls, channel, path, seconds)
            return f"-ERR Cannot record session! {visible(trouble)}\n" if trouble else "+OK Success\n"
    return f"-USAGE: {SYNTAX}\n"


def commands() -> list[Command]:
    return [
        Command("uuid_record", SYNTAX, "Record the audio of a channel to a file", uuid_record, ("{uuid}",))
    ]
