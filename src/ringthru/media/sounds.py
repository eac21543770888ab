"""Sounds to play: WAV files and tones, as G.711 that can be cut into frames.

A sound is µ-law octets at 8000 Hz, made before it is played and off the packet path; the other law is one
``translate`` away. Tones are written as FreeSWITCH's users write them (TGML, a small part of it):
``%(2000,4000,440,480)`` is 2 s of 440 and 480 Hz and 4 s of silence; ``v=-13`` sets the volume in dB,
``l=3`` repeats what follows, ``loops=-1`` the whole, for ever.

Lives here: files and tones to octets, octets to files. Never here: opening files, timing, packets.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from io import BytesIO
from math import pi, sin
from typing import Final

from ..net.values import frozen
from .errors import MediaError
from .g711 import SAMPLE_RATE, ULAW_SILENCE, ULAW_TO_ALAW, ULAW_TO_LINEAR, linear_to_ulaw

LOUDEST: Final = 32767
VOLUME: Final = -13.0  # dB of full scale; FreeSWITCH's tones are about as loud
LONGEST_TONE: Final = 60_000  # milliseconds of one element
LONGEST: Final = 3600 * SAMPLE_RATE  # octets of one sound: an hour
MOST_LOOPS: Final = 1_000_000
RATES: Final = (1000, 192_000)  # Hz, the lowest and highest of a WAV file that we read
ELEMENT: Final = re.compile(r"%\(([^()]*)\)")
SETTING: Final = re.compile(r"(v|l|loops)=(-?\d{1,7}(?:\.\d{1,3})?)")
LEFT_OUT: Final = re.compile(r"[<>+crdw]=[-\d.]*")  # fading, and what is set elsewhere here


class BadSound(MediaError):
    """A file or a tone that cannot be played; the message says why."""


@frozen
class Sound:
    """Octets of µ-law, and how often they are said (0: until somebody stops it)."""

    ulaw: bytes
    times: int = 1

    @property
    def seconds(self) -> float:
        """The length of one time."""
        return len(self.ulaw) / SAMPLE_RATE

    def frames(self, codec: str, size: int) -> Iterator[bytes]:
        """Payloads of ``size`` octets in a codec's law; the last one ends in silence."""
        octets = self.ulaw if codec == "PCMU" else self.ulaw.translate(ULAW_TO_ALAW)
        quiet = bytes((ULAW_SILENCE,)) if codec == "PCMU" else bytes((ULAW_TO_ALAW[ULAW_SILENCE],))
        said = 0
        while octets and (not self.times or said < self.times):
            said += 1
            for start in range(0, len(octets), size):
                yield octets[start : start + size].ljust(size, quiet)


def silence_of(milliseconds: int) -> Sound:
    """Nothing, for so long; a negative length is for ever."""
    length = min(abs(milliseconds), LONGEST_TONE) if milliseconds else 0
    return Sound(bytes((ULAW_SILENCE,)) * (SAMPLE_RATE * length // 1000), 0 if milliseconds < 0 else 1)


def read_tones(text: str) -> Sound:
    """A tone as TGML.

    Raises:
        BadSound: it is none, or it is too long.
    """
    volume, repeats, times = VOLUME, 1, 1
    octets = bytearray()
    for part in filter(None, (part.strip() for part in text.split(";"))):
        setting = SETTING.fullmatch(part.lower())
        if setting is not None and setting[1] == "v":
            volume = min(float(setting[2]), 0.0)
        elif setting is not None and setting[1] == "l":
            repeats = max(int(float(setting[2])), 1)
        elif LEFT_OUT.fullmatch(part.lower()):
            continue
        elif setting is not None:
            times = max(int(float(setting[2])), 0)
        else:
            octets += _elements(part, volume, repeats)
        if len(octets) > LONGEST:
            raise BadSound(f"the tone '{text[:60]}' is longer than an hour")
    if not octets:
        raise BadSound(f"'{text[:60]}' is no tone: write %(MILLISECONDS,PAUSE,HERTZ)")
    return Sound(bytes(octets), min(times, MOST_LOOPS))


def _elements(text: str, volume: float, repeats: int) -> bytes:
    found = ELEMENT.findall(text)
    if not found or ELEMENT.sub("", text).strip(" ,"):
        raise BadSound(f"'{text[:60]}' is no tone: write %(MILLISECONDS,PAUSE,HERTZ)")
    once = b"".join(_element(each, volume) for each in found)
    if len(once) * repeats > LONGEST:
        raise BadSound(f"the tone '{text[:60]}' is longer than an hour")
    return once * repeats


def _element(text: str, volume: float) -> bytes:
    try:
        on, off, *hertz = [float(word) for word in text.split(",")]
    except ValueError:
        raise BadSound(f"'{text[:60]}' is not MILLISECONDS,PAUSE,HERTZ") from None
    if not (0 <= on <= LONGEST_TONE and 0 <= off <= LONGEST_TONE):
        raise BadSound(f"a tone lasts 0 to {LONGEST_TONE} ms, its pause too; not '{text[:60]}'")
    if not hertz or not all(0 < each < SAMPLE_RATE / 2 for each in hertz[:4]):
        raise BadSound(f"a tone has one to four frequencies below {SAMPLE_RATE // 2} Hz; not '{text[:60]}'")
    pause = bytes((ULAW_SILENCE,)) * int(off * SAMPLE_RATE / 1000)
    return _wave(hertz[:4], int(on * SAMPLE_RATE / 1000), volume) + pause


def _wave(hertz: Sequence[float], samples: int, volume: float) -> bytes:
    """A sum of sines. One second is reckoned; whole frequencies repeat after it, unbroken."""
    amplitude = LOUDEST * 10 ** (volume / 20) / len(hertz)
    steps = [2 * pi * each / SAMPLE_RATE for each in hertz]
    whole = all(each == int(each) for each in hertz)
    length = min(samples, SAMPLE_RATE) if whole else samples
    second = bytes(
        linear_to_ulaw(round(amplitude * sum(sin(step * index) for step in steps))) for index in range(length)
    )
    return (second * (samples // max(length, 1) + 1))[:samples]


def read_wav(data: bytes) -> Sound:
    """A WAV file: PCM of 8, 16, 24 or 32 bits, any rate; several channels are mixed.

    Raises:
        BadSound: it is no such file, or longer than an hour.
    """
    import wave  # late: the start is a budget

    try:
        with wave.open(BytesIO(data)) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if not RATES[0] <= rate <= RATES[1] or file.getnframes() / rate * SAMPLE_RATE > LONGEST:
                raise BadSound(f"a WAV file of {rate} Hz and {file.getnframes()} frames is not played")
            octets = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError, RuntimeError, ArithmeticError, ValueError) as error:
        raise BadSound(f"not a WAV file of PCM: {error or 'it ends too early'}") from error
    samples = _mixed(_samples(octets, width), channels)
    return Sound(bytes(linear_to_ulaw(each) for each in _at_our_rate(samples, rate)))


def _samples(octets: bytes, width: int) -> Sequence[int]:
    """16-bit samples out of little-endian ones of ``width`` octets; the lower octets are left off."""
    if width == 1:
        return [(each - 128) << 8 for each in octets]  # 8 bits are unsigned in WAV files
    whole = octets[: len(octets) // width * width]
    high = bytearray(len(whole) // width * 2)
    high[0::2], high[1::2] = whole[width - 2 :: width], whole[width - 1 :: width]
    samples = array("h", bytes(high))
    if array("H", [1]).tobytes() != b"\x01\x00":
        samples.byteswap()
    return samples


def _mixed(samples: Sequence[int], channels: int) -> Sequence[int]:
    if channels == 1:
        return samples
    parts = [samples[each::channels] for each in range(channels)]
    return [sum(together) // channels for together in zip(*parts, strict=False)]


def _at_our_rate(samples: Sequence[int], rate: int) -> Iterator[int]:
    """Averages of what falls on one sample of ours; the nearest one where the file is slower than we are."""
    if rate == SAMPLE_RATE:
        yield from samples
        return
    for index in range(len(samples) * SAMPLE_RATE // rate):
        start = index * rate // SAMPLE_RATE
        end = max((index + 1) * rate // SAMPLE_RATE, start + 1)
        part = samples[start:end]
        yield sum(part) // len(part)


def linear_of(ulaw: bytes) -> bytes:
    """µ-law as little-endian 16-bit samples: what a WAV file of ours holds."""
    samples = array("h", [ULAW_TO_LINEAR[octet] for octet in ulaw])
    if array("H", [1]).tobytes() != b"\x01\x00":
        samples.byteswap()
    return samples.tobytes()
