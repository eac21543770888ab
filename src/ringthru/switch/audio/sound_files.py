"""Sounds by what the dialplan calls them: a file, a tone, silence, a stream of music.

==========================================  =====================================================
``hello.wav``                               a file; relative ones are under ``sounds_dir``, or else under
                                            ``sound_prefix``, where FreeSWITCH's packages put theirs
                                            (``ivr/hello.wav`` as ``ivr/8000/hello.wav``), or one of our
                                            own prompts (``voicemail/vm-goodbye.wav``)
``tone_stream://%(200,100,440)``            tones (``sound/tone_script.py``); ``path=FILE``: written there
``silence_stream://MILLISECONDS``           nothing; -1 for ever
``local_stream://NAME``                     music that others hear too (``local_stream``)
``file_string://A!B``                       several, one after the other
``phrase:NAME:DATA``                        those that a macro of the tree makes (``phrases``)
==========================================  =====================================================

Files are read in a thread, never in the event loop. No path may climb, for part of it may be a stranger's.

Lives here: from names to sounds. Never here: who hears them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Final

from ...media import BadSound, Sound, read_tones, silence_of
from ...media.sound.files import read_sound
from .phrases import PREFIX, parts_of_phrase

if TYPE_CHECKING:
    from ..configuration.local_stream_settings import StreamSettings
    from ..configuration.phrase_settings import Phrases
    from .local_stream import LocalStreams

TONES: Final = "tone_stream://"
SILENCE: Final = "silence_stream://"
STREAM: Final = "local_stream://"
SEVERAL: Final = "file_string://"
SCRIPT_FILE: Final = "path="
BARE_TONES: Final = ("%(", "v=", "L=", "l=", "d=", "w=", "loops=")  # as in ``ringback``
LARGEST_FILE: Final = 200 << 20  # octets: an hour of 48 kHz stereo is about 690 MiB, and nobody plays that
LARGEST_SCRIPT: Final = 10_000  # octets
RATES: Final = ("8000", "16000", "32000", "48000")  # folders that FreeSWITCH's packages have for each rate
PROMPTS: Final = Path(__file__).parent.parent.parent / "prompts"  # ours; docs/speak.py makes them
MOST_PARTS: Final = 100  # of one file_string


class SoundSources:
    """Finds the sounds of one switch."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """``variables`` are the global ones: ``sounds_dir``, ``hold_music``."""
        self.variables = variables
        self.phrases: Phrases = {}  # of the tree
        self._streams: LocalStreams | None = None
        self._settings: Sequence[StreamSettings] = ()

    def use(self, settings: Sequence[StreamSettings]) -> None:
        """From now on the streams are these."""
        self._settings = settings
        self._streams = None

    async def load(self, text: str, variables: Mapping[str, str]) -> Sound:
        """One sound; ``variables`` are the channel's, whose folders go before ours.

        Raises:
            BadSound: there is none.
        """
        folder = variables.get("sounds_dir") or self.variables.get("sounds_dir", "")
        if text.startswith((TONES, *BARE_TONES)):
            return await _tones(text.removeprefix(TONES), folder)
        if text.startswith(SILENCE):
            return _silence(text.removeprefix(SILENCE))
        if text.startswith(STREAM):
            return await self._stream(text.removeprefix(STREAM))
        if "://" in text:
            known = ", ".join((TONES, SILENCE, STREAM))
            raise BadSound(f"'{text[:80]}' cannot be played: a file, {known} can")
        prefix = variables.get("sound_prefix") or self.variables.get("sound_prefix", "")
        return await asyncio.to_thread(_read, text, [place_of(text, each) for each in (folder, prefix)])

    def parts(self, text: str, variables: Mapping[str, str]) -> list[str]:
        """The sounds that a name stands for, in order; of a phrase, those in the leg's ``default_language``.

        Raises:
            BadSound: there is no such phrase.
        """
        found: list[str] = []
        for part in parts_of(text):
            if part.startswith(PREFIX):
                found += parts_of_phrase(part, self.phrases, variables.get("default_language", ""))
            else:
                found.append(part)
        return found

    async def _stream(self, name: str) -> Sound:
        return await self.streams.sound(name.partition(";")[0].strip())

    @property
    def streams(self) -> LocalStreams:
        """The music; loaded when first asked for."""
        if self._streams is None:
            from .local_stream import LocalStreams  # late: few switches play music

            self._streams = LocalStreams(self._settings)
        return self._streams


def parts_of(text: str) -> list[str]:
    """The sounds that a name stands for, in order."""
    if not text.startswith(SEVERAL):
        return [text.strip()]
    return [part.strip() for part in text.removeprefix(SEVERAL).split("!")[:MOST_PARTS]]


async def _tones(text: str, folder: str) -> Sound:
    head, semicolon, rest = text.partition(";")
    if head.startswith(SCRIPT_FILE):
        path = place_of(head.removeprefix(SCRIPT_FILE), folder)
        text = await asyncio.to_thread(_read_script, path) + semicolon + rest
    return await asyncio.to_thread(read_tones, text)


def _silence(text: str) -> Sound:
    length = text.partition(",")[0].strip()
    return silence_of(int(length) if length.lstrip("-").isdecimal() and len(length) < 9 else 0)


def place_of(text: str, folder: str) -> Path:
    """The path that the dialplan means.

    Raises:
        BadSound: it climbs: part of it may be a stranger's, and must not reach files above the folder.
    """
    if ".." in PurePosixPath(text).parts or "\0" in text or not text:
        raise BadSound(f"'{text[:80]}' is no path that is used here: no part of it may be '..'")
    return Path(folder or ".") / text


def read_file(path: Path) -> Sound:
    """The sound of a file.

    Raises:
        BadSound: it cannot be read, or is none.
    """
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode) and not S_ISDIR(found.st_mode):
            raise BadSound(f"{path} is no file: reading it might never end")
        if found.st_size > LARGEST_FILE:
            raise BadSound(f"{path} is larger than {LARGEST_FILE >> 20} MiB")
        return read_sound(path.read_bytes())
    except OSError as error:
        raise BadSound(f"cannot read {path}: {error.strerror}") from error


def _read(text: str, places: Sequence[Path]) -> Sound:
    """The file of the first place that has it, there or in a folder for its rate, else a prompt of ours."""
    rated = [each.parent / rate / each.name for rate in RATES for each in places]
    found = (each for each in (*places, *rated) if os.path.exists(each))  # a name may be too long for one
    ours = PROMPTS / text
    return read_file(next(found, ours if os.path.isfile(ours) else places[0]))


def _read_script(path: Path) -> str:
    """The tones of a file: a line is a part, as if there were a ``;`` at its end."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_SCRIPT).decode("ascii", "replace")
    except OSError as error:
        raise BadSound(f"cannot read {path}: {error.strerror}") from error
    return ";".join(line.strip() for line in text.splitlines())
