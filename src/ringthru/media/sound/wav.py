"""WAV files (RIFF): PCM of 8 to 32 bits, floats, both laws of G.711, any rate, several channels, to sounds.

Lives here: the chunks, and the samples in them. Never here: opening files, playing.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from sys import byteorder
from typing import Final, TypeVar

from ...net.values import frozen
from .g711 import ALAW_TO_LINEAR, SAMPLE_RATE, ULAW_TO_LINEAR
from .narrowing import Narrowing, within
from .sounds import LONGEST, BadSound, Sound

CHUNK: Final = Struct("<4sI")
FORMAT: Final = Struct("<HHIIHH")  # tag, channels, rate, octets a second, block, bits of a sample
PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE  # RFC 2361; the last has its real tag 24 octets on
SIZES: Final = {PCM: (1, 2, 3, 4), FLOAT: (4, 8), ALAW: (1,), ULAW: (1,)}  # octets of a sample
Number = TypeVar("Number", int, float)
LAWS: Final = {ALAW: ALAW_TO_LINEAR, ULAW: ULAW_TO_LINEAR}


@frozen
class _Format:
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes) -> Sound:
    """The sound of a WAV file; several channels are mixed.

    Raises:
        BadSound: it is no such file, none that can be played here, or longer than an hour.
    """
    kind, octets = _chunks(data)
    size = (kind.bits + 7) // 8
    if size not in SIZES.get(kind.tag, ()) or not within(kind.rate, kind.channels):
        what = f"format {kind.tag}, {kind.bits} bits, {kind.rate} Hz, {kind.channels} channels"
        raise BadSound(f"a WAV file of {what} is not played: PCM, floats, A-law and µ-law are")
    frame = size * kind.channels
    if len(octets) // frame * SAMPLE_RATE > LONGEST * kind.rate:
        raise BadSound("a WAV file of more than an hour is not played")
    if kind.tag == ULAW and kind.channels == 1 and kind.rate == SAMPLE_RATE:
        return Sound(bytes(octets))
    narrowing, second = Narrowing(kind.rate, kind.channels), frame * kind.rate
    seconds = (octets[start : start + second] for start in range(0, len(octets), second))
    return Sound(b"".join(narrowing.ulaw(_samples(bytes(each), kind.tag, size)) for each in seconds))


def _chunks(data: bytes) -> tuple[_Format, memoryview]:
    """The format and the octets of the sound; a file that was never finished is read to its end."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadSound("not a WAV file")
    kind, at = None, 12
    while at + CHUNK.size <= len(data):
        name, size = CHUNK.unpack_from(data, at)
        at += CHUNK.size
        if name == b"fmt ":
            kind = _format(data[at : at + size])
        elif name == b"data" and kind is not None:
            return kind, memoryview(data)[at : at + size]
        at += size + size % 2  # chunks begin at even places
    raise BadSound("not a WAV file: it ends before its sound begins")


def _format(chunk: bytes) -> _Format:
    if len(chunk) < FORMAT.size:
        raise BadSound("not a WAV file: it does not say its format")
    tag, channels, rate, _, _, bits = FORMAT.unpack_from(chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = int.from_bytes(chunk[24:26], "little")
    return _Format(tag, channels, rate, bits)


def _samples(octets: bytes, tag: int, size: int) -> Sequence[int]:
    """16-bit samples; of longer ones the lower octets are left off."""
    whole = octets[: len(octets) // size * size]
    if tag in LAWS:
        return array("h", map(LAWS[tag].__getitem__, whole))
    if tag == FLOAT:
        return _of_floats(array("f" if size == 4 else "d", whole))
    if size == 1:
        return [(each - 128) << 8 for each in whole]  # 8 bits are unsigned in WAV files
    high = bytearray(len(whole) // size * 2)
    high[0::2], high[1::2] = whole[size - 2 :: size], whole[size - 1 :: size]
    return _in_our_order(array("h", bytes(high)))


def _of_floats(samples: array[float]) -> Sequence[int]:
    """Full scale is 1.0; what is beyond it is clipped, and what is no number with it."""
    return [int(32767 * max(min(1.0, each), -1.0)) for each in _in_our_order(samples)]


def _in_our_order(samples: array[Number]) -> array[Number]:
    if byteorder == "big":
        samples.byteswap()
    return samples
