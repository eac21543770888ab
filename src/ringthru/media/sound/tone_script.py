"""Tones as FreeSWITCH's users write them (TGML, of its ``tone_stream``), to sounds.

A script is a list of parts with ``;`` between them:

================  ==================================================================================
``%(2000,4000,440,480)``  2 s of 440 and 480 Hz together, then 4 s of silence; several may follow each other
``12#``           the keys of a telephone, as DTMF
``v=-13``         the volume of what follows, in dB of full scale
``d=`` ``w=``     how long a key lasts, and the pause after it, in milliseconds
``l=3``           each part that follows is said three times
``L=3`` ``loops=3``  the whole is said three times; -1: until somebody stops it
================  ==================================================================================

Fading (``>=``, ``<=``, ``+=``), ``r=`` and ``c=`` are passed over: rate and channels are the call's.

Lives here: the script and its sines. Never here: files, timing, packets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sin
from typing import Final

from .g711 import SAMPLE_RATE, ULAW_SILENCE, linear_to_ulaw
from .sounds import LONGEST, BadSound, Sound

LOUDEST: Final = 32767
VOLUME: Final = -13.0  # dB of full scale; FreeSWITCH's tones are about as loud
QUIETEST: Final = -63.0  # dB
LONGEST_TONE: Final = 60_000  # milliseconds of one element
LONGEST_SCRIPT: Final = 10_000  # characters
MOST_TONES: Final = 18  # frequencies at once; FreeSWITCH's limit too
MOST_LOOPS: Final = 1_000_000
KEY_LASTS, KEY_PAUSE = 250.0, 50.0  # milliseconds
ELEMENT: Final = re.compile(r"%\(([^()]*)\)")
SETTING: Final = re.compile(r"(v|d|w|l|L|loops)=(-?\d{1,7}(?:\.\d{1,3})?)")
LEFT_OUT: Final = re.compile(r"[<>+cr]=[-\d.]*")
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)  # Hz (ITU-T Q.23)
DTMF: Final = {key: (ROWS[at // 4], COLUMNS[at % 4]) for at, key in enumerate("123A456B789C*0#D")}
HOW: Final = "write %(MILLISECONDS,PAUSE,HERTZ), or keys of a telephone"


@dataclass(slots=True)
class _Settings:
    volume: float = VOLUME
    lasts: float = KEY_LASTS
    pause: float = KEY_PAUSE
    repeats: int = 1
    times: int = 1

    def set(self, name: str, value: float) -> None:
        match name:
            case "v":
                self.volume = max(min(value, 0.0), QUIETEST)
            case "d":
                self.lasts = value
            case "w":
                self.pause = value
            case "l":
                self.repeats = max(int(value), 1)
            case _:
                self.times = min(max(int(value), 0), MOST_LOOPS)  # -1 and 0: for ever


def read_tones(text: str) -> Sound:
    """The sound of a script.

    Raises:
        BadSound: it is none, or it is too long.
    """
    settings, octets = _Settings(), bytearray()
    if len(text) > LONGEST_SCRIPT:
        raise BadSound(f"a tone of {len(text)} characters is too long: {LONGEST_SCRIPT} at most")
    for part in filter(None, (part.strip() for part in text.split(";"))):
        if (setting := SETTING.fullmatch(part)) is not None:
            settings.set(setting[1], float(setting[2]))
        elif LEFT_OUT.fullmatch(part) is None:
            octets += _part(part, settings, LONGEST - len(octets))
    if not octets:
        raise BadSound(f"'{text[:60]}' is no tone: {HOW}")
    return Sound(bytes(octets), settings.times)


def _part(text: str, settings: _Settings, room: int) -> bytes:
    found = ELEMENT.findall(text)
    if found and not ELEMENT.sub("", text).strip(" ,"):
        elements = [_numbers(each) for each in found]
    elif text.strip("0123456789*#ABCD") == "":
        elements = [(settings.lasts, settings.pause, DTMF[key]) for key in text]
    else:
        raise BadSound(f"'{text[:60]}' is no tone: {HOW}")
    length = sum(on + off for on, off, _ in elements) * settings.repeats
    if length * SAMPLE_RATE / 1000 > room:
        raise BadSound(f"the tone '{text[:60]}' is longer than an hour")
    return b"".join(_element(*each, settings.volume) for each in elements) * settings.repeats


def _numbers(text: str) -> tuple[float, float, Sequence[float]]:
    """How long it is heard, the pause after it, and the frequencies."""
    try:
        on, off, *hertz = [float(word) for word in text.split(",") if word.strip()]
    except ValueError:
        raise BadSound(f"'{text[:60]}' is not MILLISECONDS,PAUSE,HERTZ") from None
    if not (0 <= on <= LONGEST_TONE and 0 <= off <= LONGEST_TONE):
        raise BadSound(f"a tone lasts 0 to {LONGEST_TONE} ms, its pause too; not '{text[:60]}'")
    if not 0 < len(hertz) <= MOST_TONES or not all(0 < each < SAMPLE_RATE / 2 for each in hertz):
        raise BadSound(
            f"a tone has 1 to {MOST_TONES} frequencies below {SAMPLE_RATE // 2} Hz; not '{text[:60]}'"
        )
    return on, off, hertz


def _element(on: float, off: float, hertz: Sequence[float], volume: float) -> bytes:
    pause = bytes((ULAW_SILENCE,)) * int(max(off, 0) * SAMPLE_RATE / 1000)
    return _wave(hertz, int(max(on, 0) * SAMPLE_RATE / 1000), volume) + pause


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
