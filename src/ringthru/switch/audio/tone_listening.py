"""Keys that a leg's peer presses as tones in its sound: ``start_dtmf`` and ``stop_dtmf``.

For phones and gateways that send neither RTP events nor INFO. What is found is a key like any other: the
dialplan reads it, the event ``DTMF`` tells of it (source ``INBAND_AUDIO``), and a bridged leg that takes RTP
events gets one. It goes on beside whatever the leg does, over bridges and transfers, until it is stopped or
the leg is gone.

Lives here: which leg is listened to, and when. Never here: finding a key in sound (``sound/tone_keys``).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ...media import MediaError, Recorder
from ...media.coding.coders import remedy
from ...media.rtp.reordering import LIVE
from ...media.sound.g711 import silence
from ..calls import dtmf
from ..waiting import Flag, first_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

LOOK: Final = 0.04  # seconds between looks at what was said
MUTE: Final = 10  # looks without a packet, after which a key is over that was down
END: Final = silence("PCMU", 400)  # ends any key


class ToneListening:
    """One leg that is listened to."""

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        from ...media.sound.tone_keys import KeyEar  # late: few calls have one

        self._channel = channel
        self._recorder = recorder
        self._ear = KeyEar()
        self._mute = 0
        self._stopped = Flag()

    def stop(self) -> None:
        self._stopped.set()

    async def run(self) -> None:
        """Until it is stopped, or the leg is gone."""
        channel = self._channel
        try:
            while not self._stopped.is_set() and not channel.gone.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await first_of(self._stopped, channel.gone)
                self._listen()
        finally:
            self._recorder.close()
            if channel.tone_listening is self:
                channel.tone_listening = None

    def _listen(self) -> None:
        ulaw = self._recorder.take()
        self._mute = 0 if ulaw else self._mute + 1
        for key in self._ear.hear(END if self._mute == MUTE else ulaw):
            dtmf.heard(self._channel, key.key, key.milliseconds, dtmf.BY_EAR)


async def start_dtmf(calls: Calls, channel: Channel, data: str) -> None:
    """Listen for keys in the sound of this channel's peer from now on; the dialplan goes on meanwhile.

    A caller who was not answered is heard before the answer (183).
    """
    await channel.pre_answer()
    media = channel.media
    if media is None or channel.tone_listening is not None:
        return
    if media.codec is None or media.codec.name not in channel.coders:
        name = media.codec.name if media.codec is not None else "no audio"
        channel.log.error("start_dtmf: the call speaks %s, which nothing here makes: %s", name, remedy(name))
        return
    try:
        recorder = Recorder(media.leg.tap(), LIVE)
    except MediaError as error:
        channel.log.error("start_dtmf: %s", error)
        return
    if channel.bridge is not None:
        channel.bridge.needs_audio("it is listened to for keys")
    channel.tone_listening = ToneListening(channel, recorder)
    calls.spawn(channel.tone_listening.run())


async def stop_dtmf(calls: Calls, channel: Channel, data: str) -> None:
    """Listen no more."""
    if channel.tone_listening is not None:
        channel.tone_listening.stop()
