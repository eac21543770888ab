"""A sound that is put into boxes as a message, without a call (``voicemail_inject``).

Lives here: whose boxes are meant, and the file. Never here: what a box may hold (``book``), texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media import BadSound, linear_of
from ..audio.recorded_file import RecordedFile
from .values import NoVoicemail

if TYPE_CHECKING:
    from ...media import Sound
    from ..audio.sound_files import SoundSources
    from ..calls.caller import Caller
    from ..configuration import Directory, User
    from .book import Voicemail


def meant(directory: Directory, text: str) -> tuple[User, ...]:
    """``group=NAME[@DOMAIN]``, ``domain=DOMAIN`` or ``USER[@DOMAIN]``; nobody where there is no such."""
    kind, equals, rest = text.partition("=")
    if equals and kind.lower() == "domain":
        whole = directory.domain(rest) if rest else None
        return tuple(whole.users.values()) if whole is not None else ()
    name, _, place = (rest if equals else text).partition("@")
    if equals:
        domain = directory.domain(place) if kind.lower() == "group" else None
        return domain.group(name) if domain is not None else ()
    user = directory.find_user(place, name)
    return () if user is None else (user,)


async def sound_of(sounds: SoundSources, text: str) -> Sound:
    """What shall be left, as ``playback`` names it.

    Raises:
        NoVoicemail: there is none of that name, or it never ends.
    """
    try:
        sound = await sounds.load(text, {})
    except BadSound as error:
        raise NoVoicemail(str(error)) from error
    if not sound.times:
        raise NoVoicemail(f"'{text[:80]}' never ends: no message")
    return sound


async def inject(mail: Voicemail, user: User, sound: Sound, caller: Caller) -> None:
    """Leave a sound in one box, by the rules for every message.

    Raises:
        NoVoicemail: he has no box, or it is full.
        OSError: the disk does not play along.
    """
    box, owner = mail.box(mail.usual_profile, user.domain, user.id)
    uuid, path = await mail.begin(box, owner)
    seconds: int | None = None
    try:
        file = RecordedFile(path)
        await file.open()
        try:
            await file.write(linear_of(sound.ulaw))
        finally:
            await file.close()
        seconds = round(sound.seconds)
    finally:
        await mail.end(box, uuid, caller, seconds)
