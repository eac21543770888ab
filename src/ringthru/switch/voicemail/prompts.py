"""Prompts of ours, put together to sentences: sounds by FreeSWITCH's names, numbers word by word.

A file of the same name in ``sounds_dir`` is played in place of ours.
Lives here: which words make a sentence.
Never here: when it is said, the files (``docs/speak.py`` makes them).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...media import BadSound
from ..audio.phrases import KEYS, number
from ..audio.sound_files import SEVERAL
from ..dialplan import sounding

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from .values import Counts


def voice(name: str) -> str:
    return f"voicemail/vm-{name}.wav"


def digits(text: str) -> list[str]:
    """Key by key; what is no key is left out."""
    names = (KEYS.get(each, each) for each in text if each.isdigit() or each in KEYS)
    return [f"digits/{each}.wav" for each in names]


def there_are(counts: Counts) -> list[str]:
    """``You have 2 new and 1 saved messages.``"""
    if not counts.new and not counts.saved:
        return [voice("you_have"), voice("no_more_messages")]
    parts = [(counts.new, "new"), (counts.saved, "saved")]
    said = [[*number(count), voice(word)] for count, word in parts if count]
    single = (counts.saved or counts.new) == 1
    return [
        voice("you_have"),
        *(said[0] if len(said) == 1 else [*said[0], voice("and"), *said[1]]),
        voice("message" if single else "messages"),
    ]


def joined(names: Iterable[str]) -> str:
    """Several sounds as one."""
    return SEVERAL + "!".join(names)


async def say(channel: Channel, names: Iterable[str], keys: str | None = None) -> bool:
    """Say sounds in a row; False when one of ``keys`` ended it, or the caller is gone.

    None is any key, which stays to be read: whoever knows the way presses ahead. A sound that cannot be
    played is a line of the log.
    """
    try:
        return await sounding.play(channel, joined(names), keys or "", asking=keys is None)
    except BadSound as error:
        channel.log.error("voicemail: %s", error)
        return not channel.gone.is_set()
