"""The watermark: a short rising tone that can be told from everything else, and the ear that finds it.

It is found by signs alone: of each sample it is kept whether it is above the line through the two before. So
neither loudness, nor the law of G.711, nor clipping matters, and a stretch of sound is compared as one long
integer (``int.bit_count``). Such bends stress what is high, where voices are weak and the chirp is not.
A second of sound takes 4 ms.

Lives here: the sound, and finding it in G.711. Never here: when it is said, and what its return means
(``echo_probe``).
"""

from __future__ import annotations

from math import cos, pi, sin
from typing import Final

from ...net.values import frozen
from ..sound.g711 import SAMPLE_RATE, ULAW_TO_LINEAR

LENGTH: Final = 1600  # samples: 200 ms, of which the loss of one packet takes a tenth
LOW, HIGH = 600.0, 3000.0  # Hz; every telephone line carries them
FADE: Final = 80  # samples at either end, so that nothing clicks
QUIET: Final = -34.0  # dB of full scale: some 12 dB below a voice, beside which it can be borne
PLAIN: Final = -20.0  # where nobody listens
BLOCK: Final = 160  # samples that are looked at together
APART: Final = LENGTH // 2  # samples; of likenesses closer than this only the best is one
LEAST: Final = 0.2  # likeness from which it counts; voices, tones and noise come to half of that


@frozen
class Found:
    """A chirp that begins at a sample; ``likeness`` is 0 (chance) to 1 (each bit alike)."""

    position: int
    likeness: float


def chirp(level: float = QUIET) -> list[int]:
    """Its samples, linear 16 bits; ``level`` is the peak, in dB of full scale (-90 to 0)."""
    peak = 32767 * 10 ** (level / 20)
    return [round(peak * _fade(at) * sin(_phase(at))) for at in range(LENGTH)]


def _phase(at: int) -> float:
    slope = (HIGH - LOW) / LENGTH
    return 2 * pi * (LOW + slope * at / 2) * at / SAMPLE_RATE


def _fade(at: int) -> float:
    edge = min(at, LENGTH - 1 - at)
    return 1.0 if edge >= FADE else 0.5 - 0.5 * cos(pi * edge / FADE)


def signs(samples: list[int], before: tuple[int, int]) -> str:
    """``1`` where a sample is above the straight line through the two before it, else ``0``."""
    last = [before[1], *samples]
    earlier = [before[0], *last]
    whole = zip(samples, last, earlier, strict=False)
    return "".join(["1" if now - then > then - once else "0" for now, then, once in whole])


TEMPLATE: Final = int(signs(chirp(PLAIN), (0, 0)), 2)  # the first sample is the highest bit
MASK: Final = (1 << LENGTH) - 1


class ChirpEar:
    """Listens to µ-law, octet by octet, and names the chirps in it."""

    def __init__(self) -> None:
        self._bits = 0  # the last LENGTH - 1 samples looked at, the newest lowest
        self._waiting = bytearray()
        self._last = (0, 0)  # the last two samples, linear
        self._position = -(LENGTH - 1)  # of the first sample among ``_bits``
        self._best: Found | None = None

    def hear(self, ulaw: bytes) -> list[Found]:
        """The chirps that are over now, and certainly the best of their surroundings."""
        self._waiting += ulaw
        found: list[Found] = []
        while len(self._waiting) >= BLOCK:
            block = self._waiting[:BLOCK]
            del self._waiting[:BLOCK]
            found += self._look(bytes(block))
        return found

    def _look(self, block: bytes) -> list[Found]:
        samples = [ULAW_TO_LINEAR[octet] for octet in block]
        window = self._bits << BLOCK | int(signs(samples, self._last), 2)
        self._last = samples[-2], samples[-1]
        ended: list[Found] = []
        for place in range(BLOCK):
            differing = (window >> (BLOCK - 1 - place) & MASK ^ TEMPLATE).bit_count()
            likeness = abs(1 - 2 * differing / LENGTH)  # a line may turn the sign of all samples
            if likeness >= LEAST:
                ended += self._note(Found(self._position + place, likeness))
        self._bits = window & MASK >> 1
        self._position += BLOCK
        if self._best is not None and self._position > self._best.position + APART:
            ended.append(self._best)
            self._best = None
        return ended

    def _note(self, candidate: Found) -> list[Found]:
        best = self._best
        if best is not None and candidate.position > best.position + APART:
            self._best = candidate
            return [best]
        if best is None or candidate.likeness > best.likeness:
            self._best = candidate
        return []
