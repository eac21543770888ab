"""A WAV file that a call is written to, little by little: opened, written and closed in threads.

Lives here: the file. Never here: what is recorded, and until when.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ...media.sound.g711 import SAMPLE_RATE


class RecordedFile:
    """16-bit samples at 8000 Hz. What cannot be written is told once, be it at a write or at the end."""

    def __init__(self, path: Path, channels: int = 1) -> None:
        self.path = path
        self._channels = channels
        self._file: Any = None
        self._failed = False

    async def open(self) -> None:
        """Make it, and its folder.

        Raises:
            OSError: that cannot be done.
        """
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        import wave  # late: few calls record

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = wave.open(str(self.path), "wb")  # noqa: SIM115  # for as long as it goes on
        self._file.setnchannels(self._channels)
        self._file.setsampwidth(2)
        self._file.setframerate(SAMPLE_RATE)

    async def write(self, samples: bytes) -> None:
        """Little-endian samples, those of two channels by turns.

        Raises:
            OSError: no space is left, or the like.
        """
        try:
            await asyncio.to_thread(self._file.writeframes, samples)
        except OSError:
            self._failed = True
            raise

    async def close(self) -> None:
        """Write its length, and let go of it.

        Raises:
            OSError: that failed, and no write before.
        """
        try:
            await asyncio.to_thread(self._file.close)
        except OSError:
            if not self._failed:
                raise
