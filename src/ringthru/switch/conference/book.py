"""The conferences of one switch, and the application that brings a caller into one.

``conference NAME[@PROFILE][+PIN]``, with ``+flags{mute|deaf}`` behind it.

Lives here: who comes in, and what keys do there. Never here: the mix (``room``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ...media import BadSound
from ...net.values import frozen
from ..calls.causes import HangupCause
from ..configuration.conference_settings import ConferenceProfile
from ..dialplan import asking, sounding
from ..waiting import first_of
from .member import Member, NoConference
from .room import Room

if TYPE_CHECKING:
    from ..audio.sound_files import SoundSources
    from ..calls.channel import Channel
    from ..events.bus import EventBus

MOST_ROOMS: Final = 200
PIN_TRIES: Final = 3
PIN_WAIT: Final = 10.0  # seconds for each key
BEEP: Final = "tone_stream://%(300,0,640)"  # asks for a PIN, where the profile has no sound for it
REFUSED: Final = "tone_stream://%(200,100,400);loops=3"
FLAGS: Final = re.compile(r"\+?flags\{([^}]*)\}")


@frozen
class Wish:
    """What the dialplan asks for."""

    room: str
    profile: str
    pin: str | None  # None: the profile's
    flags: frozenset[str]

    @classmethod
    def read(cls, data: str) -> Wish:
        """Raises NoConference: there is no name, or it is a form that is not served."""
        found = FLAGS.search(data)
        flags = frozenset(re.split(r"[|,\s]+", found[1].strip())) if found is not None else frozenset()
        place, plus, pin = FLAGS.sub("", data).strip().partition("+")
        name, _, profile = place.strip().partition("@")
        if not name or ":" in name:
            raise NoConference(f"'{data[:80]}' names no conference: write NAME@PROFILE")
        return cls(name.strip(), profile.strip() or "default", pin.strip() if plus and pin else None, flags)


class Conferences:
    """All rooms, by name."""

    def __init__(self, sounds: SoundSources, bus: EventBus) -> None:
        self.rooms: dict[str, Room] = {}
        self.profiles: Mapping[str, ConferenceProfile] = {}
        self.on_change: Callable[[str], None] = lambda name: None  # a room has somebody in it, or nobody
        self._sounds = sounds
        self._bus = bus

    def room(self, wish: Wish) -> Room:
        """The room of that name, made where there is none.

        Raises:
            NoConference: no such profile, or too many rooms.
        """
        if wish.room in self.rooms:
            return self.rooms[wish.room]
        profile = self.profiles.get(wish.profile)
        if profile is None and (self.profiles or wish.profile != "default"):
            raise NoConference(f"conference.conf has no profile {wish.profile}")
        if len(self.rooms) >= MOST_ROOMS:
            raise NoConference(f"there are {MOST_ROOMS} conferences already")
        return Room(wish.room, profile or ConferenceProfile(), self._sounds, self._bus)

    async def serve(self, channel: Channel, data: str) -> None:
        """Bring a caller in, until it leaves, is sent away, or hangs up."""
        wish = Wish.read(data)
        await channel.answer()
        if channel.media is None or not await self._lets_in(channel, wish):
            return
        room = self.room(wish)
        if room.locked or len(room.members) >= room.profile.max_members:
            why, sound = ("locked", "locked-sound") if room.locked else ("full", "max-members-sound")
            channel.log.warning("Conference %s is %s: %s does not come in", room.name, why, channel.name)
            await _say(channel, room.profile.sound(sound) or REFUSED)
            channel.hang_up(HangupCause.CALL_REJECTED)
            return
        member = room.join(channel)
        self.rooms[room.name] = room
        self.on_change(room.name.partition("@")[0])
        member.muted, member.deaf = "mute" in wish.flags, "deaf" in wish.flags
        channel.variables |= {"conference_name": room.name, "conference_member_id": str(member.number)}
        try:
            await _attend(room, member)
        finally:
            room.leave(member)
            if not room.members and self.rooms.get(room.name) is room:
                del self.rooms[room.name]
                self.on_change(room.name.partition("@")[0])
        if member.kicked.is_set() and not channel.gone.is_set():
            await _say(channel, room.profile.sound("kicked-sound"))

    async def _lets_in(self, channel: Channel, wish: Wish) -> bool:
        """Ask for the PIN, where there is one; False: the caller does not know it, and is hung up."""
        profile = self.room(wish).profile
        pin = profile.pin if wish.pin is None else wish.pin
        if not pin:
            return True
        prompt = profile.sound("pin-sound") or BEEP
        for _ in range(PIN_TRIES):
            keys = await asking.ask(channel, prompt, len(pin), PIN_WAIT, "#")
            if channel.gone.is_set():
                return False
            if keys == pin:
                return True
            prompt = profile.sound("bad-pin-sound") or REFUSED
        channel.log.warning("%s does not know the PIN of conference %s", channel.name, wish.room)
        channel.hang_up(HangupCause.CALL_REJECTED)
        return False


async def _attend(room: Room, member: Member) -> None:
    """Until the member is gone, or sent away; its keys do meanwhile what the profile says."""
    channel = member.channel
    channel.digits.clear()
    while not channel.gone.is_set() and not member.kicked.is_set():
        channel.digit_came.clear()
        while channel.digits:
            _press(room, member, channel.digits.popleft())
        await first_of(channel.gone, member.kicked, channel.digit_came)


def _press(room: Room, member: Member, key: str) -> None:
    match room.profile.keys.get(key):
        case "mute":
            room.mute(member, not member.muted)
        case "deaf":
            room.deafen(member, not member.deaf)
        case "deaf mute":
            on = not (member.deaf and member.muted)
            room.mute(member, on)
            room.deafen(member, on)
        case "lock":
            room.lock(not room.locked)
        case "hangup":
            member.channel.hang_up(HangupCause.NORMAL_CLEARING)


async def _say(channel: Channel, text: str) -> None:
    if not text:
        return
    try:
        await sounding.play(channel, text)
    except BadSound as error:
        channel.log.warning("conference: %s", error)
