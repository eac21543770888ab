"""A pure tone in G.711 frames, and whether received frames hold one.

Lives here: what a scripted phone says, how it knows that it heard it back, and the power at a frequency.
Never here: packets and timing.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi, sin, sqrt
from typing import Final

from .g711 import SAMPLE_RATE, decode, encode

AMPLITUDE: Final = 8000  # of 32767: −12 dBm0 or so, a speaking voice
FRAME_MS: Final = 20
QUIET: Final = 100  # root mean square below which there is nothing to hear
SHARE: Final = 0.5  # of the energy that must be at the frequency


def tone(frequency: float, duration: float, codec: str = "PCMU", frame_ms: int = FRAME_MS) -> list[bytes]:
    """Frames of a sine of ``frequency`` Hz (below 4000) for ``duration`` seconds, phase unbroken."""
    size = SAMPLE_RATE * frame_ms // 1000
    frames = int(duration * SAMPLE_RATE) // size
    step = 2 * pi * frequency / SAMPLE_RATE
    samples = (round(AMPLITUDE * sin(step * index)) for index in range(frames * size))
    octets = encode(samples, codec)
    return [octets[start : start + size] for start in range(0, len(octets), size)]


def tone_share(frames: Iterable[bytes], frequency: float, codec: str = "PCMU") -> float:
    """How much of the frames' energy is at ``frequency``: 0 (none, or silence) to about 1.

    Each frame is judged alone (Goertzel's algorithm), so a frame that was lost or repeated
    breaks no phase; the share is of the energy of all of them.
    """
    found = total = 0.0
    count = 0
    for frame in frames:
        samples = decode(frame, codec)
        found += power_at(samples, frequency)
        total += sum(sample * sample for sample in samples)
        count += len(samples)
    if not count or sqrt(total / count) < QUIET:
        return 0.0
    return found / total


def holds_tone(frames: Iterable[bytes], frequency: float, codec: str = "PCMU") -> bool:
    """Whether the frames are, for the most part, this tone."""
    return tone_share(frames, frequency, codec) >= SHARE


def power_at(samples: list[int], frequency: float) -> float:
    """The energy at one frequency, on the scale of the sum of squares."""
    if not samples:
        return 0.0
    factor = 2 * cos(2 * pi * frequency / SAMPLE_RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    return 2 * (before * before + last * last - factor * before * last) / len(samples)
