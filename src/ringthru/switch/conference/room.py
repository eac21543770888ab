"""A conference: who is in it, what sounds there, and the clock by which it is mixed.

One round every 20 ms for as long as there are members. A round that comes late is made up for, unless it is
so late that the members have heard the gap already.

Lives here: the room. Never here: commands about it (``console``), who may come in (``book``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final

from ...media import BadSound
from ...media.engine.mixing import mix
from ...media.sound.mixing import FRAME
from ..audio.sound_files import SoundSources
from ..configuration.conference_settings import ConferenceProfile
from ..events.names import CONFERENCE, CUSTOM
from .member import Member

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..events.bus import EventBus

log = logging.getLogger(__name__)

ROUND: Final = 0.02  # seconds
LATE: Final = 0.06  # seconds; after that the missed rounds are left out
ALONE: Final = "alone"  # the key of music for one who waits, among the voices
PLAYED: Final = "played"


class Room:
    """One conference."""

    def __init__(self, name: str, profile: ConferenceProfile, sounds: SoundSources, bus: EventBus) -> None:
        self.name = name
        self.profile = profile
        self.locked = False
        self.members: dict[int, Member] = {}
        self._sounds = sounds
        self._bus = bus
        self._serial = 0
        self._playing: list[Iterator[bytes]] = []  # what all hear, one after the other
        self._music: Iterator[bytes] | None = None  # what one hears who is alone
        self._tasks: set[asyncio.Future[None]] = set()
        self._clock: asyncio.Task[None] | None = None

    def join(self, channel: Channel) -> Member:
        """Raises NoConference: the leg cannot be a member."""
        member = Member(channel, self._serial + 1, self.profile.energy_level)
        self._serial += 1
        self.members[member.number] = member
        self.tell(member, "add-member")
        self._announce("enter-sound")
        self._company_changed()
        if self._clock is None:
            self._clock = asyncio.create_task(self._run())
        return member

    def leave(self, member: Member) -> None:
        """Harmless twice."""
        if self.members.pop(member.number, None) is None:
            return
        member.close()
        self.tell(member, "del-member")
        if self.members:
            self._announce("exit-sound")
            self._company_changed()
        else:
            self._end()

    def _end(self) -> None:
        for task in (self._clock, *self._tasks):
            if task is not None:
                task.cancel()
        self._clock = None

    # --- what sounds ----------------------------------------------------------------------------------

    async def play(self, text: str, member: Member | None = None) -> None:
        """Let all, or one, hear a sound beside what is said.

        Raises:
            BadSound: it cannot be played.
        """
        for part in self._sounds.parts(text, {}):
            frames = (await self._sounds.load(part, {})).frames("PCMU", FRAME)
            if member is None:
                self._playing.append(frames)
            else:
                member.sound = frames

    async def try_to_play(self, text: str, member: Member | None = None) -> str:
        """The same; empty, or why it cannot be played."""
        try:
            await self.play(text, member)
        except BadSound as error:
            return str(error)
        return ""

    def stop(self, member: Member | None = None) -> int:
        """End what is played to all, or to one; how many sounds that were."""
        if member is not None:
            count, member.sound = int(member.sound is not None), None
            return count
        count, self._playing = len(self._playing), []
        return count

    def mute(self, member: Member, on: bool) -> None:
        member.muted = on
        self.tell(member, "mute-member" if on else "unmute-member")
        self._announce("muted-sound" if on else "unmuted-sound", member)

    def deafen(self, member: Member, on: bool) -> None:
        member.deaf = on
        self.tell(member, "deaf-member" if on else "undeaf-member")

    def kick(self, member: Member) -> None:
        """Send it away; its dialplan goes on."""
        self.tell(member, "kick-member")
        member.kicked.set()

    def lock(self, on: bool) -> None:
        """Let nobody in any more."""
        self.locked = on

    def tell(self, member: Member, action: str) -> None:
        """An event, as FreeSWITCH's programs know it."""
        if CUSTOM not in self._bus.wanted:
            return
        channel = member.channel
        headers = (
            ("Conference-Name", self.name),
            ("Conference-Size", str(len(self.members))),
            ("Conference-Profile-Name", self.profile.name),
            ("Unique-ID", channel.uuid),
            ("Channel-Name", channel.name),
            ("Caller-Caller-ID-Name", channel.caller.name),
            ("Caller-Caller-ID-Number", channel.caller.number),
            ("Member-ID", str(member.number)),
            ("Hear", str(not member.deaf).lower()),
            ("Speak", str(not member.muted).lower()),
            ("Action", action),
        )
        self._bus.custom(CONFERENCE, headers)

    def _announce(self, sound: str, member: Member | None = None) -> None:
        text = self.profile.sound(sound)
        if text:
            self._beside(self._say(sound, text, member))

    async def _say(self, sound: str, text: str, member: Member | None) -> None:
        if trouble := await self.try_to_play(text, member):
            log.warning("Conference %s: %s: %s", self.name, sound, trouble)

    def _company_changed(self) -> None:
        """Who is alone hears music, where the profile has some."""
        self._music = None
        text = self.profile.sound("moh-sound")
        if text and len(self.members) == 1:
            self._beside(self._begin_music(text))

    async def _begin_music(self, text: str) -> None:
        try:
            sound = await self._sounds.load(text, {})
        except BadSound as error:
            log.warning("Conference %s: moh-sound: %s", self.name, error)
            return
        if len(self.members) == 1:
            self._music = sound.frames("PCMU", FRAME)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the clock ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                self.round()
            except Exception:  # a bug of ours must not leave a room in silence
                log.exception("Conference %s", self.name)
            due += ROUND
            now = loop.time()
            if now - due > LATE:
                due = now
            await asyncio.sleep(max(due - now, 0))

    def round(self) -> None:
        """Take a frame of everybody, and give everybody what all others said."""
        voices: dict[int | str, bytes] = {}
        for number, member in self.members.items():
            frame = member.listen()
            if frame is not None:
                voices[number] = frame
        if (frame := self._next_sound()) is not None:
            voices[PLAYED] = frame
        if self._music is not None and (frame := next(self._music, None)) is not None:
            voices[ALONE] = frame
        everybody, apart = mix(voices)
        for number, member in self.members.items():
            member.tell(None if member.deaf else apart.get(number, everybody))

    def _next_sound(self) -> bytes | None:
        while self._playing:
            frame = next(self._playing[0], None)
            if frame is not None:
                return frame
            self._playing.pop(0)
        return None
