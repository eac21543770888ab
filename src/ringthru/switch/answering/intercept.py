"""``intercept [-bleg] UUID``: take a call that rings elsewhere, or stands there.

``UUID`` is the leg that calls; with ``-bleg`` the one that is called. Where it rings, whoever rings is
spared, and the caller is answered by the leg that runs this. Where it stands, the other side is hung up.
Variables, as in FreeSWITCH: ``intercept_unanswered_only``, ``intercept_unbridged_only``. Where nothing is to
be taken, the dialplan goes on.

Only a user of the directory may, and only what rings or belongs to users of his own context.

Lives here: who may, and what is taken. Never here: how legs are joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..calls.causes import HangupCause
from ..calls.joining import join_for_good
from ..dialing.dialstring import truth

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

CONTEXT = "user_context"


async def intercept(calls: Calls, channel: Channel, data: str) -> None:
    """``[-bleg] UUID``: take that call."""
    *options, uuid = data.split() or [""]
    leg = calls.channels.get(uuid)
    if leg is not None and "-bleg" in options:
        leg = leg.bridged_to or leg.parent
    if leg is None or leg is channel or leg.gone.is_set():
        channel.log.info("intercept %s: there is no such call", uuid)
        return
    ringing = _rung_for(calls, leg)
    if why := _refusal(channel, leg, ringing):
        channel.log.warning("intercept %s: %s", uuid, why)
        return
    if ringing and not leg.up:
        await _pick_up(channel, ringing[0])
    elif leg.up:
        await _take_over(calls, channel, leg)
    else:
        channel.log.info("intercept %s: nobody is rung by that call", uuid)


def _rung_for(calls: Calls, leg: Channel) -> list[Channel]:
    """The legs that ring on behalf of a caller."""
    return [
        each
        for each in calls.channels.values()
        if each.parent is leg and not each.answered.is_set() and each.stand_in is None
    ]


def _refusal(channel: Channel, leg: Channel, ringing: list[Channel]) -> str:
    """Why a call may not be taken; empty: it may."""
    own = channel.variables.get(CONTEXT)
    if channel.stranger or not own or not channel.variables.get("user_name"):
        return f"{channel.name} is no user of the directory"
    other = leg.bridged_to
    concerned = [each for each in (leg, other, *ringing) if each is not None]
    if not any(own in (each.context, each.variables.get(CONTEXT)) for each in concerned):
        return f"nobody of the context {own} is in that call"
    if leg.up and truth(channel.variables.get("intercept_unanswered_only")):
        return "it is answered already"
    if other is not None and truth(channel.variables.get("intercept_unbridged_only")):
        return "somebody talks there already"
    return ""


async def _pick_up(channel: Channel, ringing: Channel) -> None:
    """Be the answer that a ringing leg's caller waits for."""
    parent = ringing.parent
    spoken = parent.media.codec if parent is not None and parent.media is not None else None
    await channel.answer(prefer=spoken)
    if channel.gone.is_set():
        return
    if ringing.pick_up(channel):
        channel.log.info("%s picks up what rings at %s", channel.name, ringing.name)
        await channel.gone.wait()  # whoever dialled owns it now
    else:
        channel.log.info("%s came too late: %s is answered", channel.name, ringing.name)
        channel.hang_up(HangupCause.PICKED_OFF)


async def _take_over(calls: Calls, channel: Channel, leg: Channel) -> None:
    """Take a leg that is up away from whatever it does."""
    await channel.answer(prefer=leg.media.codec if leg.media is not None else None)
    if channel.gone.is_set() or leg.gone.is_set():
        return
    beside = leg.bridged_to
    calls.release(leg)
    if beside is not None:
        beside.hang_up(HangupCause.PICKED_OFF)
    await join_for_good(channel, leg)
