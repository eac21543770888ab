"""``att_xfer``: one of two who talk asks a third, and leaves the other with him: an attended transfer.

=========================  ==========================================================================
nobody answers             the two talk on
the third hangs up         the two talk on
who asked hangs up         the other two talk; before an answer all of it ends
the one who waits hangs    who asked and the third talk on
up
=========================  ==========================================================================

Lives here: these three legs. Never here: what phones do by REFER (``transfer``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...media import EngineFull
from ..calls.causes import HangupCause
from ..calls.joining import Bridge, join_for_good
from ..dialing.dialing import DialFailed
from ..dialing.dialstring import BadDialString
from ..dialing.leg_variables import exported
from ..waiting import first_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel


async def att_xfer(calls: Calls, channel: Channel, data: str) -> None:
    """Dial a third, on behalf of a leg that is bridged; its partner waits meanwhile."""
    bridge, waiting = channel.bridge, channel.bridged_to
    if bridge is None or waiting is None:
        channel.log.error("att_xfer %s: the leg talks to nobody", data)
        return
    bridge.part()
    try:
        third = await _third(calls, channel, data)
        if third is not None:
            talk = _talk(channel, third)
            await first_of(channel.gone, waiting.gone, third.gone, talk.parted)
    except asyncio.CancelledError:  # who asks is sent elsewhere: nobody comes back to who waits
        waiting.hang_up(HangupCause.NORMAL_CLEARING)
        raise
    if third is not None and third.gone.is_set():
        third = None
    await _go_on(calls, channel, waiting, third)


def _talk(channel: Channel, third: Channel) -> Bridge:
    """Raises EngineFull: they need transcoding, of which there is no more."""
    try:
        return Bridge(channel, third)
    except EngineFull:
        third.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
        raise


async def _third(calls: Calls, channel: Channel, data: str) -> Channel | None:
    try:
        return await calls.dialer.dial(data, parent=channel, variables=exported(channel))
    except (DialFailed, BadDialString) as failure:
        channel.log.info("att_xfer %s: %s", data, failure)
        return None


async def _go_on(calls: Calls, channel: Channel, waiting: Channel, third: Channel | None) -> None:
    """Join the two that are left."""
    if third is None and channel.gone.is_set():
        waiting.hang_up(channel.cause or HangupCause.NORMAL_CLEARING)
    elif third is None:
        await join_for_good(channel, waiting)
    elif channel.gone.is_set():
        calls.transfers.connect(waiting, third)
    elif third.bridged_to is channel:  # who waited is gone
        await join_for_good(channel, third)
