"""``bridge``: dial, join what answers to the caller, and what happens before, meanwhile and after.

Variables of the caller's channel that steer it, as in FreeSWITCH:

=================================  ==================================================================
``call_timeout``                   seconds to ring
``continue_on_fail``               ``true`` or causes: the dialplan goes on when nobody answered
``transfer_on_fail``               ``EXTENSION [DIALPLAN] [CONTEXT]``: goes there instead
``hangup_after_bridge``            hang up at the end of the talk; else the dialplan goes on
``park_after_bridge``,
``transfer_after_bridge``          what to do at its end instead
``ringback``                       what a caller hears while it rings (tone or file); else he gets 180
``transfer_ringback``              the same for a caller who was answered before
``instant_ringback``               begin with it at once
``ignore_early_media``             keep the called side's early media from the caller
``bridge_pre_execute_aleg_app``,
``bridge_pre_execute_bleg_app``    an application for one leg before they are joined; ``…_data``
=================================  ==================================================================

It leaves behind ``originate_disposition``, ``DIALSTATUS``, ``last_bridge_to``, ``bridge_hangup_cause``.

Lives here: two legs that become one call. Never here: how a leg is dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ...media import EngineFull, MediaError, NoFreePorts
from ..calls.causes import HangupCause, is_among
from ..calls.joining import join
from ..dialplan import sounding
from ..variable_names import variable_name
from .dialing import DialFailed
from .dialstring import BadDialString, truth
from .leg_variables import exported

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

RINGING: Final = "%(2000,4000,440,480)"  # in place of a ringback that cannot be played
STATUS: Final = variable_name("DIALSTATUS")
DIALSTATUS: Final[Mapping[HangupCause, str]] = {
    HangupCause.SUCCESS: "SUCCESS",
    HangupCause.USER_BUSY: "BUSY",
    HangupCause.NO_ANSWER: "NOANSWER",
    HangupCause.NO_USER_RESPONSE: "NOANSWER",
    HangupCause.ORIGINATOR_CANCEL: "CANCEL",
    HangupCause.UNALLOCATED_NUMBER: "INVALIDARGS",
    HangupCause.NORMAL_CIRCUIT_CONGESTION: "CONGESTION",
    HangupCause.SUBSCRIBER_ABSENT: "CHANUNAVAIL",
    HangupCause.USER_NOT_REGISTERED: "CHANUNAVAIL",
    HangupCause.CALL_REJECTED: "DONTCALL",
}


async def bridge(calls: Calls, channel: Channel, data: str) -> None:
    """Dial, and join what answers to this channel until either side hangs up."""
    waiting = _Waiting(calls, channel)
    try:
        other = await calls.dialer.dial(
            data, parent=channel, variables=exported(channel), on_ring=waiting.on_ring
        )
    except BadDialString as error:
        channel.log.error("bridge: %s", error)
        await _failed(calls, channel, HangupCause.INVALID_URL)
        return
    except DialFailed as failure:
        await _failed(calls, channel, failure.cause)
        return
    finally:
        waiting.end()
    try:
        calls.ports.admit(channel, other)
        await channel.answer(prefer=other.media.codec if other.media else None)
    except NoFreePorts:
        other.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
        raise
    except MediaError:
        other.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        raise
    channel.variables |= {
        "originate_disposition": HangupCause.SUCCESS.name,
        STATUS: DIALSTATUS[HangupCause.SUCCESS],
        "last_bridge_to": other.uuid,
        "bridge_channel": other.name,
        "bridge_uuid": other.uuid,
    }
    await _before(calls, channel, other)
    if await join(channel, other):
        await _after(channel, other)
    else:
        await channel.gone.wait()  # its partner was transferred away; it waits to be hung up


class _Waiting:
    """What the caller is told and hears while others ring on his behalf."""

    def __init__(self, calls: Calls, channel: Channel) -> None:
        self._calls = calls
        self._channel = channel
        self._ringback: asyncio.Future[None] | None = None
        self._heard: Channel | None = None
        if truth(channel.variables.get("instant_ringback")):
            self._ring()

    def on_ring(self, other: Channel) -> None:
        deaf = truth(self._channel.variables.get("ignore_early_media"))
        if other.progressed.is_set() and not deaf:
            if self._heard is None or self._heard.gone.is_set():  # of several, the first that is heard
                self._heard = other
                self._play(self._hear(other))
        elif self._ringback is None:
            self._ring()

    def end(self) -> None:
        """Somebody answered, or nobody will."""
        if self._ringback is not None:
            self._ringback.cancel()
            if self._channel.media is not None:
                self._channel.media.leg.hush()

    def _ring(self) -> None:
        name = "transfer_ringback" if self._channel.up else "ringback"
        sound = self._channel.variables.get(name, "")
        if sound:
            self._play(self._sing(sound))
        else:
            self._channel.ring()

    def _play(self, work: Coroutine[Any, Any, None]) -> None:
        if self._ringback is not None:
            self._ringback.cancel()
        self._ringback = asyncio.ensure_future(work)

    async def _sing(self, text: str) -> None:
        try:
            await self._channel.pre_answer()
            while await sounding.play(self._channel, text):
                await asyncio.sleep(0)
        except MediaError as error:
            self._channel.log.warning("ringback: %s", error)
            if text != RINGING:
                await self._sing(RINGING)

    async def _hear(self, other: Channel) -> None:
        """The called side's own words before it answers."""
        try:
            hears = await self._channel.pre_answer(prefer=other.media.codec if other.media else None)
        except MediaError as error:
            self._channel.log.info("%s cannot hear early media: %s", self._channel.name, error)
            return
        if not hears and not self._channel.up:
            self._channel.ring()
            return
        if self._channel.media is not None and other.media is not None and not other.up:
            with suppress(EngineFull):  # whoever answers meets it again, and it is said then
                self._channel.media.leg.bridge(other.media.leg)


async def _failed(calls: Calls, channel: Channel, cause: HangupCause) -> None:
    """Nobody answered: the dialplan goes on where it says so, else the caller is told why."""
    variables = channel.variables
    variables["originate_disposition"] = variables["originate_failed_cause"] = cause.name
    variables[STATUS] = DIALSTATUS.get(cause, "CHANUNAVAIL")
    goes_on = variables.get("continue_on_fail", "")
    if truth(goes_on) or is_among(cause, goes_on):
        return
    elsewhere = variables.get("transfer_on_fail", "")
    if elsewhere and not channel.gone.is_set():
        extension, dialplan, context = (*elsewhere.split(), "", "", "")[:3]
        channel.reroute(extension, context, dialplan)
        return
    if not await channel.fails(cause):
        channel.hang_up(cause)


async def _before(calls: Calls, channel: Channel, other: Channel) -> None:
    for leg, name in ((channel, "aleg"), (other, "bleg")):
        application = channel.variables.get(f"bridge_pre_execute_{name}_app", "")
        if application and not leg.gone.is_set():
            await calls.router.execute(
                leg, application, channel.variables.get(f"bridge_pre_execute_{name}_data", "")
            )


async def _after(channel: Channel, other: Channel) -> None:
    """The talk is over; the caller may still be there."""
    cause = other.cause or HangupCause.NORMAL_CLEARING
    variables = channel.variables
    variables["bridge_hangup_cause"] = variables["last_bridge_hangup_cause"] = cause.name
    if channel.gone.is_set():
        return
    if elsewhere := variables.get("transfer_after_bridge", ""):
        extension, dialplan, context = (*elsewhere.split(":"), "", "", "")[:3]
        channel.reroute(extension, context, dialplan)
    elif truth(variables.get("park_after_bridge")):
        await channel.gone.wait()
    elif truth(variables.get("hangup_after_bridge")):
        channel.hang_up(cause)
    else:
        channel.parting = cause  # unless something comes after the bridge
