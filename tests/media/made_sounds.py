"""Sounds that are no signal of ours: noise, somebody who talks, steady tones."""

from __future__ import annotations

import math
import random

from ringthru.media.sound.g711 import SAMPLE_RATE

LASTS = 12_000  # samples


def noise(level: float, length: int = LASTS) -> list[int]:
    source = random.Random(7)
    return [round(source.gauss(0, level)) for _ in range(length)]


def voice(level: float, length: int) -> list[int]:
    """Pulses of a changing pitch through a changing resonance: as unsteady as somebody who talks."""
    source, out, phase, before, last = random.Random(3), [], 0.0, 0.0, 0.0
    for number in range(length):
        if number % 1600 == 0:
            pitch, formant = source.uniform(90, 220), source.uniform(300, 900)
            loud = source.choice([0.2, 1.0, 1.0, 0.6])
        phase += pitch / SAMPLE_RATE
        pulse, phase = (1.0, phase - 1) if phase >= 1 else (0.0, phase)
        bent = 2 * 0.97 * math.cos(2 * math.pi * formant / SAMPLE_RATE) * last - 0.97**2 * before
        before, last = last, pulse + source.gauss(0, 0.02) + bent
        out.append(last * loud)
    scale = level / math.sqrt(sum(each * each for each in out) / length)
    return [max(-32000, min(round(each * scale), 32000)) for each in out]


def sines(length: int, *hertz: float) -> list[int]:
    return [
        round(sum(4000 * math.sin(2 * math.pi * each * at / SAMPLE_RATE) for each in hertz))
        for at in range(length)
    ]
