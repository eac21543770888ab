"""The devices of the console phone by what people call them, and opening them.

==================  =========================================================
``#2``, ``2``       the device of that number, as ``pa devlist`` shows it
``usb``             the first whose name holds that, in the right direction
``file:hello.wav``  as input the file, again and again; as output a recording
``tone:440``        as input a tone of so many Hz, or what ``tone_stream`` takes
``null``            silence, and no ear
==================  =========================================================

Without a sound card, or without the extra ``[audio]``, there are still ``null`` and ``tone``.

Lives here: the list, and which is meant. Never here: PortAudio itself (``media/devices``).
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...media import Sound, linear_of
from ...media.devices.interface import Device, DeviceError, Sink, Source
from ...media.devices.portaudio_driver import PortAudio
from ...media.devices.virtual import Keeping, Nothing, Saying
from ..audio.sound_files import TONES, place_of

if TYPE_CHECKING:
    from ..audio.sound_files import SoundSources

log = logging.getLogger(__name__)

OURS: Final = "ringthru"  # what devices without a sound card belong to
NULL, TONE, FILE = "null", "tone", "file:"
USUAL_TONE: Final = "440"  # Hz
MOST_NAMED: Final = 50  # files and tones that were named; more are refused
FLUSH: Final = 1.0  # seconds between looks at what a recording device was told


class Devices:
    """All devices of one switch. ``look`` must have been awaited once before the rest is asked."""

    def __init__(self, sounds: SoundSources, library: Any | None = None) -> None:
        """``library`` stands in for ``sounddevice``."""
        self._sounds = sounds
        self._library = library
        self._portaudio: PortAudio | None = None
        self._looked = False
        self._named: list[str] = []
        self.all: list[Device] = []
        self.trouble = ""  # why there are none of the machine's own

    async def look(self, *, again: bool = False) -> None:
        """Find out what there is. PortAudio is loaded in a thread, when it is first asked for."""
        if self._looked and not again:
            return
        real: list[Device] = []
        try:
            if self._portaudio is None:
                self._portaudio = await asyncio.to_thread(PortAudio, self._library)
            elif again:
                await asyncio.to_thread(self._portaudio.look_again)
            real = await asyncio.to_thread(self._portaudio.devices)
            self.trouble = "" if real else "PortAudio finds no sound device on this machine"
        except DeviceError as error:
            self.trouble = str(error)
        except Exception as error:  # the library's own, of which there are many
            self.trouble = f"PortAudio failed: {error}"
        if self.trouble and not self._looked:
            log.warning(
                "The console phone has no sound card: %s. It uses 'null'; 'pa indev file:…' helps",
                self.trouble,
            )
        self._looked = True
        self.all = real
        for name in (NULL, TONE, *self._named):
            self._append(name)

    def _append(self, name: str) -> Device:
        inputs, outputs = (1, int(not name.startswith(TONE)))
        device = Device(len(self.all), name, OURS, inputs, outputs)
        self.all.append(device)
        return device

    def find(self, text: str, way: str) -> Device | None:
        """Which device is meant; ``way`` is ``in`` or ``out``. None: none of that way."""
        text = text.strip()
        if text.startswith((FILE, f"{TONE}:")):
            return self._find_named(text, way)
        digits = text.removeprefix("#")
        if digits.isascii() and digits.isdigit() and len(digits) < 6:
            found = [each for each in self.all if each.number == int(digits)]
        else:
            found = [each for each in self.all if text and text.lower() in each.name.lower()]
        return next((each for each in found if _has(each, way)), None)

    def _find_named(self, text: str, way: str) -> Device | None:
        known = next((each for each in self.all if each.name == text), None)
        if known is None and len(self._named) < MOST_NAMED:
            self._named.append(text)
            known = self._append(text)
        return known if known is not None and _has(known, way) else None

    def default(self, way: str) -> Device:
        """The system's own, or ``null``."""
        if self._portaudio is not None and not self.trouble:
            number = self._portaudio.defaults()[way == "out"]
            found = next((each for each in self.all if each.number == number and _has(each, way)), None)
            if found is not None:
                return found
        return next(each for each in self.all if each.name == NULL)

    async def open_source(self, device: Device) -> Source:
        """Raises MediaError: it cannot be opened; the text says why."""
        if device.api != OURS:
            assert self._portaudio is not None
            return await asyncio.to_thread(self._portaudio.open_source, device.number)
        if device.name == NULL:
            return Nothing()
        return Saying(await self._sound(device.name))

    async def open_sink(self, device: Device) -> Sink:
        """Raises MediaError: it cannot be opened; the text says why."""
        if device.api != OURS:
            assert self._portaudio is not None
            return await asyncio.to_thread(self._portaudio.open_sink, device.number)
        if device.name.startswith(FILE):
            folder = self._sounds.variables.get("recordings_dir") or self._sounds.variables.get(
                "sounds_dir", ""
            )
            return await Recording.open(place_of(device.name.removeprefix(FILE), folder))
        return Nothing()

    async def _sound(self, name: str) -> Sound:
        if name.startswith(FILE):
            return await self._sounds.load(name.removeprefix(FILE), {})
        what = name.removeprefix(TONE).removeprefix(":") or USUAL_TONE
        if what.replace(".", "", 1).isdigit():
            what = f"%(1000,0,{what})"
        return await self._sounds.load(what if what.startswith(TONES) else TONES + what, {})


def _has(device: Device, way: str) -> bool:
    return bool(device.inputs if way == "in" else device.outputs)


class Recording(Keeping):
    """A WAV file that is written in a thread, a second at a time."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._over = False
        self._writing = asyncio.ensure_future(self._run())

    @classmethod
    async def open(cls, path: Path) -> Recording:
        """Raises DeviceError: it cannot be written."""
        try:
            return cls(await asyncio.to_thread(_open_file, path))
        except OSError as error:
            raise DeviceError(f"cannot write {path}: {error.strerror or error}") from error

    async def _run(self) -> None:
        try:
            while not self._over:
                await asyncio.sleep(FLUSH)
                await asyncio.to_thread(self._file.writeframes, linear_of(self.take()))
        except OSError as error:
            log.error("A recording of the console phone cannot be written: %s", error)
        except asyncio.CancelledError:
            pass

    async def finish(self) -> None:
        """Write what is left, and close the file."""
        self._over = True
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        try:
            self._file.writeframes(linear_of(self.take()))
            self._file.close()
        except OSError as error:
            log.error("A recording of the console phone cannot be written: %s", error)


def _open_file(path: Path) -> Any:
    import wave  # late: few phones record

    path.parent.mkdir(parents=True, exist_ok=True)
    file = wave.open(str(path), "wb")  # noqa: SIM115  # for as long as the device is open
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(8000)
    return file


async def shut(device: Source | Sink | None) -> None:
    """Close what was opened; PortAudio waits for its thread, so it is done in one of ours."""
    if isinstance(device, Recording):
        await device.finish()
    elif device is not None:
        await asyncio.to_thread(device.close)
