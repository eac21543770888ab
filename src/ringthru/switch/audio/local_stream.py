"""``local_stream://NAME``: music that goes on by itself, and that all who listen hear at the same place.

A stream is a folder of sound files, one after the other and then from the beginning. Where there is none, or
nothing in it that can be played, it is a few soft tones of our own. The files are read when somebody listens
for the first time, and again after a ``reloadxml``.

Lives here: the streams and where each has got to. Never here: who listens (``hold_music``, ``sounding``).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ...media import BadSound, Sound, read_tones
from ...media.sound.files import suffixes
from ...media.sound.g711 import SAMPLE_RATE
from ...media.sound.sounds import LONGEST
from ..configuration.local_stream_settings import StreamSettings
from .sound_files import read_file

log = logging.getLogger(__name__)

MOST_FILES: Final = 200  # of one folder
USUAL: Final = ("moh/8000", "moh", "default")  # what is taken for a name that nobody knows, in this order
# Broken chords, a second and a half each, with a breath between them
TUNE: Final = "v=-25;" + ";".join(
    "".join(f"%(450,50,{hertz})" for hertz in chord) + "%(1200,600,{},{},{})".format(*chord)
    for chord in ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
)


class LocalStreams:
    """All streams, by name."""

    def __init__(self, settings: Sequence[StreamSettings] = ()) -> None:
        self.use(settings)

    def use(self, settings: Sequence[StreamSettings]) -> None:
        """From now on these; who listens already goes on with what there was."""
        self._streams = {each.name: _Stream(each) for each in settings}
        self._tune = _Stream(None)

    @property
    def settings(self) -> list[StreamSettings]:
        """Those that the configuration names."""
        return [each.settings for each in self._streams.values() if each.settings is not None]

    def read_again(self, name: str) -> bool:
        """Look into a stream's folder anew when somebody next listens; False: there is none of that name."""
        stream = self._streams.get(name)
        if stream is not None and stream.settings is not None:
            self._streams[name] = _Stream(stream.settings)
        return stream is not None

    async def sound(self, name: str) -> Sound:
        """What a stream says from this moment on, for ever."""
        known = (self._streams.get(each) for each in (name, f"{name}/{SAMPLE_RATE}", *USUAL))
        stream = next((each for each in known if each is not None), self._tune)
        return await stream.sound() or await self._tune.sound() or Sound(b"")


class _Stream:
    def __init__(self, settings: StreamSettings | None) -> None:
        """``None``: the tones."""
        self.settings = settings
        self._began = time.monotonic()
        self._reading = asyncio.Lock()  # the second listener waits for what the first has read
        self._octets: bytes | None = None

    async def sound(self) -> Sound | None:
        """None: there is nothing in it."""
        async with self._reading:
            if self._octets is None:
                self._octets = await asyncio.to_thread(self._read)
        if not self._octets:
            return None
        passed = int((time.monotonic() - self._began) * SAMPLE_RATE)
        return Sound(self._octets, times=0, start=passed % len(self._octets))

    def _read(self) -> bytes:
        if self.settings is None:
            return read_tones(TUNE).ulaw
        return read_folder(self.settings.path, self.settings.shuffle)


def read_folder(folder: Path, shuffle: bool = False) -> bytes:
    """The sound files of a folder in the order of their names: an hour at most."""
    files = sorted(each for each in folder.glob("*") if each.suffix.lower() in suffixes())[:MOST_FILES]
    if shuffle:
        random.shuffle(files)
    octets = bytearray()
    for file in files:
        try:
            found = read_file(file).ulaw
        except BadSound as error:
            log.warning("local_stream: %s is left out: %s", file, error)
            continue
        if len(octets) + len(found) > LONGEST:
            log.warning("local_stream: %s and what comes after it are left out: more than an hour", file)
            break
        octets += found
    if not octets:
        log.warning("local_stream: no file that can be played in %s: callers hear tones instead", folder)
    return bytes(octets)
