"""One member of a conference: what its caller says, what it is told, what it may do.

Lives here: one leg in a room. Never here: the others, the clock (``room``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...media import MediaError, Recorder
from ...media.coding.coders import remedy
from ...media.coding.payloads import Payloads
from ...media.engine.mixing import loudness, mix
from ...media.rtp.reordering import LIVE
from ...media.sound.mixing import Voice
from ..waiting import Flag

if TYPE_CHECKING:
    from ..calls.channel import Channel

HANGOVER: Final = 20  # frames that somebody still counts as speaking after the last loud one


class NoConference(MediaError):
    """This leg cannot be a member; the message says why."""


class Member:
    """One leg in a room; ``number`` is how commands name it."""

    def __init__(self, channel: Channel, number: int, energy_level: int) -> None:
        """Raises NoConference: the leg has no audio, or a codec that nobody here makes."""
        media = channel.media
        if media is None or media.codec is None or media.codec.name not in channel.coders:
            what = media.codec.name if media is not None and media.codec is not None else "no audio"
            raise NoConference(f"the call speaks {what}, which nothing here makes: {remedy(what)}")
        self.channel = channel
        self.number = number
        self.energy_level = energy_level
        self.muted = self.deaf = False
        self.kicked = Flag()
        self.sound: Iterator[bytes] | None = None  # that it alone hears
        self._media = media
        self._voice = Voice()
        self._recorder = Recorder(media.leg.tap(), LIVE)
        self._feed = media.leg.feed()
        self._payloads = Payloads()
        self._loud = 0  # frames for which it still counts as speaking

    @property
    def talking(self) -> bool:
        return self._loud > 0 and not self.muted

    def listen(self) -> bytes | None:
        """What it says now; None: nothing that others shall hear."""
        self._voice.add(self._recorder.take())
        frame = self._voice.take()
        if frame is not None and loudness(frame) >= self.energy_level:
            self._loud = HANGOVER
        else:
            self._loud = max(self._loud - 1, 0)
        return frame if self.talking else None

    def tell(self, frame: bytes | None) -> None:
        """Say a frame to its caller; None: silence, unless a sound is played to it."""
        own = next(self.sound, None) if self.sound is not None else None
        if own is None:
            self.sound = None
        voices = {each: heard for each, heard in enumerate((own, frame)) if heard is not None}
        frame, _ = mix(voices)
        if self._media.negotiated is not None:
            for payload, samples in self._payloads.of(frame, self._media.negotiated):
                self._feed.write(payload, samples)

    def close(self) -> None:
        self._recorder.close()
        self._media.leg.hush()

    @property
    def flags(self) -> str:
        """As ``conference list`` shows them."""
        known = (
            ("hear", not self.deaf),
            ("speak", not self.muted),
            ("talking", self.talking),
        )
        return "|".join(name for name, holds in known if holds)
