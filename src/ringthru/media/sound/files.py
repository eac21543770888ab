"""Files of sound, whatever they are: WAV by ourselves, others by libsndfile where it is installed.

Lives here: who reads what, and libsndfile. Never here: opening files, playing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from typing import Any, Final

from .g711 import SAMPLE_RATE
from .narrowing import Narrowing, within
from .sounds import LONGEST, BadSound, Sound
from .wav import read_wav

EXTRA: Final = "pip install 'ringthru[prompts]'"
WAV: Final = (".wav",)
OTHERS: Final = (".aif", ".aiff", ".au", ".flac", ".mp3", ".oga", ".ogg", ".opus")


@cache
def has_libsndfile() -> bool:
    """Whether anything but WAV is read here."""
    return find_spec("soundfile") is not None


def suffixes() -> tuple[str, ...]:
    """What the names of files end in that can be played here."""
    return WAV + OTHERS if has_libsndfile() else WAV


def read_sound(data: bytes) -> Sound:
    """The sound of a file; several channels are mixed. To be called in a thread.

    Raises:
        BadSound: it is none that can be played here, or longer than an hour.
    """
    try:
        return read_wav(data)
    except BadSound as error:
        if not has_libsndfile():
            raise BadSound(f"{error}; MP3, FLAC and OGG are played after: {EXTRA}") from error
        return _by_libsndfile(data, error)


def _by_libsndfile(data: bytes, before: BadSound) -> Sound:
    """``before`` is why it is no WAV file of ours: what to say where it is nothing else either."""
    try:
        import soundfile  # late: it brings numpy, 0.2 s and 30 MB
    except (ImportError, OSError) as error:
        raise BadSound(f"{before}; soundfile cannot be loaded: {error}") from error
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            if not within(file.samplerate, file.channels):
                what = f"{file.format}, {file.samplerate} Hz, {file.channels} channels"
                raise BadSound(f"a file of {what} is not played")
            return Sound(b"".join(_seconds(file)))
    except (soundfile.SoundFileError, OSError) as error:
        raise BadSound(f"{before}; and libsndfile says: {error}") from error


def _seconds(file: Any) -> Iterator[bytes]:
    """µ-law, a second each; what the file says of its length is believed of nobody."""
    narrowing = Narrowing(file.samplerate, file.channels)
    for _ in range(LONGEST // SAMPLE_RATE + 1):
        samples = array("h", bytes(file.buffer_read(file.samplerate, "int16")))
        if not samples:
            return
        yield narrowing.ulaw(samples)
    raise BadSound("a file of more than an hour is not played")
