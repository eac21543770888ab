"""Several voices to one: what each member of a conference hears, 20 ms at a time.

Samples are reckoned in steps of four, for every level of µ-law is a multiple of four: so the way back is one
look into a table, whatever the sum.

Lives here: a frame's arithmetic, and the few frames of a voice that wait. Never here: who may speak or hear,
timing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cache, reduce
from operator import add, sub
from typing import Final, TypeVar

from .g711 import ULAW_SILENCE, ULAW_TO_LINEAR, linear_to_ulaw

FRAME: Final = 160  # samples: 20 ms
SILENT_FRAME: Final = bytes((ULAW_SILENCE,)) * FRAME
MOST_VOICES: Final = 16  # at once in one mix; of more the loudest are heard
READY: Final = 2 * FRAME  # samples that wait before a voice is heard: what its packets may be late
LONGEST: Final = 10 * FRAME  # samples; a voice that hurried ahead loses what is older
STEP: Final = 4
STEPS: Final = tuple(level // STEP for level in ULAW_TO_LINEAR)
LOUDEST: Final = max(STEPS)

Name = TypeVar("Name", bound=Hashable)
Sums = Callable[[list[bytes]], tuple[bytes, list[bytes]]]


class Voice:
    """What one member said and was not yet mixed."""

    __slots__ = ("_ready", "_waiting")

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._ready = False

    def add(self, ulaw: bytes) -> None:
        self._waiting += ulaw
        if len(self._waiting) > LONGEST:
            del self._waiting[:-READY]
        self._ready = self._ready or len(self._waiting) >= READY

    def take(self) -> bytes | None:
        """The next frame; None: there is none yet."""
        if not self._ready or len(self._waiting) < FRAME:
            self._ready = False
            return None
        frame = bytes(self._waiting[:FRAME])
        del self._waiting[:FRAME]
        return frame


def loudness(ulaw: bytes) -> int:
    """The mean magnitude of a frame, of 32124 at most."""
    return sum(map(_magnitudes().__getitem__, ulaw)) // max(len(ulaw), 1)


def mix(voices: Mapping[Name, bytes], sums: Sums | None = None) -> tuple[bytes, dict[Name, bytes]]:
    """What those hear who say nothing, and what each of ``voices`` hears: all the others.

    Every frame has ``FRAME`` octets of µ-law; the results too. ``sums`` does the reckoning; by default it is
    that of this module.
    """
    if len(voices) > MOST_VOICES:
        heard = sorted(voices, key=lambda name: loudness(voices[name]))[-MOST_VOICES:]
        everybody, apart = mix({name: voices[name] for name in heard}, sums)
        return everybody, {name: apart.get(name, everybody) for name in voices}
    frames = list(voices.values())
    if not frames:
        return SILENT_FRAME, {}
    if len(frames) == 1:  # as it is: a sum would have but one of the two zeros of µ-law
        return frames[0], dict.fromkeys(voices, SILENT_FRAME)
    everybody, others = (sums or sums_of)(frames)
    return everybody, dict(zip(voices, frames[::-1] if len(frames) == 2 else others, strict=True))


def sums_of(frames: list[bytes]) -> tuple[bytes, list[bytes]]:
    """The sum of 2 to ``MOST_VOICES`` frames of one length, and for each of them the sum of all others."""
    steps = [list(map(STEPS.__getitem__, frame)) for frame in frames]
    total = reduce(lambda sum_, own: list(map(add, sum_, own)), steps)
    return _ulaw(total), [_ulaw(list(map(sub, total, own))) for own in steps]


def together(one: bytes, other: bytes) -> bytes:
    """Two stretches of µ-law of one length, of any length, as one."""
    return _ulaw(list(map(add, map(STEPS.__getitem__, one), map(STEPS.__getitem__, other))))


def _ulaw(steps: list[int]) -> bytes:
    return bytes(map(_to_ulaw().__getitem__, steps))


@cache
def _magnitudes() -> tuple[int, ...]:
    return tuple(abs(level) for level in ULAW_TO_LINEAR)


@cache
def _to_ulaw() -> bytes:
    """The octet of each sum. Those below zero are at the end, where Python looks for negative places."""
    most = LOUDEST * MOST_VOICES
    up = bytes(linear_to_ulaw(step * STEP) for step in range(LOUDEST + 1))
    down = bytes(linear_to_ulaw(-step * STEP) for step in range(1, LOUDEST + 1))
    clipped = most - LOUDEST
    return up + up[-1:] * clipped + down[-1:] * clipped + down[::-1]
