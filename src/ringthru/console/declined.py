"""FreeSWITCH's commands about a leg that nothing here can do, answered as FreeSWITCH does when it cannot.

A script that asks for one gets the usage, the text for a leg that is not there, or the text for what failed;
never "not found", which would be taken for a mistake of the script. The log says what it means.

Lives here: the table of them. Never here: one that does something.
"""

from __future__ import annotations

from typing import Final

from ..switch.calls.book import Calls
from ..switch.calls.channel import Channel
from .calls import NO_CHANNEL
from .commands import Command
from .leg_messages import ALSO_FAILED
from .legs import FAILED, NO_CHANNEL_OF, LegCommand

# Name, syntax, description, the least words after the UUID, what an unknown UUID is told, what a known one is
DECLINED: Final = (
    ("uuid_chat", "<uuid> <text>", "Send a chat message", 1, NO_CHANNEL_OF, "-ERR Send failed\n"),
    ("uuid_codec_param", "<uuid> audio|video read|write <param> <val>", "Send codec a param", 2,
     "-ERR Operation Failed [NOT SENT]\n", "-ERR Operation Failed [NOT SENT]\n"),
    ("uuid_debug_media", "<uuid> <read|write|both|vread|vwrite|vboth|all> <on|off>", "Debug media", 2,
     FAILED, FAILED),
    ("uuid_early_ok", "<uuid>", "stop ignoring early media", 0, "-ERROR\n", "-ERROR\n"),
    ("uuid_fileman", "<uuid> <cmd>:<val>", "Manage session audio", 1, NO_CHANNEL, "-ERR No file handle!\n"),
    ("uuid_jitterbuffer", "<uuid> [0|<min_msec>[:<max_msec>]]", "uuid_jitterbuffer", 1, FAILED, FAILED),
    ("uuid_loglevel", "<uuid> <level>", "Set loglevel on session", 1, NO_CHANNEL_OF, FAILED),
    ("uuid_media_3p", "[off] <uuid>", "Reinvite FS in or out of media path using 3pcc", 0, FAILED, FAILED),
    ("uuid_preprocess", "<>", "Pre-process Channel", 1, NO_CHANNEL, FAILED),
    ("uuid_recovery_refresh", "<uuid> <uri>", "Send a recovery_refresh", 1, NO_CHANNEL_OF, FAILED),
    ("uuid_send_text", "<uuid> <text>", "Send text in real-time", 1, NO_CHANNEL_OF, FAILED),
    ("uuid_simplify", "<uuid>", "Try to cut out of a call path / attended xfer", 0, FAILED, FAILED),
    ("uuid_video_refresh", "<uuid> [auto|manual]", "Send video refresh.", 0, ALSO_FAILED, ALSO_FAILED),
    ("uuid_xfer_zombie", "<uuid>", "Allow A leg to hangup and continue originating", 0, ALSO_FAILED,
     ALSO_FAILED),
)  # fmt: skip


def _command(name: str, syntax: str, text: str, least: int, unknown: str, known: str) -> Command:
    async def decline(calls: Calls, channel: Channel, words: list[str]) -> str:
        channel.log.warning("%s: not supported in this version; the call goes on as it is", name)
        return known

    return LegCommand(name, syntax, text, decline, least, 99, unknown=unknown).command()


def commands() -> list[Command]:
    return [_command(*row) for row in DECLINED]
