"""The application ``voicemail`` of the dialplan.

=======================================  ===========================================================
``PROFILE DOMAIN USER``                  leave a message
``check PROFILE DOMAIN [USER]``          hear them, after the PIN; without USER he is asked for it
``check auth PROFILE DOMAIN USER``       hear them without a PIN: the dialplan knows who calls
=======================================  ===========================================================

Lives here: which of them is meant. Never here: what becomes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import words_of
from . import leaving, listening, prompts
from .values import NoVoicemail

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel


async def voicemail(calls: Calls, channel: Channel, data: str) -> None:
    """``[check] [auth] PROFILE DOMAIN [USER]``: leave a message, or hear those there are."""
    mail, words = calls.answering.voicemail, words_of(data)
    checks = words[:1] == ["check"]
    words = words[1:] if checks else words
    proven = words[:1] == ["auth"]
    words = words[1:] if proven else words
    if len(words) < (2 if checks else 3):
        channel.log.error("voicemail %s: [check] [auth] PROFILE DOMAIN USER", data[:80])
        return
    profile, domain, user = (*words, "")[:3]
    try:
        if checks:
            await listening.check(mail, channel, profile, domain, user, proven=proven)
            return
        box, owner = mail.box(profile, domain, user)
    except NoVoicemail as error:
        channel.log.warning("voicemail %s: %s", data[:80], error)
        await channel.answer()
        await prompts.say(channel, (prompts.voice("no_mailbox"), prompts.voice("goodbye")))
        return
    await leaving.leave(mail, channel, box, owner)
