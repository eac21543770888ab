"""Samples of any rate and several channels to µ-law at 8000 Hz, a second at a time.

A second of whole samples there is a second of whole samples here, so that a long file never lies in memory
as numbers: they would take over ten times its octets.

Lives here: that arithmetic. Never here: where the samples come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from .g711 import SAMPLE_RATE, ulaw_table

RATES: Final = (1000, 192_000)  # Hz, the lowest and highest that are read
CHANNELS: Final = 8


def within(rate: int, channels: int) -> bool:
    """Whether sounds of this rate (Hz), and of so many channels, are played."""
    return RATES[0] <= rate <= RATES[1] and 1 <= channels <= CHANNELS


class Narrowing:
    """Averages of what falls on one sample of ours, over all channels; the nearest of a slower file."""

    def __init__(self, rate: int, channels: int) -> None:
        """``rate`` and ``channels`` are ``within`` our limits."""
        self._rate, self._channels = rate, channels
        starts = [each * rate // SAMPLE_RATE for each in range(SAMPLE_RATE + 1)]
        self._parts = [
            (start * channels, max(end, start + 1) * channels) for start, end in pairwise(starts)
        ]  # of a second

    def ulaw(self, samples: Sequence[int]) -> bytes:
        """A second of 16-bit samples, the channels by turns; less only at the end of a sound."""
        table = ulaw_table()
        frames = min(len(samples) // self._channels, self._rate)
        if self._rate == SAMPLE_RATE and self._channels == 1:
            return bytes(map(table.__getitem__, samples[:frames]))
        parts = self._parts[: frames * SAMPLE_RATE // self._rate]
        return bytes([table[sum(samples[start:end]) // (end - start)] for start, end in parts])
