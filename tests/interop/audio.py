"""Sounds for the tests to send, and how to find them again in what came back."""

from __future__ import annotations

import math
import wave
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

RATE = 8000  # samples per second, of everything here
HEADER = 44  # bytes of a file with one plain format and its samples
FRAME = 160  # samples in the usual 20 ms packet


def _expand(octet: int) -> int:
    """One µ-law octet as a linear sample (ITU-T G.711, table 2a)."""
    octet ^= 0xFF
    magnitude = ((((octet & 0x0F) << 3) + 0x84) << ((octet & 0x70) >> 4)) - 0x84
    return -magnitude if octet & 0x80 else magnitude


LINEAR = [_expand(octet) for octet in range(256)]
LADDER = sorted((sample, octet) for octet, sample in enumerate(LINEAR))
STEPS = [sample for sample, _ in LADDER]


def tone(frequency: float, seconds: float, level: float = 0.3) -> list[int]:
    """A sine, as linear 16-bit samples."""
    turn = 2 * math.pi * frequency / RATE
    return [round(32767 * level * math.sin(turn * n)) for n in range(int(seconds * RATE))]


def sweep(start: float, end: float, seconds: float) -> list[int]:
    """A rising tone: no two packets of it are alike, so that each one can be told from the others."""
    count = int(seconds * RATE)
    slope = (end - start) / (2 * count)
    return [
        round(9000 * math.sin(2 * math.pi * (start + slope * n) * n / RATE)) + n % 251 for n in range(count)
    ]


def to_ulaw(samples: Sequence[int]) -> bytes:
    """Linear samples to G.711 µ-law, each to the next step of the ladder."""
    return bytes(LADDER[min(bisect_left(STEPS, sample), 255)][1] for sample in samples)


def from_ulaw(octets: bytes) -> list[int]:
    return [LINEAR[octet] for octet in octets]


def write_wav(path: Path, samples: Sequence[int]) -> None:
    with wave.open(str(path), "wb") as sink:
        sink.setparams((1, 2, RATE, 0, "NONE", ""))
        sink.writeframes(array("h", samples).tobytes())


def read_wav(path: Path) -> list[int]:
    """The samples of a 16-bit mono file, also of one whose writer has not filled in its header (yet)."""
    body = path.read_bytes()[HEADER:]
    return list(array("h", body[: len(body) // 2 * 2]))


def recorded(path: Path) -> tuple[int, list[int]]:
    """The samples per second of such a file, and those of its first channel."""
    head = path.read_bytes()[:HEADER]
    channels, rate = (int.from_bytes(head[place], "little") for place in (slice(22, 24), slice(24, 28)))
    return rate, read_wav(path)[:: max(channels, 1)]


def share_of_tone(samples: Sequence[int], frequency: float) -> float:
    """How much of the power is in one frequency: 1.0 for the pure tone, near 0 without it (Goertzel)."""
    power = sum(sample * sample for sample in samples)
    if not power:
        return 0.0
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    found = before * before + last * last - factor * before * last
    return 2 * found / (len(samples) * power)


def best_share(samples: Sequence[int], frequency: float, seconds: float = 0.2) -> float:
    """The largest share of the tone in any stretch of ``seconds``; pauses around it do not count."""
    size = int(seconds * RATE)
    stretches = range(0, max(len(samples) - size, 0) + 1, size // 2)
    return max((share_of_tone(samples[at : at + size], frequency) for at in stretches), default=0.0)


def correlation(sent: Sequence[int], heard: Sequence[int], reach: float = 1.0) -> tuple[float, float]:
    """How alike two sounds are at best, 0 to 1, and how many seconds later the second is, up to ``reach``.

    It is earlier (below 0) where its beginning is missing: what was said before anybody listened.

    One stretch of half a second from the middle of what was sent is looked for, in steps of a packet's eighth
    first and then sample by sample, so ``sent`` should change all the time as a sweep does.
    """
    size = RATE // 2
    start = max((len(sent) - size) // 2, 0)
    wanted = sent[start : start + size]
    places = range(min(start + int(reach * RATE), len(heard) - size) + 1)
    if not wanted or not len(places):
        return 0.0, 0.0
    rough = max(places[:: FRAME // 8], key=lambda at: _likeness(wanted[::8], heard[at : at + size : 8]))
    near = [at for at in range(rough - FRAME // 8, rough + FRAME // 8 + 1) if at in places]
    best, place = max((_likeness(wanted, heard[at : at + size]), at) for at in near)
    return best, (place - start) / RATE


def _likeness(one: Sequence[int], other: Sequence[int]) -> float:
    both = sum(a * b for a, b in zip(one, other, strict=True))
    power = sum(a * a for a in one) * sum(b * b for b in other)
    return both / math.sqrt(power) if power else 0.0
