"""Recordings of whole calls, both sides: ``record_session`` and its end.

A recording goes on beside whatever the leg does, over bridges and transfers, until it is stopped or the leg
is gone. It is a WAV file of 8000 Hz; with ``RECORD_STEREO=true`` the leg is on the left, its partner on the
right.

Lives here: which legs are tapped, and the file. Never here: how two sides become one (``media``).
"""

from __future__ import annotations

import asyncio
import time
from array import array
from pathlib import Path
from sys import byteorder
from typing import TYPE_CHECKING, Final

from ...media import BadSound, MediaError, Recorder, linear_of
from ...media.leg.session_recording import Side, TwoSides
from ...media.sound.g711 import SAMPLE_RATE, ULAW_SILENCE
from ..dialing.dialstring import truth
from .recorded_file import RecordedFile
from .sound_files import place_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

TICK: Final = 0.1  # seconds between looks at who is there, and at what was said
FLUSH: Final = SAMPLE_RATE // 2  # samples that are written together
LONGEST: Final = 6 * 3600.0  # seconds
MOST: Final = 4  # recordings of one leg at once


class SessionRecording:
    """One recording that goes on."""

    def __init__(self, channel: Channel, path: Path, seconds: float) -> None:
        self.stereo = truth(channel.variables.get("record_stereo"))
        self._channel = channel
        self._file = RecordedFile(path, 2 if self.stereo else 1)
        self._until = time.monotonic() + min(seconds or LONGEST, LONGEST)
        self._sides = TwoSides()
        self._began = time.monotonic()
        self._taps: dict[int, tuple[Channel, Recorder] | None] = {0: None, 1: None}
        self._stopped = asyncio.Event()
        self._masked = False

    async def open(self) -> None:
        """Raises OSError: the file cannot be written."""
        await self._file.open()

    def stop(self) -> None:
        self._stopped.set()

    def mask(self, masked: bool) -> None:
        """Write silence instead of what is said from now on, or what is said again.

        What a tap holds back, for packets that come out of order, belongs to what was before.
        """
        self._close_taps()
        self._hear()
        self._taps = {0: None, 1: None}
        self._masked = masked
        self._listen()

    async def run(self) -> None:
        """Until it is stopped, its time is over, or the leg is gone."""
        try:
            try:
                await self._write_on()
            finally:
                self._close_taps()
                await self._file.close()
        except OSError as error:
            self._channel.log.error("record_session: %s: %s", self._file.path, error.strerror or error)

    async def _write_on(self) -> None:
        going_on = True
        while going_on:
            self._listen()
            await self._pause()
            over = self._stopped.is_set() or time.monotonic() >= self._until
            going_on = not over and not self._channel.gone.is_set()
            if not going_on:
                self._close_taps()  # what is on its way comes with it
            self._hear()
            if not going_on:
                self._sides.even_out()
            if not going_on or len(self._sides.here) >= FLUSH:
                await self._file.write(self._samples())

    def _close_taps(self) -> None:
        for tapped in self._taps.values():
            if tapped is not None:
                tapped[1].close()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(TICK):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _listen(self) -> None:
        """Tap the leg, and whoever it is joined to now."""
        for place, leg in enumerate((self._channel, self._channel.bridged_to)):
            tapped = self._taps[place]
            if tapped is not None and tapped[0] is leg:
                continue
            if tapped is not None:
                tapped[1].close()
                self._hear()  # its last words
            if tapped is not None or leg is not None:
                self._taps[place] = _tap(leg)

    def _hear(self) -> None:
        now = int((time.monotonic() - self._began) * SAMPLE_RATE)
        sides: tuple[Side, Side] = (self._sides.here, self._sides.there)
        for place, side in enumerate(sides):
            tapped = self._taps[place]
            said = tapped[1].take() if tapped is not None else b""
            side.add(bytes((ULAW_SILENCE,)) * len(said) if self._masked else said, now)

    def _samples(self) -> bytes:
        if not self.stereo:
            return linear_of(self._sides.take_mixed())
        both = array("h", bytes(4 * min(len(self._sides.here), len(self._sides.there))))
        for place, ulaw in enumerate(self._sides.take()):
            side = array("h", linear_of(ulaw))
            if byteorder == "big":
                side.byteswap()
            both[place::2] = side
        if byteorder == "big":
            both.byteswap()
        return both.tobytes()


def _tap(leg: Channel | None) -> tuple[Channel, Recorder] | None:
    media = leg.media if leg is not None else None
    if leg is None or media is None or media.codec is None or media.codec.name not in leg.coders:
        return None
    try:
        return leg, Recorder(media.leg.tap())
    except MediaError as error:
        leg.log.warning("record_session: %s", error)
        return None


async def start(calls: Calls, channel: Channel, path_text: str, seconds: float = 0.0) -> str:
    """Begin to record a leg; empty, or why it is not done."""
    if path_text in channel.recordings:
        return f"{path_text} is being written already"
    if len(channel.recordings) >= MOST:
        return f"the call is recorded {MOST} times already"
    try:
        path = place_of(path_text, calls.router.expanded(channel, "${recordings_dir}"))
        recording = SessionRecording(channel, path, seconds)
        await recording.open()
    except BadSound as error:
        return str(error)
    except OSError as error:
        return f"cannot write {path_text}: {error.strerror or error}"
    channel.recordings[path_text] = recording
    if channel.bridge is not None:
        channel.bridge.needs_audio("it is recorded")
    calls.spawn(_run(channel, path_text, recording))
    return ""


async def _run(channel: Channel, name: str, recording: SessionRecording) -> None:
    channel.tell("RECORD_START", ("Record-File-Path", name))
    try:
        await recording.run()
    finally:
        channel.recordings.pop(name, None)
        channel.tell("RECORD_STOP", ("Record-File-Path", name))


def stop(channel: Channel, path_text: str) -> bool:
    """End one recording, or ``all``; False: there is none of that name."""
    found = _named(channel, path_text)
    for recording in found:
        recording.stop()
    return bool(found)


def mask(channel: Channel, path_text: str, masked: bool) -> bool:
    """Keep what is said (a card's number) out of one recording, or ``all``, or no longer; False: none."""
    found = _named(channel, path_text)
    for recording in found:
        recording.mask(masked)
    return bool(found)


def _named(channel: Channel, path_text: str) -> list[SessionRecording]:
    names = list(channel.recordings) if path_text == "all" else [path_text]
    return [channel.recordings[name] for name in names if name in channel.recordings]


async def record_session(calls: Calls, channel: Channel, data: str) -> None:
    """``PATH [+SECONDS]``: record both sides from now on; the dialplan goes on meanwhile."""
    path, _, limit = data.strip().partition(" ")
    limit = limit.strip().removeprefix("+")
    seconds = float(limit) if limit.isascii() and limit.isdigit() and len(limit) < 6 else 0.0
    if trouble := await start(calls, channel, path, seconds):
        channel.log.error("record_session: %s", trouble)


async def stop_record_session(calls: Calls, channel: Channel, data: str) -> None:
    """``PATH`` or ``all``: end it."""
    if not stop(channel, data.strip()):
        channel.log.warning("stop_record_session: %s is not being written", data.strip())


async def record_session_mask(calls: Calls, channel: Channel, data: str) -> None:
    """``PATH`` or ``all``: silence in the file from now on."""
    _mask(channel, data.strip(), True)


async def record_session_unmask(calls: Calls, channel: Channel, data: str) -> None:
    """``PATH`` or ``all``: what is said again."""
    _mask(channel, data.strip(), False)


def _mask(channel: Channel, path_text: str, masked: bool) -> None:
    if not mask(channel, path_text, masked):
        name = "record_session_mask" if masked else "record_session_unmask"
        channel.log.warning("%s: %s is not being written", name, path_text)
