"""A message of voicemail as a mail: from a template of FreeSWITCH's kind, or in words of our own.

A template is a mail with ``${voicemail_…}`` in it: headers, an empty line, the text, which may begin with a
Content-Type of its own (a multipart, say). What a caller wrote stands in it as text, and as nothing else: no
header is made of it, no address and no HTML.

Lives here: the mail as bytes. Never here: files, the program that takes it (``mailing``).
"""

from __future__ import annotations

import html
from collections.abc import Callable
from email import message_from_string
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default as POLICY
from email.utils import formatdate, make_msgid
from typing import Final

from ..configuration.expand import expand
from ..dialing.leg_variables import one_line
from .mail_letter import Letter

SUBJECT: Final = "Voicemail from ${voicemail_caller_id_name} ${voicemail_caller_id_number}"
TEXT: Final = """\
${voicemail_caller_id_name} ${voicemail_caller_id_number} left a message of ${voicemail_message_len} for \
${voicemail_account}@${voicemail_domain}.

${voicemail_time}
"""
# Of a value that stands in a header: what could begin an address, or end a name in quotes
IN_HEADERS: Final = str.maketrans(dict.fromkeys('"<>\\', " "))
OURS: Final = ("to", "date", "message-id", "auto-submitted", "mime-version")  # no template's business


class BadTemplate(ValueError):
    """No mail can be made of it; the message says why."""


def compose(letter: Letter, template: str = "", sound: bytes = b"") -> bytes:
    """The whole mail, its lines ended as programs of the machine expect it; ``sound`` is a WAV file.

    Raises:
        BadTemplate: of a template of its own no mail can be made.
    """
    try:
        mail = _from_template(template, letter) if template else _in_our_words(letter)
        if "From" not in mail:
            mail["From"] = letter.sender
        mail["To"] = letter.to
        mail["Date"] = formatdate(localtime=True)
        mail["Message-ID"] = make_msgid(domain="voicemail.invalid")
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no robot shall answer
        if sound and letter.sound is not None:
            mail.add_attachment(sound, maintype="audio", subtype="x-wav", filename=letter.sound.name)
        return mail.as_bytes()
    except (MessageError, ValueError, LookupError, IndexError) as error:
        raise BadTemplate(str(error) or type(error).__name__) from error


def _in_our_words(letter: Letter) -> EmailMessage:
    mail = EmailMessage(POLICY)
    mail["Subject"] = _for_headers(SUBJECT, letter)
    mail.set_content(expand(TEXT, letter.value))
    return mail


def _from_template(template: str, letter: Letter) -> EmailMessage:
    head, _, text = template.replace("\r\n", "\n").lstrip().partition("\n\n")
    headers = message_from_string(f"{head}\n\n").items()
    mail, about = EmailMessage(POLICY), []
    for name, value in headers:
        if name.lower().startswith("content-"):
            about.append(f"{name}: {value}\n")
        elif name.lower() not in OURS:
            mail[name] = _for_headers(" ".join(value.split()), letter)
    if not text.lower().startswith("content-"):
        text = f"{''.join(about)}\n{text}"
    _take_text(mail, _expanded(message_from_string(text, policy=POLICY), letter))
    return mail


def _take_text(mail: EmailMessage, text: EmailMessage) -> None:
    for name, value in text.items():
        if name.lower().startswith("content-"):
            mail[name] = value
    mail["MIME-Version"] = "1.0"
    mail.set_payload(text.get_payload())


def _expanded(text: EmailMessage, letter: Letter) -> EmailMessage:
    """The text, or each of its parts, with its values; in UTF-8, whatever the template says of itself."""
    for part in text.walk():
        if part.get_content_maintype() == "text":
            lookup = _escaped(letter) if part.get_content_subtype() == "html" else letter.value
            whole = expand(str(part.get_payload()), lookup)
            part.set_content(whole, subtype=part.get_content_subtype(), charset="utf-8")
    return text


def _escaped(letter: Letter) -> Callable[[str], str]:
    return lambda name: html.escape(letter.value(name))


def _for_headers(text: str, letter: Letter) -> str:
    def value(name: str) -> str:
        return one_line(letter.value(name)).translate(IN_HEADERS)

    return one_line(expand(text, value))
