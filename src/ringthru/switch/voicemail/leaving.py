"""``voicemail PROFILE DOMAIN USER``: greet a caller, and keep what he says.

Variables that steer it, as in FreeSWITCH: ``skip_greeting``, ``skip_instructions``,
``voicemail_greeting_path`` (a sound in place of the owner's). It leaves behind ``voicemail_message_len`` and
``voicemail_file_path``.

Lives here: the course of it. Never here: recording (``speaking``), the disk (``book``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media import MediaError
from ..dialing.dialstring import truth
from . import prompts, speaking
from .values import Box, NoVoicemail

if TYPE_CHECKING:
    from pathlib import Path

    from ..calls.channel import Channel
    from ..configuration import User
    from .book import Voicemail


async def leave(mail: Voicemail, channel: Channel, box: Box, user: User) -> None:
    """Let a caller leave a message, and say goodbye."""
    await channel.answer()
    if channel.media is None:
        return
    try:
        uuid, path = await mail.begin(box, user)
    except (NoVoicemail, OSError) as error:
        channel.log.warning("No message can be left for %s: %s", box, error)
        await prompts.say(channel, (prompts.voice("mailbox_full"), prompts.voice("goodbye")))
        return
    seconds: int | None = None
    try:
        await _greet(mail, channel, box, user)
        seconds = await _hear(mail, channel, box, path)
    except (OSError, MediaError) as error:
        channel.log.error("The message for %s is lost: %s", box, error)
    finally:
        kept = await _end(mail, channel, box, uuid, seconds)
    if not channel.gone.is_set():
        sounds = [prompts.voice("message_kept")] if kept else []
        await prompts.say(channel, (*sounds, prompts.voice("goodbye")))


async def _end(mail: Voicemail, channel: Channel, box: Box, uuid: str, seconds: int | None) -> bool:
    """Whether there is a message now."""
    try:
        message = await mail.end(box, uuid, channel.caller, seconds)
    except OSError as error:
        channel.log.error("The message for %s is lost: %s", box, error)
        return False
    if message is not None:
        channel.log.info("%s left a message of %d s for %s", channel.caller.number, message.seconds, box)
        channel.variables["voicemail_message_len"] = str(message.seconds)
        channel.variables["voicemail_file_path"] = message.path
    return message is not None


async def _greet(mail: Voicemail, channel: Channel, box: Box, user: User) -> None:
    """What a caller hears before the tone; the terminator key spares him the rest."""
    ends = mail.profile(box.profile).key("terminator-key")
    sounds: list[str] = []
    if not truth(channel.variables.get("skip_greeting")):
        own = await mail.greeting(box)
        named = channel.variables.get("voicemail_greeting_path") or (str(own) if own is not None else "")
        usual = [
            prompts.voice("person"),
            *prompts.digits(_spoken_number(user)),
            prompts.voice("not_available"),
        ]
        sounds += [named] if named else usual
    if not truth(channel.variables.get("skip_instructions")):
        sounds.append(prompts.voice("record_message"))
    if sounds:
        await prompts.say(channel, sounds, ends)


def _spoken_number(user: User) -> str:
    return user.id if user.id.isdigit() else user.number_alias


async def _hear(mail: Voicemail, channel: Channel, box: Box, path: Path) -> int | None:
    """The seconds of what was said; None: it is no message."""
    profile = mail.profile(box.profile)
    if channel.gone.is_set():
        return None
    await prompts.say(channel, (profile.tone,), "")
    if channel.gone.is_set():
        return None
    spoken = await speaking.record(channel, path, profile)
    if spoken.loud and spoken.seconds >= profile.shortest:
        return round(spoken.seconds)
    if not channel.gone.is_set():
        await prompts.say(channel, (prompts.voice("too-small"),))
    return None
