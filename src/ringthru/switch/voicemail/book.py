"""Voicemail of one switch: which boxes there are, what may be left in them, and who hears of it.

Lives here: rights and bounds, the thread that waits for the disk, events. Never here: what is said to a
caller (``leaving``, ``listening``), SIP (``lamps``).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from ..configuration.values import FALSE_WORDS
from ..configuration.voicemail_settings import VoicemailProfile
from ..events import names
from ..words import random_uuid
from .mailbox_file import MailboxFile
from .mails import Mails
from .pins import ChosenPin, Pins, fits
from .values import Box, Counts, Message, NoVoicemail

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from ..calls.caller import Caller
    from ..configuration import Directory, User
    from ..events.bus import EventBus, Header
    from .mailing import Mailer

T = TypeVar("T")

MOST_AT_ONCE: Final = 100  # messages that are being spoken, of the whole switch
MOST_IN_A_BOX: Final = 3  # likewise, of one box
SALT: Final = 16  # octets beside each chosen PIN
PATIENCE: Final = 2.0  # seconds that a stop waits for the disk


class Voicemail:
    """All boxes. Whoever is in the directory has one, unless his ``vm-enabled`` is false."""

    def __init__(
        self,
        folder: Path,
        bus: EventBus,
        directory: Callable[[], Directory],
        profiles: Callable[[], Mapping[str, VoicemailProfile]],
        mailer: Mailer,
    ) -> None:
        """``folder`` is where profiles have theirs, if they name none; the configuration in force is asked
        for each time.
        """
        self._profiles = profiles
        self.pins = Pins()
        self._folder = folder
        self._bus = bus
        self._directory = directory
        self._files: dict[str, MailboxFile] = {}
        self._being_spoken: Counter[Box] = Counter()
        self._used: dict[str, set[tuple[str, str]]] = {}  # domains and users, by profile, once asked for
        self._thread: ThreadPoolExecutor | None = None
        self._listeners: list[Callable[[Box, Counts], None]] = []
        self.mails = Mails(self, directory, mailer)

    # --- whose --------------------------------------------------------------------------------------

    def profile(self, name: str) -> VoicemailProfile:
        """Raises NoVoicemail: there is none of that name."""
        found = self._profiles().get(name)
        if found is None:
            raise NoVoicemail(f"voicemail.conf has no profile {name}")
        return found

    def box(self, profile: str, domain: str, user: str) -> tuple[Box, User]:
        """A box, and whose it is.

        Raises:
            NoVoicemail: no such profile or user, or he has none.
        """
        self.profile(profile)
        found = self._directory().find_user(domain, user)
        if found is None:
            raise NoVoicemail(f"there is no user {user}@{domain}")
        if found.params.get("vm-enabled", "").strip().lower() in FALSE_WORDS:
            raise NoVoicemail(f"{found} has no voicemail: vm-enabled is false")
        return Box(profile, found.domain, found.id), found

    def box_of(self, account: str) -> Box | None:
        """The box of ``USER@DOMAIN``, or of ``PROFILE/USER@DOMAIN``, where there is one."""
        profile, slash, who = account.partition("/")
        user, _, domain = (who if slash else account).partition("@")
        try:
            return self.box(profile if slash else self.usual_profile, domain, user)[0]
        except NoVoicemail:
            return None

    @property
    def usual_profile(self) -> str:
        """The one that is meant where none is named."""
        profiles = self._profiles()
        return "default" if "default" in profiles else next(iter(profiles), "default")

    def subscribe(self, listener: Callable[[Box, Counts], None]) -> None:
        """Hear how many messages a box has, whenever that changes."""
        self._listeners.append(listener)

    # --- leaving ------------------------------------------------------------------------------------

    async def begin(self, box: Box, user: User) -> tuple[str, Path]:
        """A message shall be spoken: its name, and where to write it. ``end`` must follow.

        Raises:
            NoVoicemail: the box, or the disk of voicemail, is full, or too many speak at once.
            OSError: the disk does not play along.
        """
        profile = self.profile(box.profile)
        if self._being_spoken.total() >= MOST_AT_ONCE or self._being_spoken[box] >= MOST_IN_A_BOX:
            raise NoVoicemail(f"too many leave messages at once for {box}")
        self._being_spoken[box] += 1
        try:
            await self._in_thread(lambda: self._check_room(profile, box, user))
        except BaseException:
            self._release(box)
            raise
        uuid = random_uuid()
        return uuid, self._file(box.profile).unfinished(box, uuid)

    def _check_room(self, profile: VoicemailProfile, box: Box, user: User) -> None:
        file, counts = self._file(box.profile), self._file(box.profile).counts(box)
        others = self._being_spoken[box] - 1
        if counts.new + counts.saved + others >= profile.most_messages:
            raise NoVoicemail(f"the box of {box} has {profile.most_messages} messages: max-messages")
        quota = user.params.get("vm-disk-quota", "").strip()
        if quota.isascii() and quota.isdigit() and int(quota[:9]) <= file.seconds(box):
            raise NoVoicemail(f"the messages of {box} are {quota} s long: vm-disk-quota")
        if file.megabytes() >= profile.most_megabytes:
            raise NoVoicemail(f"messages take {profile.most_megabytes} MB of the disk: max-megabytes")

    async def end(self, box: Box, uuid: str, caller: Caller, seconds: int | None) -> Message | None:
        """It was spoken; None seconds: it is no message.

        Raises:
            OSError: the disk does not play along; the message is lost.
        """
        try:
            file = self._file(box.profile)
            if seconds is None:
                await self._in_thread(lambda: file.drop(box, uuid))
                return None
            message = await self._in_thread(lambda: file.keep(box, uuid, caller, seconds))
        finally:
            self._release(box)
        self._tell("leave-message", box, *_about(message))
        await self._changed(box, "NEW")
        await self.mails.about(message)
        return message

    def _release(self, box: Box) -> None:
        self._being_spoken[box] -= 1
        if not self._being_spoken[box]:
            del self._being_spoken[box]

    # --- what is there; each may raise OSError, when the disk does not play along ---------------------

    async def messages(self, box: Box) -> list[Message]:
        file = self._file(box.profile)
        return await self._in_thread(lambda: file.messages(box))

    async def counts(self, box: Box) -> Counts:
        file = self._file(box.profile)
        return await self._in_thread(lambda: file.counts(box))

    def never_used(self, box: Box) -> bool:
        """Whether it is known without a look at the disk that no lamp can be alight because of this box."""
        used = self._used.get(box.profile)
        return used is not None and (box.domain, box.user) not in used

    async def was_used(self, box: Box) -> bool:
        """Whether a lamp may be alight somewhere because of this box."""
        if box.profile not in self._used:
            file = self._file(box.profile)
            self._used[box.profile] = await self._in_thread(file.used)
        return not self.never_used(box)

    async def mark(self, box: Box, *, read: bool, uuid: str = "", flags: str = "") -> None:
        """Heard or not heard; one message, or all of the box."""
        file = self._file(box.profile)
        await self._in_thread(lambda: file.mark(box, read=read, uuid=uuid, flags=flags))
        await self._changed(box, "SAVE" if flags else "READ")

    async def delete(self, box: Box, uuid: str = "") -> int:
        """One message, or all of the box; how many went."""
        file = self._file(box.profile)
        gone = await self._in_thread(lambda: file.delete(box, uuid))
        await self._changed(box, "DELETE")
        return gone

    async def greeting(self, box: Box) -> Path | None:
        """What its owner recorded for callers, if anything."""
        path = self._file(box.profile).greeting(box)
        return path if await asyncio.to_thread(path.is_file) else None

    def greeting_place(self, box: Box) -> Path:
        return self._file(box.profile).greeting(box)

    # --- PINs; each may raise OSError, when the disk does not play along ------------------------------

    async def has_pin(self, box: Box) -> bool:
        """Whether there is one at all, the directory's or one that was chosen by phone."""
        return bool(self._directory_pin(box)) or await self._in_thread(lambda: self._chosen(box)) is not None

    async def lets_in(self, box: Box, given: str) -> bool:
        """Whether somebody with this PIN may hear the box; too many wrong ones, and nobody may."""
        pin, now = self._directory_pin(box), asyncio.get_running_loop().time()
        locked = self.pins.is_locked(box, now)
        right = not locked and await self._in_thread(lambda: fits(given, pin, self._chosen(box)))
        success = self.pins.judge(box, now, right=right)
        self._tell("authentication", box, ("VM-Auth-Result", "success" if success else "fail"))
        return success

    async def choose_pin(self, box: Box, pin: str) -> None:
        """From now on this one holds, until the directory has another than now."""
        former, salt = self._directory_pin(box), os.urandom(SALT)
        file = self._file(box.profile)
        await self._in_thread(lambda: file.choose_pin(box, str(ChosenPin.of(pin, former, salt))))
        self._tell("change-password", box)

    def _directory_pin(self, box: Box) -> str:
        user = self._directory().find_user(box.domain, box.user)
        return user.params.get("vm-password", "").strip() if user is not None else ""

    def _chosen(self, box: Box) -> ChosenPin | None:
        return ChosenPin.parse(self._file(box.profile).chosen_pin(box))

    # --- the disk, and who hears --------------------------------------------------------------------

    def _file(self, profile: str) -> MailboxFile:
        if profile not in self._files:
            named = self.profile(profile).folder
            self._files[profile] = MailboxFile(profile, Path(named) if named else self._folder / profile)
        return self._files[profile]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # not of the start

            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="voicemail")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _changed(self, box: Box, reason: str) -> None:
        counts = await self.counts(box)
        self._used.get(box.profile, set()).add((box.domain, box.user))
        self._tell(
            "mwi-update",
            box,
            ("VM-Total-New", str(counts.new)),
            ("VM-Total-Saved", str(counts.saved)),
            ("VM-Total-New-Urgent", "0"),
            ("VM-Total-Saved-Urgent", "0"),
        )
        self._bus.tell("MESSAGE_WAITING", waiting(box, counts, ("Update-Reason", reason)))
        for listener in self._listeners:
            listener(box, counts)

    def _tell(self, action: str, box: Box, *headers: Header) -> None:
        if names.CUSTOM in self._bus.wanted:
            whose = (("VM-Action", action), ("VM-User", box.user), ("VM-Domain", box.domain))
            self._bus.custom(names.VOICEMAIL, (*whose, *headers))

    def close(self) -> None:
        """Let go of the files; blocks until the disk is done, and for a while for mails."""
        self.mails.close()
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        for file in self._files.values():
            file.close()


def waiting(box: Box, counts: Counts, *more: Header) -> tuple[Header, ...]:
    """The headers of MESSAGE_WAITING."""
    return (
        ("MWI-Messages-Waiting", "yes" if counts.new else "no"),
        ("MWI-Message-Account", str(box)),
        ("MWI-Voice-Message", counts.voice),
        *more,
    )


def _about(message: Message) -> tuple[Header, ...]:
    return (
        ("VM-Caller-ID-Name", message.caller.name),
        ("VM-Caller-ID-Number", message.caller.number),
        ("VM-File-Path", message.path),
        ("VM-Flags", message.flags),
        ("VM-Folder", message.folder),
        ("VM-UUID", message.uuid),
        ("VM-Message-Len", str(message.seconds)),
        ("VM-Timestamp", str(message.created)),
    )
