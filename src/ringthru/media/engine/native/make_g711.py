"""Writes ``g711.c``: the tables of ``media/sound/g711.py`` as C. A test writes it again and compares."""

from __future__ import annotations

from ringthru.media.sound.g711 import ALAW_SILENCE, ALAW_TO_ULAW, ULAW_SILENCE, ULAW_TO_ALAW

TEXT = """/* Written by make_g711.py. */
#include "g711.h"

static const uint8_t ULAW_TO_ALAW[256] = {{
{ulaw_to_alaw}
}};

static const uint8_t ALAW_TO_ULAW[256] = {{
{alaw_to_ulaw}
}};

void rt_ulaw_to_alaw(uint8_t *to, const uint8_t *from, size_t size) {{
    for (size_t index = 0; index < size; index++)
        to[index] = ULAW_TO_ALAW[from[index]];
}}

void rt_alaw_to_ulaw(uint8_t *to, const uint8_t *from, size_t size) {{
    for (size_t index = 0; index < size; index++)
        to[index] = ALAW_TO_ULAW[from[index]];
}}

uint8_t rt_silence_of(uint8_t codec) {{ return codec == RT_PCMA ? {alaw} : {ulaw}; }}
"""


def rows(table: bytes) -> str:
    lines = [", ".join(str(each) for each in table[start : start + 16]) for start in range(0, 256, 16)]
    return "\n".join(f"    {line}," for line in lines)


def source() -> str:
    """The text of ``g711.c``."""
    return TEXT.format(
        ulaw_to_alaw=rows(ULAW_TO_ALAW),
        alaw_to_ulaw=rows(ALAW_TO_ULAW),
        alaw=ALAW_SILENCE,
        ulaw=ULAW_SILENCE,
    )


if __name__ == "__main__":
    print(source(), end="")
