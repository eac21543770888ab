"""What a scripted phone hears, by its frequencies."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ringthru.media import linear_of, tone
from ringthru.media.sound.tones import tone_share

from .phones import PhoneCall
from .waiting import eventually

FRAMES = 20  # that are judged together: 0.4 s


def share(call: PhoneCall, frequency: float) -> float:
    """Of what the phone heard last, how much is at a frequency."""
    frames = [payload for payload, _ in call.audio.heard][-FRAMES:]
    return tone_share(frames, frequency) if len(frames) == FRAMES else 0.0


async def hears_tone(call: PhoneCall, frequency: float, at_least: float = 0.5) -> None:
    await eventually(lambda: share(call, frequency) >= at_least, f"{call.phone.user} hears no {frequency} Hz")


async def hears_no_more_of(call: PhoneCall, frequency: float) -> None:
    """The next frames that come have nothing of it, or none come for a while."""
    call.audio.heard.clear()
    await eventually(
        lambda: len(call.audio.heard) >= FRAMES and share(call, frequency) < 0.05,
        f"{call.phone.user} still hears {frequency} Hz",
    )


@asynccontextmanager
async def humming(
    call: PhoneCall, frequency: float, codec: str = "PCMU", swapped: bool = False
) -> AsyncIterator[None]:
    """The phone hums, a frame every 20 ms; ``swapped``: each second one overtakes the first."""

    async def hum() -> None:
        loop, frames, at = asyncio.get_running_loop(), tone(frequency, 1.0, codec), 0
        began = loop.time()
        while True:
            if swapped:
                call.say_swapped(frames[at % len(frames)], frames[(at + 1) % len(frames)])
                at += 2
            else:
                call.say(frames[at % len(frames)])
                at += 1
            await asyncio.sleep(max(began + at * 0.02 - loop.time(), 0))

    task = asyncio.create_task(hum())
    try:
        yield
    finally:
        task.cancel()


def write_wav(path: Path, seconds: float, frequency: float) -> None:

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(linear_of(b"".join(tone(frequency, seconds))))
