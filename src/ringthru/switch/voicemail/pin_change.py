"""An owner chooses another PIN by phone (``change-pass-key``).

Lives here: the questions. Never here: what is kept (``pins``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dialplan import asking
from .pins import is_easy
from .prompts import say, voice

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..configuration.voicemail_settings import VoicemailProfile
    from .book import Voicemail
    from .values import Box

LONGEST_NUMBER = 20  # keys of an extension or a PIN


async def change_pin(mail: Voicemail, channel: Channel, box: Box) -> None:
    """Ask for a new one twice, so that no slip locks anybody out; nothing, or too many slips, change nothing.

    Raises:
        OSError: the disk does not play along.
    """
    settings = mail.profile(box.profile)
    for _ in range(settings.login_attempts):
        pin = await ask_for(channel, "enter_new_pin", settings)
        if channel.gone.is_set() or not pin:
            return
        if is_easy(pin, box.user):
            await say(channel, (voice("pin_too_easy"),))
            continue
        again = await ask_for(channel, "enter_pin_again", settings)
        if channel.gone.is_set():
            return
        if again == pin:
            await mail.choose_pin(box, pin)
            channel.log.info("%s has another PIN for voicemail, chosen by phone", box)
            await say(channel, (voice("pin_changed"),))
            return
        await say(channel, (voice("fail_auth"),))


async def ask_for(channel: Channel, prompt: str, settings: VoicemailProfile) -> str:
    """The keys of a number, up to ``#``."""
    return await asking.ask(channel, voice(prompt), LONGEST_NUMBER, settings.digit_timeout, "#")
