"""Recording what a caller says until a key, silence, the longest there may be, or until he is gone.

Lives here: the recording. Never here: what becomes of it.
"""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...media import Recorder, linear_of
from ...media.sound.g711 import SAMPLE_RATE, ULAW_TO_LINEAR
from ...net.values import frozen
from ..audio.recorded_file import RecordedFile
from ..waiting import first_of

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..configuration.voicemail_settings import VoicemailProfile

TICK: Final = 0.25  # seconds between looks at what was said
STEP: Final = 160  # octets that are judged together: 20 ms
LOUDNESS: Final = array("H", map(abs, ULAW_TO_LINEAR))  # by µ-law octet


@frozen
class Spoken:
    """What became of a recording."""

    seconds: float
    loud: bool  # whether somebody spoke at all
    key: str  # that ended it; empty: silence, the time, or the caller's end


async def record(channel: Channel, path: Path, profile: VoicemailProfile) -> Spoken:
    """Write what the channel's peer says into a WAV file.

    Raises:
        OSError: the file cannot be written.
        MediaError: the call's codec cannot be recorded.
    """
    assert channel.media is not None
    channel.digits.clear()
    recorder = Recorder(channel.media.leg.tap())
    try:
        file = RecordedFile(path)
        await file.open()
        try:
            return await _Recording(channel, recorder, file, profile).run()
        finally:
            await file.close()
    finally:
        recorder.close()


class _Recording:
    """One that goes on."""

    def __init__(
        self, channel: Channel, recorder: Recorder, file: RecordedFile, profile: VoicemailProfile
    ) -> None:
        self._channel = channel
        self._recorder = recorder
        self._file = file
        self._profile = profile
        self._ends = profile.key("terminator-key")
        self._now = asyncio.get_running_loop().time
        self._began = self._last_loud = self._now()
        self._loud = False
        self._octets = 0

    async def run(self) -> Spoken:
        key = ""
        while not key and not self._over():
            await self._pause()
            key = self._key()
            await self._write()
        self._recorder.close()  # what is on its way comes with it
        await self._write()
        return Spoken(self._octets / SAMPLE_RATE, self._loud, key)

    def _over(self) -> bool:
        now, profile = self._now(), self._profile
        silent = bool(profile.silence_ends) and now - self._last_loud >= profile.silence_ends
        return silent or now - self._began >= profile.longest or self._channel.gone.is_set()

    async def _pause(self) -> None:
        self._channel.digit_came.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK):
                await first_of(self._channel.gone, self._channel.digit_came)

    def _key(self) -> str:
        """The key that ends it, if it was pressed; others are for nobody."""
        while self._channel.digits:
            if (key := self._channel.digits.popleft()) == self._ends:
                return key
        return ""

    async def _write(self) -> None:
        ulaw = self._recorder.take()
        ulaw = ulaw[: max(self._profile.longest * SAMPLE_RATE - self._octets, 0)]
        if not ulaw:
            return
        if loudest(ulaw) > self._profile.silence_level:
            self._loud, self._last_loud = True, self._now()
        self._octets += len(ulaw)
        await self._file.write(linear_of(ulaw))


def loudest(ulaw: bytes) -> float:
    """The mean magnitude of the loudest 20 ms; of 32767."""
    pieces = (ulaw[start : start + STEP] for start in range(0, len(ulaw), STEP))
    return max((sum(map(LOUDNESS.__getitem__, each)) / len(each) for each in pieces), default=0.0)
