"""``deflect``: the peer of a leg is asked to call somebody else itself (REFER, RFC 3515), without us.

It leaves behind ``sip_refer_status_code``, what the REFER was answered with, and ``sip_refer_reply``, the
last that the peer told of its new call. When that comes about, or nobody tells in time, the leg is hung up;
when it fails, the dialplan goes on.

Lives here: REFERs of ours, and the NOTIFYs to them. Never here: REFERs of peers (``transfer``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...sip import Call, IncomingRequest, MalformedMessage, NameAddr, Progress, SipUri
from ..calls.causes import HangupCause
from ..dialing.leg_variables import one_line
from ..waiting import Flag, first_of

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..profiles.profile import Profile

PATIENCE: Final = 60.0  # seconds; a peer that tells nothing has taken the call, or never will


class Deflections:
    """The REFERs of ours that peers tell about."""

    def __init__(self) -> None:
        self._waiting: dict[Call, _Told] = {}

    async def deflect(self, channel: Channel, place: str) -> None:
        """Ask the peer of an answered leg to call ``place``."""
        call, profile = channel.call, channel.profile
        uri = _uri(place, channel)
        if call is None or uri is None:
            channel.log.error("deflect %s: a SIP address is needed, and a leg of SIP", place)
            return
        told = self._waiting[call] = _Told()
        try:
            response = await profile.answer_to(profile.act(lambda now: call.refer(now, uri)))
            status = response.status if response is not None else 408
            channel.variables["sip_refer_status_code"] = str(status)
            if status >= 300:
                channel.log.info("%s does not take the call to %s itself: %d", channel.name, uri, status)
                return
            await self._outcome(channel, told)
        finally:
            self._waiting.pop(call, None)

    async def _outcome(self, channel: Channel, told: _Told) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await first_of(told.ended, channel.gone)
        except TimeoutError:
            channel.log.info("%s does not tell what became of its transfer", channel.name)
        if told.line:
            channel.variables["sip_refer_reply"] = told.line
        if told.status < 300:
            channel.hang_up(HangupCause.BLIND_TRANSFER)

    def notified(self, profile: Profile, incoming: IncomingRequest) -> None:
        """A NOTIFY in a call: 481 where no REFER of ours waits for it (RFC 6665 §4.1.3)."""
        told = self._waiting.get(incoming.call) if incoming.call is not None else None
        if told is None:
            profile.respond(incoming, 481, reason="Subscription Does Not Exist")
            return
        profile.respond(incoming, 200)
        try:
            progress = Progress.read(incoming.request)
        except MalformedMessage:
            return  # the next one may say more
        told.status, told.line = progress.status, f"SIP/2.0 {progress.status} {progress.reason}".strip()
        if progress.status >= 200 or progress.ended:
            told.ended.set()


class _Told:
    """What a peer told of the call that it was asked for."""

    def __init__(self) -> None:
        self.status = 0
        self.line = ""
        self.ended = Flag()


def _uri(place: str, channel: Channel) -> SipUri | None:
    """A SIP address as written, or a number at the peer's own host."""
    text = one_line(place).strip("<> ")
    dialog = channel.call.dialog if channel.call is not None else None
    try:
        if text and dialog is not None and "@" not in text and not text.startswith(("sip:", "sips:")):
            text = f"{text}@{NameAddr.parse(dialog.remote).uri.host}"
        return SipUri.parse(text if text.startswith(("sip:", "sips:")) else f"sip:{text}")
    except MalformedMessage:
        return None
