"""``conference``: who is in which room, and what is done to them.

Lives here: FreeSWITCH's forms and texts. Never here: the rooms (``switch/conference``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..switch.calls import dtmf
from ..switch.conference.member import Member
from ..switch.conference.room import Room
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

SYNTAX: Final = "list | <name> list|kick|mute|unmute|deaf|undeaf|dtmf|play|stop|lock|unlock [...]"
USAGE: Final = f"-USAGE: {SYNTAX}\n"
RATE: Final = 8000
MILLISECONDS: Final = 160  # of a key
MOST_KEYS: Final = 128

ON_MEMBER: Final[dict[str, tuple[Callable[[Room, Member], None], str]]] = {  # what is done, and said of it
    "mute": (lambda room, member: room.mute(member, True), "mute"),
    "unmute": (lambda room, member: room.mute(member, False), "unmute"),
    "deaf": (lambda room, member: room.deafen(member, True), "deaf"),
    "undeaf": (lambda room, member: room.deafen(member, False), "undeaf"),
    "kick": (Room.kick, "kicked"),
    "hup": (Room.kick, "kicked"),
}


async def conference(switch: SwitchLike, arguments: str) -> str:
    rooms = switch.calls.conferences.rooms
    words = words_of(arguments)
    if words[:1] == ["list"]:
        if not rooms:
            return "+OK No active conferences.\n"
        return "".join(heading(room) + rows(room, words[1:]) for room in rooms.values())
    if len(words) < 2:
        return USAGE
    room = rooms.get(words[0])
    if room is None:
        return f"-ERR Conference {visible(words[0])} not found\n"
    return await _in(room, words[1].lower(), words[2:])


async def _in(room: Room, order: str, rest: Sequence[str]) -> str:
    """What is ordered of one conference."""
    if order in ON_MEMBER:
        return _on_members(room, order, rest)
    match order, [*rest]:
        case "list", ["count"]:
            return f"{len(room.members)}\n"
        case "list", more:
            return rows(room, more)
        case "lock" | "unlock", []:
            room.lock(order == "lock")
            return f"+OK {visible(room.name)} {order}ed\n"
        case "play", [text, *who] if len([each for each in who if each != "async"]) < 2:
            return await _play(room, text, [each for each in who if each != "async"])
        case "stop", [*what] if len(what) < 3:
            member = room.members.get(_number(what[-1])) if len(what) == 2 else None
            if len(what) == 2 and member is None:
                return _unknown(what[-1])
            return f"+OK Stopped {room.stop(member)} files.\n"
        case "dtmf", [who, keys]:
            return _dtmf(room, who, keys)
    if order in ("list", "lock", "unlock", "play", "stop", "dtmf"):
        return USAGE
    return f"-ERR Conference command '{visible(order)}' not found.\n"


def _on_members(room: Room, order: str, rest: Sequence[str]) -> str:
    if not rest:
        return f"-USAGE: {order} <[member_id|all|last]>\n"
    found = chosen(room, rest[0])
    if not found:
        return _unknown(rest[0])
    act, done = ON_MEMBER[order]
    for member in found:
        act(room, member)
    return "".join(f"+OK {done} {member.number}\n" for member in found)


def chosen(room: Room, who: str) -> list[Member]:
    """The members that a word names: a number, ``all`` or ``last``."""
    members = list(room.members.values())
    if who == "all":
        return members
    if who == "last":
        return members[-1:]
    found = room.members.get(_number(who))
    return [found] if found is not None else []


async def _play(room: Room, text: str, who: Sequence[str]) -> str:
    member = room.members.get(_number(who[0])) if who else None
    if who and member is None:
        return _unknown(who[0])
    if trouble := await room.try_to_play(text, member):
        return f"-ERR (play) File: {visible(text)} not found: {visible(trouble)}\n"
    to = f" to member {member.number}" if member is not None else ""
    return f"+OK (play) Playing file {visible(text)}{to}\n"


def _dtmf(room: Room, who: str, keys: str) -> str:
    found = chosen(room, who)
    if not found:
        return _unknown(who)
    if not keys or len(keys) > MOST_KEYS or keys.upper().strip("0123456789*#ABCD"):
        return f"-ERR '{visible(keys)}' are no keys of a telephone\n"
    for member in found:
        for key in keys.upper():
            dtmf.send(member.channel, key, MILLISECONDS)
    return "".join(f"+OK sent {visible(keys)} to {member.number}\n" for member in found)


def heading(room: Room) -> str:
    """One line about a conference."""
    count = len(room.members)
    known = (
        ("locked", room.locked),
        ("running", True),
        ("answered", True),
        ("dynamic", True),
        ("exit_sound", bool(room.profile.sound("exit-sound"))),
        ("enter_sound", bool(room.profile.sound("enter-sound"))),
    )
    flags = "|".join(name for name, holds in known if holds)
    plural = "" if count == 1 else "s"
    return f"+OK Conference {visible(room.name)} ({count} member{plural} rate: {RATE} flags: {flags})\n"


def rows(room: Room, more: Sequence[str] = ()) -> str:
    """A line for each member; ``delim TEXT`` puts something else than ``;`` between the columns."""
    between = more[1] if len(more) == 2 and more[0] == "delim" else ";"
    lines = []
    for member in room.members.values():
        channel = member.channel
        columns = (
            *(str(member.number), channel.name, channel.uuid, channel.caller.name, channel.caller.number),
            *(member.flags, "0", "0", str(member.energy_level)),
        )
        lines.append(between.join(visible(each) for each in columns) + "\n")
    return "".join(lines)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _unknown(who: str) -> str:
    return f"-ERR Non-Existant ID {visible(who)}\n"


def commands() -> list[Command]:
    phrases = ("list",)
    return [
        Command("conference", SYNTAX, "Conference module commands", conference, phrases, "mod_conference")
    ]
