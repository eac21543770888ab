"""Asking a caller for keys: ``play_and_get_digits``, ``read``, and whatever else needs an answer by keys.

Lives here: prompts, patience, what counts as an answer. Never here: how keys arrive (``dtmf``).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from ...media import BadSound
from ..configuration.expressions import compile_expression
from ..variable_names import variable_name
from ..waiting import first_of
from ..words import words_of
from . import sounding

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

MOST_KEYS: Final = 128
MOST_TRIES: Final = 100
USUAL_WAIT: Final = 5.0  # seconds
LONGEST_WAIT: Final = 600.0
NO_SOUND: Final = frozenset(("", "silence", "none"))


async def ask(
    channel: Channel, prompt: str, most: int, wait: float, ends: str = "#", between: float | None = None
) -> str:
    """Say something and read keys: ``most`` of them, or until one of ``ends``, or none comes for ``wait``.

    ``between`` is the wait from one key to the next, in seconds; ``wait`` unless given. Whatever was pressed
    is returned; ``read_terminator_used`` is the key that ended it.
    """
    channel.variables.pop("read_terminator_used", None)
    if prompt not in NO_SOUND:
        try:
            await sounding.play(channel, prompt, asking=True)
        except BadSound as error:
            channel.log.error("%s: %s", channel.application.partition("(")[0], error)
    keys = ""
    while len(keys) < most:
        key = await _next_key(channel, wait if not keys or between is None else between)
        if key in ends:  # none at all is in every text
            if key:
                channel.variables["read_terminator_used"] = key
            break
        keys += key
    return keys


async def _next_key(channel: Channel, wait: float) -> str:
    """The next one; empty when none comes in time, or the channel is gone."""
    try:
        async with asyncio.timeout(wait):
            while not channel.digits and not channel.gone.is_set():
                channel.digit_came.clear()
                await first_of(channel.digit_came, channel.gone)
    except TimeoutError:
        return ""
    return channel.digits.popleft() if channel.digits else ""


async def play_and_get_digits(calls: Calls, channel: Channel, data: str) -> None:
    """``MIN MAX TRIES MILLISECONDS ENDS FILE BAD_FILE [VARIABLE [PATTERN [MILLISECONDS [EXTENSION…]]]]``.

    Ask until the keys match; VARIABLE holds them then. After the last try the call goes to EXTENSION, if
    there is one (``EXTENSION DIALPLAN CONTEXT``, quoted).
    """
    words = [*words_of(data)]
    if len(words) < 7:
        channel.log.error("play_and_get_digits %s: MIN MAX TRIES MILLISECONDS ENDS FILE BAD_FILE", data[:80])
        return
    least, most = _count(words[0], MOST_KEYS), _count(words[1], MOST_KEYS)
    tries = _count(words[2], MOST_TRIES)
    wait, ends, prompt, bad = _seconds(words[3]), _ends(words[4]), words[5], words[6]
    name, pattern, between, elsewhere = (*words[7:11], *("",) * 4)[:4]
    channel.digits.clear()
    for _ in range(max(tries, 1)):
        keys = await ask(channel, prompt, max(most, 1), wait, ends, _seconds(between) if between else None)
        if channel.gone.is_set():
            return
        if len(keys) >= least and _fits(channel, keys, pattern):
            channel.variables[variable_name(name or "digits")] = keys
            return
        if name:
            channel.variables[variable_name(f"{name}_invalid")] = keys
        if bad not in NO_SOUND:
            await ask(channel, bad, 0, 0.0)
    if name:
        channel.variables.pop(name.lower(), None)
    if elsewhere:
        extension, dialplan, context = (*elsewhere.split(), "", "", "")[:3]
        channel.reroute(extension, context, dialplan)


async def read(calls: Calls, channel: Channel, data: str) -> None:
    """``MIN MAX FILE VARIABLE MILLISECONDS ENDS``: ask once; ``read_result`` tells how it went."""
    words = [*words_of(data), "", "", "", "", "", ""][:6]
    least, most = _count(words[0], MOST_KEYS), _count(words[1], MOST_KEYS)
    if not most or not words[3]:
        channel.log.error("read %s: MIN MAX FILE VARIABLE MILLISECONDS ENDS", data[:80])
        return
    channel.digits.clear()
    keys = await ask(channel, words[2], most, _seconds(words[4]), _ends(words[5] or "#"))
    channel.variables[variable_name(words[3])] = keys
    enough = len(keys) >= least
    channel.variables["read_result"] = "success" if enough else "timeout" if not keys else "failure"


def _fits(channel: Channel, keys: str, pattern: str) -> bool:
    if not pattern:
        return True
    try:
        return compile_expression(f"^(?:{pattern})$").search(keys) is not None
    except re.error as error:
        channel.log.error("play_and_get_digits: %s is no pattern: %s", pattern, error)
        return False


def _ends(text: str) -> str:
    return "" if text == "none" else text


def _count(text: str, highest: int) -> int:
    return min(int(text), highest) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _seconds(text: str) -> float:
    """Milliseconds as a text, to seconds."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return USUAL_WAIT
    return min(int(text) / 1000, LONGEST_WAIT)
