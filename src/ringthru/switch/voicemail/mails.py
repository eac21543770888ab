"""Which messages are mailed, when, and whether they stay in their box.

Lives here: the rules. Never here: who gets what (``mail_letter``), the thread and the program (``mailing``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..configuration.values import FALSE_WORDS
from .mail_letter import Letter, address_of, letters, main_letter

if TYPE_CHECKING:
    from ..configuration import Directory
    from .book import Voicemail
    from .mailing import Mailer
    from .values import Message

log = logging.getLogger(__name__)

WANT_MAIL: Final = frozenset(("vm-email-all-messages", "vm-notify-email-all-messages"))


class Mails:
    """One switch's."""

    def __init__(self, mail: Voicemail, directory: Callable[[], Directory], mailer: Mailer) -> None:
        self._voicemail = mail
        self._directory = directory
        self._mailer = mailer

    async def about(self, message: Message) -> None:
        """What its owner's params want of a new message; the disk's troubles are lines of the log."""
        user = self._directory().find_user(message.box.domain, message.box.user)
        if user is None or not WANT_MAIL & user.params.keys():
            return
        try:
            counts = await self._voicemail.counts(message.box)
        except OSError as error:
            log.error("No mail about a message for %s: %s", message.box, error)
            return
        settings = self._voicemail.profile(message.box.profile).mail
        stays = user.params.get("vm-keep-local-after-email", "").strip().lower() not in FALSE_WORDS
        for letter in letters(message, user, counts, settings):
            self._post(message, letter, stays=stays or letter.sound is None)

    async def now(self, message: Message) -> bool:
        """Send one to its owner, sound and all; False: nobody knows his address, or too many wait.

        Raises:
            OSError: the disk does not play along.
        """
        user = self._directory().find_user(message.box.domain, message.box.user)
        if user is None or not address_of(user):
            return False
        counts = await self._voicemail.counts(message.box)
        settings = self._voicemail.profile(message.box.profile).mail
        return self._post(message, main_letter(message, user, counts, settings), stays=True)

    def _post(self, message: Message, letter: Letter, *, stays: bool) -> bool:
        """Unless it ``stays``, the message is deleted once the mailer took it, and not before."""
        loop = asyncio.get_running_loop()

        def sent() -> None:
            work = self._delete(message)
            try:
                asyncio.run_coroutine_threadsafe(work, loop)
            except RuntimeError:  # the switch has ended meanwhile
                work.close()

        return self._mailer.send(letter, _nothing if stays else sent)

    async def _delete(self, message: Message) -> None:
        try:
            await self._voicemail.delete(message.box, message.uuid)
        except OSError as error:
            log.error("%s was mailed, and cannot be deleted here: %s", message.path, error)

    def close(self) -> None:
        """Send what is left; blocks for a while."""
        self._mailer.close()


def _nothing() -> None:
    """After a mail whose message stays."""
