"""A sound in place of what one side of a call hears of the other: ``displace_session``, ``uuid_displace``.

The sound ends with its file, after a time, when somebody stops it, or when the legs part. The other side
hears on; what it says meanwhile is not kept.

Lives here: its beginning and its end. Never here: frames (``media``), what can be played (``sounding``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...media import MediaError, Sound
from ...net.values import replace
from ..dialplan.sounding import playable
from ..waiting import Flag, first_within

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from ..calls.joining import Bridge

LONGEST: Final = 6 * 3600.0  # seconds
NOT_BRIDGED: Final = "the leg talks to nobody here; uuid_broadcast plays to one leg"
NO_MIXING: Final = "nothing is mixed into a call here: without 'mux' the sound takes the other side's place"


class Displacement:
    """One that goes on: ``listener`` hears the sound in place of ``speaker``."""

    def __init__(self, path_text: str, listener: Channel, speaker: Channel, bridge: Bridge) -> None:
        self.path_text = path_text
        self.stopped = Flag()
        self._listener = listener
        self._speaker = speaker
        self._bridge = bridge

    def begin(self, sound: Sound) -> None:
        self._bridge.needs_audio("a sound takes the place of one side")
        if self._listener.media is not None and self._speaker.media is not None:
            self._speaker.media.leg.block(media=True)
            self._listener.media.leg.play(sound)

    async def run(self, seconds: float) -> None:
        """Until it is over; then the two hear each other again."""
        try:
            await first_within(seconds, self.stopped, self._bridge.parted)
        finally:
            if self._listener.media is not None:
                self._listener.media.leg.hush()
            if self._speaker.media is not None:
                self._speaker.media.leg.block(media=False)


async def start(calls: Calls, channel: Channel, path_text: str, seconds: float = 0.0, flags: str = "") -> str:
    """Begin one; empty, or why it is not done.

    Args:
        seconds: its longest time; 0: that of the sound.
        flags: letters, as in FreeSWITCH. ``r``: what the leg says is displaced, else what it hears;
            ``l``: the sound is repeated; ``m``: mixed, which is refused.
    """
    bridge = channel.bridge
    if channel.displacement is not None:
        return f"{channel.displacement.path_text} is in its place already"
    if bridge is None:
        return NOT_BRIDGED
    if "m" in flags:
        return NO_MIXING
    listener, speaker = channel, bridge.partner(channel)
    if "r" in flags:
        listener, speaker = speaker, listener
    try:
        sound = await playable(listener, path_text)
    except MediaError as error:
        return str(error)
    if channel.bridge is not bridge or channel.displacement is not None:
        return NOT_BRIDGED  # meanwhile
    if "l" in flags:
        sound = replace(sound, times=0)
    displacement = channel.displacement = Displacement(path_text, listener, speaker, bridge)
    displacement.begin(sound)
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
