"""Devices that need no sound card: silence, a sound said again and again, a recording.

Lives here: what they give and take. Never here: files (a recording is written by whoever drives it).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...net.values import replace
from ..sound.mixing import FRAME
from ..sound.sounds import Sound

MOST_KEPT: Final = 60 * 8000  # octets of a recording that nobody has written yet: a minute


class Nothing:
    """Says nothing, and hears nothing."""

    def read(self) -> bytes | None:
        return None

    def write(self, frame: bytes) -> None:
        """It is forgotten."""

    def close(self) -> None:
        """There is nothing to close."""


class Saying:
    """A sound, from its beginning whenever it is over."""

    def __init__(self, sound: Sound) -> None:
        self._frames: Iterator[bytes] = replace(sound, times=0).frames("PCMU", FRAME)

    def read(self) -> bytes | None:
        return next(self._frames, None)

    def close(self) -> None:
        self._frames = iter(())


class Keeping:
    """Keeps what it is told until somebody takes it, a minute at most."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, frame: bytes) -> None:
        if len(self._kept) < MOST_KEPT:
            self._kept += frame

    def take(self) -> bytes:
        """What was kept since the last time."""
        taken, self._kept = bytes(self._kept), bytearray()
        return taken

    def close(self) -> None:
        """What is kept can still be taken."""
