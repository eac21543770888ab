"""The commands about single legs, and ``json``, which wallboards ask.

Lives here: FreeSWITCH's texts for them.
Never here: what happens to a leg.
"""

from __future__ import annotations

import json as library
from collections.abc import Callable
from typing import Any, Final

from ..switch.events.forms import EventFormat, as_json, as_xml
from ..switch.snapshots import SwitchSnapshot
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

NO_CHANNEL: Final = "-ERR No such channel!\n"


async def uuid_dump(switch: SwitchLike, arguments: str) -> str:
    """All that is known of a leg, as its events have it."""
    words = words_of(arguments)
    if not 1 <= len(words) <= 2:
        return "-USAGE: <uuid> [format]\n"
    event = switch.picture(words[0])
    if event is None:
        return NO_CHANNEL
    form = words[1].lower() if len(words) > 1 else "txt"
    if form == EventFormat.JSON.value:
        return as_json(event)
    if form == EventFormat.XML.value:
        return as_xml(event)
    return "".join(f"{visible(name)}: {visible(value)}\n" for name, value in event.headers)


async def uuid_getvar(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [uuid, name, *_]:
            if switch.picture(uuid) is None:
                return NO_CHANNEL
            return visible(switch.channel_variable(uuid, name) or "_undef_")
    return "-USAGE: <uuid> <var>\n"


async def uuid_setvar(switch: SwitchLike, arguments: str) -> str:
    match words_of(arguments):
        case [uuid, name, *value] if len(value) < 2:
            return "+OK\n" if switch.set_channel_variable(uuid, name, "".join(value)) else NO_CHANNEL
    return "-USAGE: <uuid> <var> [value]\n"


async def uuid_exists(switch: SwitchLike, arguments: str) -> str:
    return "true" if switch.picture(arguments.strip()) is not None else "false"


async def uuid_set_media_stats(switch: SwitchLike, arguments: str) -> str:
    """FreeSWITCH writes a leg's statistics into its variables then; ours are looked up when named."""
    uuid = arguments.strip()
    if not uuid:
        return "-USAGE: <uuid>\n"
    return "+OK:\n" if switch.picture(uuid) is not None else f"-ERR No such channel {visible(uuid)}!\n"


def status_value(snapshot: SwitchSnapshot, idle_cpu: float) -> dict[str, Any]:
    """``json {"command": "status"}``: the numbers of ``status``, by FreeSWITCH's names."""
    return {
        "systemStatus": "ready",
        "uptime": {"seconds": int(snapshot.uptime)},
        "version": snapshot.version,
        "sessions": {
            "count": {
                "total": snapshot.sessions_since_start,
                "active": len(snapshot.channels),
                "peak": snapshot.sessions_peak,
                "peak5Min": snapshot.sessions_peak_5min,
                "limit": snapshot.sessions_max,
            },
            "rate": {
                "current": snapshot.per_second,
                "max": snapshot.per_second_max,
                "peak": snapshot.per_second_peak,
                "peak5Min": snapshot.per_second_peak_5min,
            },
        },
        "idleCPU": {"used": 0, "allowed": round(idle_cpu, 2)},
    }


def _json_command(idle_cpu: Callable[[], float]) -> Command:
    async def json(switch: SwitchLike, arguments: str) -> str:
        try:
            asked = library.loads(arguments or "null")
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict) or "command" not in asked:
            return "-ERR Parse error.\n" if arguments else "-ERR No JSON supplied.\n"
        if asked["command"] != "status":
            return library.dumps({**asked, "status": "error", "message": "The command was not found."}) + "\n"
        answer = status_value(switch.snapshot(), idle_cpu())
        return library.dumps({**asked, "status": "success", "response": answer}) + "\n"

    return Command("json", "JSON", "JSON API", json)


def commands(idle_cpu: Callable[[], float]) -> list[Command]:
    uuid = ("{uuid}",)
    return [
        Command("uuid_dump", "<uuid> [format]", "Dump session vars", uuid_dump, uuid),
        Command("uuid_exists", "<uuid>", "Check if a uuid exists", uuid_exists, uuid),
        Command("uuid_getvar", "<uuid> <var>", "Get a variable from a channel", uuid_getvar, uuid),
        Command("uuid_set_media_stats", "<uuid>", "Set media stats of a channel", uuid_set_media_stats, uuid),
        Command("uuid_setvar", "<uuid> <var> [value]", "Set a variable", uuid_setvar, uuid),
        _json_command(idle_cpu),
    ]
