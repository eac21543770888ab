"""A mail about a message, before there are words: who gets it, from whom, and what a template may name.

The user's params decide, as in FreeSWITCH: ``vm-mailto`` with ``vm-email-all-messages`` gets the message
itself (``vm-attach-file``), ``vm-notify-mailto`` with ``vm-notify-email-all-messages`` is told of it.

Lives here: who, and the values. Never here: the text (``mail_text``), sending (``mailing``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...net.values import frozen
from ..dialing.dialstring import truth

if TYPE_CHECKING:
    from ..configuration import User
    from ..configuration.voicemail_settings import MailSettings
    from .values import Counts, Message


@frozen
class Letter:
    """What one mail is made of. ``template_file`` empty: our own words; ``sound`` None: without it."""

    to: str
    sender: str
    values: Mapping[str, str]  # by FreeSWITCH's names
    template_file: str = ""
    sound: Path | None = None

    def value(self, name: str) -> str:
        """What a template names; names compare without case, as everywhere."""
        return self.values.get(name.lower(), "")


def address_of(user: User) -> str:
    return user.params.get("vm-mailto", "").strip()


def letters(message: Message, user: User, counts: Counts, mail: MailSettings) -> Iterator[Letter]:
    """The mails that a new message makes."""
    params, address = user.params, address_of(user)
    if address and truth(params.get("vm-email-all-messages")):
        yield main_letter(message, user, counts, mail, attach=truth(params.get("vm-attach-file", "true")))
    address = params.get("vm-notify-mailto", "").strip() or address
    if address and truth(params.get("vm-notify-email-all-messages")):
        yield _letter(message, user, counts, mail, address, mail.notify_template_file)


def main_letter(
    message: Message, user: User, counts: Counts, mail: MailSettings, *, attach: bool = True
) -> Letter:
    """The one to the owner, who has an address."""
    sound = Path(message.path) if attach else None
    return _letter(message, user, counts, mail, address_of(user), mail.template_file, sound)


def _letter(
    message: Message,
    user: User,
    counts: Counts,
    mail: MailSettings,
    to: str,
    template: str,
    sound: Path | None = None,
) -> Letter:
    values = dict(_values(message, user, counts, mail, to))
    sender = user.params.get("vm-mailfrom", "").strip() or mail.sender_of(values)
    return Letter(to, sender, values, template, sound)


def _values(
    message: Message, user: User, counts: Counts, mail: MailSettings, to: str
) -> Iterator[tuple[str, str]]:
    caller, minutes = message.caller, message.seconds // 60
    yield "voicemail_account", user.id
    yield "voicemail_domain", user.domain
    yield "voicemail_caller_id_name", caller.name
    yield "voicemail_caller_id_number", caller.number
    yield "voicemail_formatted_caller_id_number", caller.number
    yield "voicemail_message_len", f"{minutes // 60:02}:{minutes % 60:02}:{message.seconds % 60:02}"
    yield "voicemail_time", time.strftime(mail.date_format, time.localtime(message.created))
    yield "voicemail_file_path", message.path
    yield "voicemail_uuid", message.uuid
    yield "voicemail_email", to
    yield "voicemail_notify_email", to
    yield "voicemail_current_folder", message.folder
    yield "voicemail_priority", "3"
    yield "voicemail_total_new_messages", str(counts.new)
    yield "voicemail_total_saved_messages", str(counts.saved)
