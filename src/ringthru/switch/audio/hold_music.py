"""Music on hold: what one side of a call hears while the other one holds.

The first of these that is set names the sound: the holder's variables ``temp_hold_music`` and ``hold_music``,
its profile's ``hold-music``, the global ``hold_music``. ``silence``, or nothing, means no music: the hold is
passed on, and the listener's phone knows of it.

Lives here: which music, its beginning and its end. Never here: how a hold is told (``offers``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...media import MediaError
from ...net.values import replace
from ..dialplan.sounding import playable

if TYPE_CHECKING:
    from ..calls.channel import Channel

SILENT: Final = frozenset(("silence", "none", "false"))


def music_of(holder: Channel) -> str:
    """What the other side shall hear while this leg holds; empty: nothing."""
    for text in (
        holder.variables.get("temp_hold_music"),
        holder.variables.get("hold_music"),
        holder.profile.settings.hold_music,
        holder.sounds.variables.get("hold_music"),
    ):
        if text:
            return "" if text.strip().lower() in SILENT else text.strip()
    return ""


class HoldMusic:
    """What one leg of a bridge hears of the other's hold."""

    def __init__(self, listener: Channel, holder: Channel) -> None:
        self._listener = listener
        self._holder = holder
        self._playing: asyncio.Future[None] | None = None

    @property
    def replaces_hold(self) -> bool:
        """Whether the listener hears music, and so is not told of the hold."""
        media = self._holder.media
        return media is not None and media.held and bool(music_of(self._holder))

    def follow(self) -> None:
        """Begin or end it, as the holder's wish is now, or an operator's (``uuid_hold``)."""
        held = self._listener.held_by_us and bool(music_of(self._holder))
        if not held and not self.replaces_hold:
            self.stop()
        elif self._playing is None:
            self._playing = asyncio.ensure_future(self._play(music_of(self._holder)))

    def stop(self) -> None:
        """Harmless where there is none."""
        playing, self._playing = self._playing, None
        if playing is None:
            return
        playing.cancel()
        if self._listener.media is not None:
            self._listener.media.leg.hush()
        if self._holder.media is not None:
            self._holder.media.leg.block(media=False)

    async def _play(self, text: str) -> None:
        listener, holder = self._listener, self._holder
        try:
            sound = await playable(listener, text)
        except MediaError as error:
            listener.log.warning("hold_music: %s", error)
            return
        if listener.media is not None and holder.media is not None:
            holder.media.leg.block(media=True)  # a phone may have music of its own: one at a time
            listener.media.leg.play(replace(sound, times=0))
