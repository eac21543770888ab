"""Which file a name of the dialplan leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.media import BadSound
from ringthru.switch.audio.sound_files import SoundSources

from ..scenarios.hearing import write_wav

LENGTHS = {
    "sounds": 0.1,
    "sounds/8000": 0.2,
    "prefix": 0.3,
    "prefix/8000": 0.4,
    "prefix/16000": 0.5,
}  # seconds


class TestWhereAFileIs:
    """``sounds_dir``, ``sound_prefix``, their folders for each rate, and at last our own prompts."""

    @pytest.fixture
    def sources(self, tmp_path: Path) -> SoundSources:
        folders = {"sounds_dir": str(tmp_path / "sounds"), "sound_prefix": str(tmp_path / "prefix")}
        return SoundSources(folders)

    async def test_a_package_of_freeswitchs(self, sources: SoundSources, tmp_path: Path) -> None:
        file = tmp_path / "prefix" / "ivr" / "8000" / "ivr-welcome.wav"
        file.parent.mkdir(parents=True)
        write_wav(file, 0.7, 440.0)
        sound = await sources.load("ivr/ivr-welcome.wav", {})
        assert round(sound.seconds, 1) == 0.7

    @pytest.mark.parametrize("first", range(len(LENGTHS)))
    async def test_which_one_is_taken(self, sources: SoundSources, tmp_path: Path, first: int) -> None:
        order = ("sounds", "prefix", "sounds/8000", "prefix/8000", "prefix/16000")[first:]
        for place in order:
            folder, _, rate = place.partition("/")
            file = tmp_path / folder / "voicemail" / rate / "vm-goodbye.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_wav(file, LENGTHS[place], 440.0)
        sound = await sources.load("voicemail/vm-goodbye.wav", {})
        assert round(sound.seconds, 1) == LENGTHS[order[0]]

    async def test_a_leg_may_have_another_voice(self, sources: SoundSources, tmp_path: Path) -> None:
        file = tmp_path / "de" / "digits" / "8000" / "7.wav"
        file.parent.mkdir(parents=True)
        write_wav(file, 1.7, 440.0)
        sound = await sources.load("digits/7.wav", {"sound_prefix": str(tmp_path / "de")})
        assert round(sound.seconds, 1) == 1.7
        assert round((await sources.load("digits/7.wav", {})).seconds, 1) != 1.7

    @pytest.mark.parametrize("name", ["nothing.wav", "x" * 5000, "/nonexistent/a.wav"], ids=range(3))
    async def test_none_is_told_by_the_place_that_was_meant(self, sources: SoundSources, name: str) -> None:
        with pytest.raises(BadSound, match="cannot read "):
            await sources.load(name, {})
