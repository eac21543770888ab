"""WAV files (RIFF): PCM of 8 to 32 bits and both laws of G.711, any rate, any number of channels, to sounds.

Lives here: the chunks, and the samples in them. Never here: opening files, playing.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from sys import byteorder
from typing import Final

from ...net.values import frozen
from .g711 import ALAW_TO_LINEAR, SAMPLE_RATE, ULAW_TO_LINEAR, ulaw_table
from .sounds import LONGEST, BadSound, Sound

RATES: Final = (1000, 192_000)  # Hz, the lowest and highest that we read
CHANNELS: Final = 8
CHUNK: Final = Struct("<4sI")
FORMAT: Final = Struct("<HHIIHH")  # tag, channels, rate, octets a second, block, bits of a sample
PCM, ALAW, ULAW, EXTENSIBLE = 1, 6, 7, 0xFFFE  # RFC 2361; the last has its real tag 24 octets on
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
    known = (kind.tag == PCM and size in (1, 2, 3, 4)) or (kind.tag in LAWS and size == 1)
    if not known or not 1 <= kind.channels <= CHANNELS or not RATES[0] <= kind.rate <= RATES[1]:
        what = f"format {kind.tag}, {kind.bits} bits, {kind.rate} Hz, {kind.channels} channels"
        raise BadSound(f"a WAV file of {what} is not played: PCM, A-law and µ-law are")
    if len(octets) // (size * kind.channels) * SAMPLE_RATE > LONGEST * kind.rate:
        raise BadSound("a WAV file of more than an hour is not played")
    if kind.tag == ULAW and kind.channels == 1 and kind.rate == SAMPLE_RATE:
        return Sound(octets)
    samples = _at_our_rate(_mixed(_samples(octets, kind.tag, size), kind.channels), kind.rate)
    return Sound(bytes(map(ulaw_table().__getitem__, samples)))


def _chunks(data: bytes) -> tuple[_Format, bytes]:
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
            return kind, data[at : at + size]
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
    if tag in LAWS:
        return array("h", map(LAWS[tag].__getitem__, octets))
    if size == 1:
        return [(each - 128) << 8 for each in octets]  # 8 bits are unsigned in WAV files
    whole = octets[: len(octets) // size * size]
    high = bytearray(len(whole) // size * 2)
    high[0::2], high[1::2] = whole[size - 2 :: size], whole[size - 1 :: size]
    samples = array("h", bytes(high))
    if byteorder == "big":
        samples.byteswap()
    return samples


def _mixed(samples: Sequence[int], channels: int) -> Sequence[int]:
    if channels == 1:
        return samples
    parts = [samples[each::channels] for each in range(channels)]
    return [sum(together) // channels for together in zip(*parts, strict=False)]


def _at_our_rate(samples: Sequence[int], rate: int) -> Sequence[int]:
    """Averages of what falls on one sample of ours; the nearest one where the file is slower than we are."""
    if rate == SAMPLE_RATE:
        return samples
    out = array("h")
    for index in range(len(samples) * SAMPLE_RATE // rate):
        start = index * rate // SAMPLE_RATE
        end = max((index + 1) * rate // SAMPLE_RATE, start + 1)
        part = samples[start:end]
        out.append(sum(part) // len(part))
    return out
