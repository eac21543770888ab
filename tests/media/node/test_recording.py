"""What a media node writes down of a call."""

from __future__ import annotations

import asyncio
import logging
import wave
from pathlib import Path
from types import SimpleNamespace

import pytest

from ringthru.media.node.recording_driver import Recordings
from ringthru.media.rtp.frames import Frame
from ringthru.media.sound.tones import tone

SAID = [Frame("PCMU", number, number * 160, octets) for number, octets in enumerate(tone(500, 0.5))]


class Tap:
    """Of a leg whose peer has just said all this."""

    dropped = 0

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    def read(self) -> list[Frame]:
        frames, self._frames = self._frames, []
        return frames

    def close(self) -> None:
        """Nothing more comes anyhow."""


def side(tap: Tap) -> SimpleNamespace:
    return SimpleNamespace(leg=SimpleNamespace(tap=lambda: tap))


async def test_the_last_words_of_one_side_are_kept_though_the_other_is_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recordings = Recordings(tmp_path)
    recordings.begin(SimpleNamespace(call_id="a", sides=[side(Tap(SAID)), side(Tap([]))]))
    async with asyncio.timeout(30):
        while "Recording a to" not in caplog.text:
            await asyncio.sleep(0)  # a thread opens the file, and tells nobody but the log
    await recordings.close()
    (path,) = tmp_path.rglob("*.wav")
    with wave.open(str(path)) as file:
        assert file.getnframes() >= len(SAID) * 160
