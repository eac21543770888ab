"""What moves the audio of one call of the console phone: device to wire, wire to device, 20 ms at a time.

Lives here: one call's loop. Never here: which devices, which call is the active one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...media import Frame, Recorder
from ...media.quality.chirp import QUIET
from ...media.quality.echo_probe import EchoProbe
from ...media.rtp.reordering import LIVE
from ...media.sound.g711 import ULAW_TO_ALAW, encode
from ...media.sound.mixing import FRAME, SILENT_FRAME, Voice, together
from ..audio.probing import TimedFeed, judged, new_probe, note, ticks

if TYPE_CHECKING:
    from ...media.devices.interface import Sink, Source
    from ..audio.leg_media import LegMedia
    from .channel import PhoneChannel

AHEAD: Final = 0.06  # seconds of frames written before they leave; more would be heard as delay
BEHIND: Final = 0.2  # seconds; what the loop is behind by more than that is left out


class _Fetched:
    """A tap whose frames were read already, for whoever listens beside."""

    dropped = 0

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def read(self) -> list[Frame]:
        taken, self.frames = self.frames, []
        return taken

    def close(self) -> None:
        """It is another's to close."""


def media_beyond(channel: PhoneChannel) -> LegMedia | None:
    """What the call is judged by: the leg that it was joined to, or the phone's own where the dialplan itself
    spoke to it. None: it called somebody, and nobody answered.
    """
    if channel.last_partner is not None:
        return channel.last_partner.media
    return None if channel.application.startswith("bridge(") else channel.wire


class AudioLine:
    """One call's audio. ``source`` and ``sink`` are asked at every frame, for the phone may change them."""

    def __init__(self, channel: PhoneChannel, probes: bool) -> None:
        """``probes``: an echo is called, and is said the watermark."""
        self._channel = channel
        self._voice = Voice()
        self.probe: EchoProbe | None = new_probe(channel, QUIET) if probes else None

    @property
    def source(self) -> Source | None:
        return self._channel.phone.mouth_of(self._channel)

    @property
    def sink(self) -> Sink | None:
        return self._channel.phone.ear_of(self._channel)

    async def run(self) -> None:
        """Until the channel is gone."""
        channel = self._channel
        assert channel.wire is not None
        leg, law = channel.wire.leg, channel.play_to_codec().name
        due = asyncio.get_running_loop().time()
        fetched, tap, feed = _Fetched(), leg.tap(), TimedFeed(leg, AHEAD)
        recorder = Recorder(fetched, LIVE)
        async for now in ticks(channel):
            if feed.stood_still(now) and self.probe is not None:
                self.probe.interrupt(now)
            fetched.frames = tap.read()
            self._listen(fetched.frames, now)
            self._voice.add(recorder.take())
            for leaves in feed.due(now):
                frame = self._said(leaves)
                feed.write(frame.translate(ULAW_TO_ALAW) if law == "PCMA" else frame, FRAME)
            due = max(due, now - BEHIND)
            while due <= now:
                due += FRAME / 8000
                self._hear()
            channel.last_partner = channel.bridged_to or channel.last_partner

    def _listen(self, frames: list[Frame], now: float) -> None:
        """Look for the watermark, and keep the leg's account of it."""
        if self.probe is not None and self.probe.hear(list(frames), now) and self.probe.result().heard:
            self.note()

    def note(self) -> None:
        """Write what the probe knows on both legs: during the call an echo, at its end whatever it is."""
        media = media_beyond(self._channel)
        if self.probe is None or media is None:
            return
        found = judged(media, self.probe.result())
        for leg in (self._channel, self._channel.last_partner):
            if leg is not None:
                note(leg, found)

    def _said(self, leaves: float) -> bytes:
        source = self.source
        said = source.read() if source is not None else None
        samples = self.probe.frame(leaves) if self.probe is not None else None
        if samples is None:
            return said or SILENT_FRAME
        mark = encode(samples, "PCMU")
        return mark if said is None else together(said, mark)

    def _hear(self) -> None:
        frame, sink = self._voice.take(), self.sink
        if sink is not None:
            sink.write(frame or SILENT_FRAME)
