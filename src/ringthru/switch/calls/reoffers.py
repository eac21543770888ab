"""Re-INVITEs of ours: one at a time on a leg, and always for the newest state.

Lives here: waiting for the turn, and what is made of the answer.
Never here: why there is one, or the SDP itself (``leg_media``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ...media import MediaError
from ..audio.leg_media import BOTH_WAYS

if TYPE_CHECKING:
    from .channel import Channel

PACE: Final = 0.1  # seconds between looks whether an offer may go out


class Reoffers:
    """Those of one leg."""

    __slots__ = ("_channel", "_held", "_once_more", "_under_way")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._under_way = False
        self._once_more = False
        self._held = False  # by us, as the peer last agreed

    def ask(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """Send one beside everything else, or once more after the one that is under way."""
        if self._under_way:
            self._once_more = True
        else:
            self._under_way = True
            spawn(self._send_all())

    async def _send_all(self) -> None:
        try:
            again = True
            while again and not self._channel.gone.is_set():
                self._once_more = False
                await self._send_one()
                again = self._once_more
        finally:
            self._under_way = False

    async def _send_one(self) -> None:
        """After whatever other offer is under way; what it meets is logged."""
        channel = self._channel
        call, media, gone = channel.call, channel.media, channel.gone
        while call is not None and not call.may_offer and not gone.is_set():
            await asyncio.sleep(PACE)  # an offer of the peer's, or its ACK, is on its way
        if call is None or media is None or gone.is_set():
            return
        held = channel.held_by_us
        body = media.offer(channel.kept_codecs, self._wanted_direction())
        handle = channel.profile.act(lambda now: call.reinvite(now, body))
        response = await channel.profile.answer_to(handle)
        if gone.is_set():
            return
        if response is None or not 200 <= response.status < 300:
            media.not_taken()
            said = f"{response.status} {response.reason}" if response is not None else "nobody answered"
            channel.log.info("A new offer to %s was not taken: %s", channel.name, said)
            self._take_back(held)
            if media.aside is not None and channel.bridge is not None:
                channel.bridge.needs_audio(f"{channel.name} does not take the other's address")
            return
        self._held = held
        try:
            media.accept(response.body)
        except MediaError as error:
            media.not_taken()
            text = "%s answered a new offer with an SDP that we cannot use: %s"
            channel.log.warning(text, channel.name, error)
        if channel.bridge is not None:
            channel.bridge.follow()

    def _take_back(self, held: bool) -> None:
        """A hold, or its end, was refused: the call goes on as it was, and nobody is told anything else."""
        channel = self._channel
        if held is not self._held and held is channel.held_by_us:
            words = "stays on hold" if held is False else "is not put on hold"
            channel.log.warning("%s %s: its phone refused our offer", channel.name, words)
            channel.mark_held(self._held)

    def _wanted_direction(self) -> str:
        if self._channel.held_by_us:
            return "sendonly"
        bridge = self._channel.bridge
        return bridge.granted(self._channel) if bridge is not None else BOTH_WAYS
