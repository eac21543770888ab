"""G.711: µ-law and A-law octets, linear samples, and the way between the two laws.

Lives here: arithmetic and the tables made from it. Linear samples are signed 16-bit.
Never here: timing, packets, payload types.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

SAMPLE_RATE: Final = 8000  # Hz
ULAW_SILENCE: Final = 0xFF  # the octet of a zero sample
ALAW_SILENCE: Final = 0xD5
BIAS: Final = 132  # 33 of the 14-bit definition, in 16 bits
CLIP: Final = 32635  # the largest magnitude that takes the bias and still fits


def linear_to_ulaw(sample: int) -> int:
    """One µ-law octet for a sample; what does not fit is clipped."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), CLIP) + BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> segment + 3 & 0x0F) & 0xFF


def ulaw_to_linear(octet: int) -> int:
    octet = ~octet & 0xFF
    segment = octet >> 4 & 7
    magnitude = ((octet & 0x0F) << 3 | 0x84) << segment
    return BIAS - magnitude if octet & 0x80 else magnitude - BIAS


def linear_to_alaw(sample: int) -> int:
    """One A-law octet for a sample; what does not fit is clipped."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(sample if sample >= 0 else ~sample, 32767)
    segment = max((magnitude >> 4).bit_length() - 4, 0)
    return (sign | segment << 4 | magnitude >> max(segment, 1) + 3 & 0x0F) ^ 0x55


def alaw_to_linear(octet: int) -> int:
    octet ^= 0x55
    segment = octet >> 4 & 7
    magnitude = (octet & 0x0F) << 4 | 8
    if segment:
        magnitude = (magnitude | 0x100) << segment - 1
    return magnitude if octet & 0x80 else -magnitude


@cache
def ulaw_table() -> list[int]:
    """The octet of each 16-bit sample; negative ones count from the end, as Python's lists do."""
    return [linear_to_ulaw(sample if sample < 1 << 15 else sample - (1 << 16)) for sample in range(1 << 16)]


ULAW_TO_LINEAR: Final = tuple(ulaw_to_linear(octet) for octet in range(256))
ALAW_TO_LINEAR: Final = tuple(alaw_to_linear(octet) for octet in range(256))
# For bytes.translate: a whole payload changes law in one call.
ULAW_TO_ALAW: Final = bytes(linear_to_alaw(sample) for sample in ULAW_TO_LINEAR)
ALAW_TO_ULAW: Final = bytes(linear_to_ulaw(sample) for sample in ALAW_TO_LINEAR)
G711: Final = frozenset(("PCMU", "PCMA"))
TRANSCODE: Final = {("PCMU", "PCMA"): ULAW_TO_ALAW, ("PCMA", "PCMU"): ALAW_TO_ULAW}


def encode(samples: Iterable[int], codec: str) -> bytes:
    """Samples as octets of ``PCMU`` or ``PCMA``."""
    one = linear_to_ulaw if codec == "PCMU" else linear_to_alaw
    return bytes(one(sample) for sample in samples)


def decode(payload: bytes, codec: str) -> list[int]:
    """The samples of a ``PCMU`` or ``PCMA`` payload."""
    table = ULAW_TO_LINEAR if codec == "PCMU" else ALAW_TO_LINEAR
    return [table[octet] for octet in payload]


def silence(codec: str, octets: int) -> bytes:
    """So many octets of nothing."""
    return bytes((ULAW_SILENCE if codec == "PCMU" else ALAW_SILENCE,)) * octets
