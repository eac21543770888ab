"""``voicemail check [auth] PROFILE DOMAIN [USER]``: who a caller is, and what he does with his messages.

Variables, as in FreeSWITCH: ``voicemail_authorized=true`` lets a caller in without his PIN.

Lives here: the menus. Never here: the disk (``book``), how many PINs may be wrong (``pins``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...media import MediaError
from ..audio.phrases import number
from ..calls.causes import HangupCause
from ..dialing.dialstring import truth
from ..dialplan import asking
from . import prompts, speaking
from .pin_change import ask_for, change_pin
from .prompts import say, voice
from .values import Box, Message, NoVoicemail

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..configuration.voicemail_settings import VoicemailProfile
    from .book import Voicemail

INVALID: Final = "ivr/ivr-that_was_an_invalid_entry.wav"
PATIENCE: Final = 3  # times that a menu is said to somebody who presses nothing


async def check(
    mail: Voicemail, channel: Channel, profile: str, domain: str, user: str, *, proven: bool
) -> None:
    """Let an owner in, and hear his messages. ``proven``: nobody needs to ask for his PIN."""
    await channel.answer()
    try:
        found = await _let_in(mail, channel, profile, domain, user, proven=proven)
        if found is None:
            return
        await _Visit(mail, channel, found).run()
    except OSError as error:
        channel.log.error("The messages of %s cannot be read: %s", user or "somebody", error)
    await say(channel, (voice("goodbye"),))


async def _let_in(
    mail: Voicemail, channel: Channel, profile: str, domain: str, user: str, *, proven: bool
) -> Box | None:
    """The box that the caller may hear; None: he was told why not, and is hung up."""
    settings = mail.profile(profile)
    channel.digits.clear()
    for _ in range(settings.login_attempts):
        number = user or await ask_for(channel, "enter_id", settings)
        if channel.gone.is_set():
            return None
        box = await _open(mail, channel, settings, domain, number, proven=proven and bool(user))
        if box is not None:
            return box
        if channel.gone.is_set():
            return None
        await say(channel, (voice("fail_auth"),))
    await say(channel, (voice("abort"), voice("goodbye")))
    channel.hang_up(HangupCause.CALL_REJECTED)
    return None


async def _open(
    mail: Voicemail, channel: Channel, settings: VoicemailProfile, domain: str, number: str, *, proven: bool
) -> Box | None:
    """The box of a number, once the caller has proved that it is his.

    A number without a box is asked for its PIN as well: nobody shall learn which there are.
    """
    box: Box | None = None
    try:
        box, _ = mail.box(settings.name, domain, number)
    except NoVoicemail as error:
        channel.log.info("Voicemail of %s: %s", number, error)
    if box is not None and (proven or truth(channel.variables.get("voicemail_authorized"))):
        return box
    has_pin = box is not None and await mail.has_pin(box)
    if box is not None and not has_pin and settings.allow_empty_password:
        return box
    given = await ask_for(channel, "enter_pass", settings)
    if box is None or channel.gone.is_set():
        return None
    if not has_pin:
        channel.log.warning("%s has no vm-password: its box opens to its own phone alone", box)
    locked = mail.pins.is_locked(box, asyncio.get_running_loop().time())
    fits = await mail.lets_in(box, given)
    if not fits:
        text = "A PIN after too many wrong ones" if locked else "A wrong PIN"
        channel.log.warning("%s for the voicemail of %s, from %s", text, box, channel.caller.number)
    return box if fits else None


class _Visit:
    """An owner in his box."""

    def __init__(self, mail: Voicemail, channel: Channel, box: Box) -> None:
        self._mail = mail
        self._channel = channel
        self._box = box
        self._settings = mail.profile(box.profile)

    async def run(self) -> None:
        """What there is, then the main menu, until he has enough."""
        counts = await self._mail.counts(self._box)
        await say(self._channel, prompts.there_are(counts))
        if counts.new:
            await self._hear_all(new=True)
        key = self._settings.key
        while (pressed := await self._choose(voice("menu"))) not in ("", key("terminator-key")):
            if pressed == key("play-new-messages-key"):
                await self._hear_all(new=True)
            elif pressed == key("play-saved-messages-key"):
                await self._hear_all(new=False)
            elif pressed == key("config-menu-key"):
                await self._own_settings()

    async def _choose(self, *sounds: str) -> str:
        """The key that he presses; empty when he presses none, or is gone."""
        for _ in range(PATIENCE):
            if self._channel.gone.is_set():
                return ""
            wait = self._settings.digit_timeout
            if pressed := await asking.ask(self._channel, prompts.joined(sounds), 1, wait, ""):
                return pressed
        return ""

    # --- messages -----------------------------------------------------------------------------------

    async def _hear_all(self, *, new: bool) -> None:
        """One message after the other, until the last or a key that leads back."""
        everything = await self._mail.messages(self._box)
        chosen = [each for each in everything if bool(each.read) is not new]
        for count, message in enumerate(chosen, 1):
            if not await self._hear(message, count):
                return
        await say(self._channel, (voice("you_have"), voice("no_more_messages")))

    async def _hear(self, message: Message, count: int) -> bool:
        """One message and what becomes of it; False: back to the menu."""
        key = self._settings.key
        again = (key("listen-file-key"), key("repeat-message-key"))
        back = (key("terminator-key"), "")
        by_mail = key("email-key")
        pressed = await self._play(message, count)
        while pressed in (*again, by_mail):
            if pressed == by_mail:
                await say(
                    self._channel, (voice("emailed") if await self._mail.mails.now(message) else INVALID,)
                )
                pressed = await self._choose(voice("listen")) or back[0]
            else:
                pressed = await self._play(message, count)
        if pressed == key("delete-file-key"):
            await self._mail.delete(self._box, message.uuid)
            await say(self._channel, (voice("deleted"),))
        elif pressed == key("save-file-key"):
            await self._mail.mark(self._box, read=True, uuid=message.uuid, flags="save")
            await say(self._channel, (voice("message_saved"),))
        return pressed not in back

    async def _play(self, message: Message, count: int) -> str:
        """Who called, the message, what can be pressed: the key that was, which may come at any time."""
        caller = prompts.digits(message.caller.number)
        sounds = [voice("message"), *number(count)]
        sounds += [voice("from"), *caller] if caller else []
        keys = self._settings
        pressed = await asking.ask(self._channel, prompts.joined([*sounds, message.path]), 1, 0.0, "")
        if pressed:
            return pressed
        if not message.read and not self._channel.gone.is_set():  # heard to its end
            await self._mail.mark(self._box, read=True, uuid=message.uuid)
        return await self._choose(voice("listen")) or keys.key("terminator-key")

    # --- the greeting, and the PIN ------------------------------------------------------------------

    async def _own_settings(self) -> None:
        """Record, hear or delete what callers hear; choose another PIN."""
        key = self._settings.key
        while True:
            pressed = await self._choose(voice("greeting_menu"))
            if pressed == key("record-greeting-key"):
                await self._record_greeting()
            elif pressed == "2":
                own = await self._mail.greeting(self._box)
                await say(self._channel, (str(own) if own is not None else voice("not_available"),))
            elif pressed == key("delete-file-key"):
                await asyncio.to_thread(self._mail.greeting_place(self._box).unlink, True)
                await say(self._channel, (voice("deleted"),))
            elif pressed == key("change-pass-key"):
                await change_pin(self._mail, self._channel, self._box)
            else:
                return

    async def _record_greeting(self) -> None:
        place = self._mail.greeting_place(self._box)
        written = place.with_suffix(".part")
        await say(self._channel, (voice("record_greeting"),))
        await say(self._channel, (self._settings.tone,), "")
        if self._channel.gone.is_set():
            return
        try:
            spoken = await speaking.record(self._channel, written, self._settings)
        except MediaError as error:
            self._channel.log.error("The greeting cannot be recorded: %s", error)
            return
        if spoken.loud:
            await asyncio.to_thread(written.replace, place)
            await say(self._channel, (voice("message_saved"),))
        else:
            await asyncio.to_thread(written.unlink, True)
            await say(self._channel, (voice("too-small"),))
