"""A sound in place of what one side of a call hears of the other: ``displace_session``, ``uuid_displace``.

The sound ends with its file, after a time, when somebody stops it, or when the legs part. The other side
hears on; what it says meanwhile is lost, or is heard together with the sound where that is wanted (``mux``).

Lives here: its beginning and its end. Never here: arithmetic (``media``), what can be played (``sounding``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...media import MediaError, Recorder, Sound
from ...media.coding.payloads import Payloads
from ...media.rtp.reordering import LIVE
from ...media.sound.mixing import FRAME, Voice, mix
from ...net.values import replace
from ..dialplan.sounding import codec_made_here, playable
from ..waiting import Flag, first_within

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from ..calls.joining import Bridge
    from .leg_media import LegMedia

LONGEST: Final = 6 * 3600.0  # seconds
NOT_BRIDGED: Final = "the leg talks to nobody here; uuid_broadcast plays to one leg"
ROUND: Final = 0.02  # seconds of a frame
LATE: Final = 0.2  # seconds; a machine that was so busy does not say all at once what it owes


class Mixer:
    """Says a sound and a speaker to a listener as one, frame by frame; both legs have codecs of ours."""

    def __init__(self, sound: Sound, listener: LegMedia, speaker: LegMedia) -> None:
        self._listener = listener
        self._frames = sound.frames("PCMU", FRAME)
        self._voice = Voice()
        self._recorder = Recorder(speaker.leg.tap(), LIVE)
        self._feed = listener.leg.feed()
        self._payloads = Payloads()

    def round(self) -> bool:
        """The next frame; False: the sound is over."""
        self._voice.add(self._recorder.take())
        own, said = next(self._frames, None), self._voice.take()
        if own is None:
            return False
        frame, _ = mix({0: own} if said is None else {0: own, 1: said})
        if self._listener.negotiated is not None:
            for payload, samples in self._payloads.of(frame, self._listener.negotiated):
                self._feed.write(payload, samples)
        return True

    def close(self) -> None:
        self._recorder.close()


class Displacement:
    """One that goes on: ``listener`` hears the sound in place of ``speaker``, or with ``mixed`` both."""

    def __init__(self, path_text: str, listener: Channel, speaker: Channel, bridge: Bridge) -> None:
        self.path_text = path_text
        self.stopped = Flag()
        self._listener = listener
        self._speaker = speaker
        self._bridge = bridge
        self._mixer: Mixer | None = None

    def begin(self, sound: Sound, *, mixed: bool) -> None:
        self._bridge.needs_audio("a sound takes the place of one side")
        listener, speaker = self._listener.media, self._speaker.media
        if listener is None or speaker is None:
            return
        speaker.leg.block(media=True)
        if mixed:
            self._mixer = Mixer(sound, listener, speaker)
        else:
            listener.leg.play(sound)

    async def run(self, seconds: float) -> None:
        """Until it is over; then the two hear each other again."""
        try:
            if self._mixer is None:
                await first_within(seconds, self.stopped, self._bridge.parted)
            else:
                await self._mix_on(self._mixer, seconds)
        finally:
            if self._mixer is not None:
                self._mixer.close()
            if self._listener.media is not None:
                self._listener.media.leg.hush()
            if self._speaker.media is not None:
                self._speaker.media.leg.block(media=False)

    async def _mix_on(self, mixer: Mixer, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due, end = loop.time(), loop.time() + seconds
        while due < end and mixer.round():
            due += ROUND
            if (now := loop.time()) - due > LATE:
                due = now
            if await first_within(max(due - now, 0), self.stopped, self._bridge.parted):
                return


async def start(calls: Calls, channel: Channel, path_text: str, seconds: float = 0.0, flags: str = "") -> str:
    """Begin one; empty, or why it is not done.

    Args:
        seconds: its longest time; 0: that of the sound.
        flags: letters, as in FreeSWITCH. ``r``: what the leg says is displaced, else what it hears;
            ``l``: the sound is repeated; ``m``: mixed with what it displaces.
    """
    bridge = channel.bridge
    if channel.displacement is not None:
        return f"{channel.displacement.path_text} is in its place already"
    if bridge is None:
        return NOT_BRIDGED
    listener, speaker = channel, bridge.partner(channel)
    if "r" in flags:
        listener, speaker = speaker, listener
    try:
        sound = await playable(listener, path_text)
        if "m" in flags:
            codec_made_here(speaker)
    except MediaError as error:
        return str(error)
    if channel.bridge is not bridge or channel.displacement is not None:
        return NOT_BRIDGED  # meanwhile
    if "l" in flags:
        sound = replace(sound, times=0)
    displacement = channel.displacement = Displacement(path_text, listener, speaker, bridge)
    displacement.begin(sound, mixed="m" in flags)
    calls.spawn(_run(channel, displacement, min(seconds or LONGEST, sound.seconds * sound.times or LONGEST)))
    return ""


async def _run(channel: Channel, displacement: Displacement, seconds: float) -> None:
    try:
        await displacement.run(seconds)
    finally:
        channel.displacement = None


def stop(channel: Channel, path_text: str) -> bool:
    """End it; False: that sound is not in its place."""
    displacement = channel.displacement
    if displacement is None or displacement.path_text != path_text:
        return False
    displacement.stopped.set()
    return True


async def displace_session(calls: Calls, channel: Channel, data: str) -> None:
    """``PATH [FLAGS] [+SECONDS]``: the dialplan goes on meanwhile."""
    path_text, *words = data.split() or [""]
    limits = [each for each in words if each.startswith("+") and each[1:].isdecimal() and len(each) < 7]
    flags = "".join(each for each in words if not each.startswith("+"))
    if trouble := await start(calls, channel, path_text, float(limits[0]) if limits else 0.0, flags):
        channel.log.warning("displace_session: %s", trouble)


async def stop_displace_session(calls: Calls, channel: Channel, data: str) -> None:
    if not stop(channel, data.strip()):
        channel.log.warning("stop_displace_session: %s takes nobody's place", data.strip())
