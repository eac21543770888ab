"""``group_confirm_key``: a called leg that answered must press a key before it has the call.

So a voicemail box that answers first does not take a call from the people who ring beside it.

============================  ============================================================
``group_confirm_key``         the key, or ``exec``: then the file is an application to run
``group_confirm_file``        what the leg hears meanwhile: a sound, or ``APPLICATION DATA``
``group_confirm_timeout``     seconds; 30 unless given
============================  ============================================================

Lives here: asking the leg. Never here: who else rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ...media import BadSound
from ..dialplan import sounding

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

PATIENCE: Final = 30.0  # seconds
LONGEST: Final = 600.0
SILENCE: Final = "silence_stream://1000"
EXECUTE: Final = "exec"


def wanted(variables: Mapping[str, str]) -> bool:
    return bool(variables.get("group_confirm_key"))


async def confirmed(calls: Calls, channel: Channel, variables: Mapping[str, str]) -> bool:
    """Whether the leg took the call; it is still there then."""
    key, file = variables["group_confirm_key"], variables.get("group_confirm_file", "")
    try:
        limit = float(variables.get("group_confirm_timeout", ""))
    except ValueError:
        limit = PATIENCE
    try:
        async with asyncio.timeout(limit if 0 < limit <= LONGEST else PATIENCE):
            if key == EXECUTE:
                application, _, data = file.partition(" ")
                await calls.router.execute(channel, application, data)
                return not channel.gone.is_set()
            return await _pressed(channel, key, file)
    except TimeoutError:
        return False


async def _pressed(channel: Channel, key: str, file: str) -> bool:
    channel.variables.pop("playback_terminator_used", None)
    while not channel.gone.is_set():
        try:
            heard_all = await sounding.play(channel, file or SILENCE, key)
        except BadSound as error:
            channel.log.error("group_confirm_file: %s", error)
            file, heard_all = SILENCE, True
        if not heard_all:
            return channel.variables.get("playback_terminator_used") is not None and not channel.gone.is_set()
    return False
