"""Sounds to play, as G.711 that can be cut into frames.

A sound is µ-law octets at 8000 Hz, made before it is played and off the packet path; the other law is one
``translate`` away.

Lives here: the value, and its way back to samples. Never here: where the octets come from (``wav``,
``tone_script``), timing, packets.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from sys import byteorder
from typing import Final

from ...net.values import frozen
from ..errors import MediaError
from .g711 import SAMPLE_RATE, ULAW_SILENCE, ULAW_TO_ALAW, ULAW_TO_LINEAR

LONGEST: Final = 3600 * SAMPLE_RATE  # octets of one sound: an hour
LONGEST_SILENCE: Final = 60_000  # milliseconds


class BadSound(MediaError):
    """A file or a tone that cannot be played; the message says why."""


@frozen
class Sound:
    """Octets of µ-law, and how often they are said (0: until somebody stops it).

    ``start`` is the octet that the first time begins with: whoever joins a stream hears it where it is.
    """

    ulaw: bytes
    times: int = 1
    start: int = 0

    @property
    def seconds(self) -> float:
        """The length of one time."""
        return len(self.ulaw) / SAMPLE_RATE

    def frames(self, codec: str, size: int) -> Iterator[bytes]:
        """Payloads of ``size`` octets in a codec's law; the last one of each time ends in silence."""
        octets = self.ulaw if codec == "PCMU" else self.ulaw.translate(ULAW_TO_ALAW)
        quiet = bytes((ULAW_SILENCE,)) if codec == "PCMU" else bytes((ULAW_TO_ALAW[ULAW_SILENCE],))
        said, first = 0, self.start if self.start < len(octets) else 0
        while octets and (not self.times or said < self.times):
            said += 1
            for start in range(first, len(octets), size):
                yield octets[start : start + size].ljust(size, quiet)
            first = 0


def silence_of(milliseconds: int) -> Sound:
    """Nothing, for so long; a negative length is for ever."""
    length = min(abs(milliseconds), LONGEST_SILENCE)
    return Sound(bytes((ULAW_SILENCE,)) * (SAMPLE_RATE * length // 1000), 0 if milliseconds < 0 else 1)


def linear_of(ulaw: bytes) -> bytes:
    """µ-law as little-endian 16-bit samples: what a WAV file of ours holds."""
    samples = array("h", map(ULAW_TO_LINEAR.__getitem__, ulaw))
    if byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
