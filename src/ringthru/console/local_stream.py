"""``local_stream``: which music there is, and that its files have changed.

Lives here: FreeSWITCH's forms and texts. Never here: the streams (``switch/audio/local_stream``).
"""

from __future__ import annotations

from typing import Final

from ..switch.configuration.local_stream_settings import StreamSettings
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

SYNTAX: Final = "<show|start|reload|stop|hup> <local_stream_name>"
NO_STOP: Final = "-ERR a stream is only played to who listens; to have it no more, take it out of its file\n"


async def local_stream(switch: SwitchLike, arguments: str) -> str:
    """``show [NAME]``, ``start NAME``, ``reload NAME``: who listens from now on hears what is there now."""
    verb, name = (*words_of(arguments), "", "")[:2]
    streams = switch.calls.sounds.streams
    found = next((each for each in streams.settings if each.name == name), None)
    verb = verb.lower()
    if verb == "show" and not name:
        return "".join(f"{visible(each.name)},{visible(str(each.path))}\n" for each in streams.settings)
    if verb not in ("show", "start", "reload", "stop", "hup") or not name:
        return f"-USAGE: {SYNTAX}\n"
    if found is None:
        return f"-ERR Cannot locate local_stream {visible(name)}!\n"
    if verb == "show":
        return _shown(found)
    if verb in ("stop", "hup"):
        return NO_STOP
    streams.read_again(name)
    return "+OK" if verb == "reload" else f"+OK stream: {visible(name)}"


def _shown(stream: StreamSettings) -> str:
    shuffle = "true" if stream.shuffle else "false"
    return f"{visible(stream.name)}\n  location: {visible(str(stream.path))}\n  shuffle:  {shuffle}\n"


def commands() -> list[Command]:
    text = "manage local streams"
    phrases = ("show", "start", "reload", "stop", "hup")
    return [Command("local_stream", SYNTAX, text, local_stream, phrases, home="mod_local_stream")]
