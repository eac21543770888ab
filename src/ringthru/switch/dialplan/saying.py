"""The applications that put sounds together: ``phrase`` and ``say``.

Lives here: their data. Never here: which sounds make a phrase or a number (``audio/phrases``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from ..audio.phrases import PREFIX, said
from ..audio.sound_files import SEVERAL
from . import sounding

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel


async def phrase(calls: Calls, channel: Channel, data: str) -> None:
    """``MACRO[,DATA]``: a phrase of the tree."""
    await sounding.playback(calls, channel, f"{PREFIX}{data.strip()}")


async def say(calls: Calls, channel: Channel, data: str) -> None:
    """``MODULE TYPE METHOD [GENDER] TEXT``: a number in words, or something spelled out, in English."""
    words = data.split(None, 3)
    if len(words) < 4:
        channel.log.error("say %s: MODULE TYPE METHOD TEXT are needed", data[:80])
        return
    _, kind, method, text = words
    gender, _, rest = text.partition(" ")
    if gender.lower() in GENDERS and rest:
        text = rest
    sounds = said(text, kind.lower(), method.lower())
    if not sounds:
        channel.log.error("say %s: there is nothing in it that can be said here", data[:80])
        return
    await sounding.playback(calls, channel, SEVERAL + "!".join(sounds))


GENDERS: Final = ("masculine", "feminine", "neuter")
APPLICATIONS: Final[Mapping[str, Callable[[Calls, Channel, str], Awaitable[None]]]] = {
    "phrase": phrase,
    "say": say,
}
