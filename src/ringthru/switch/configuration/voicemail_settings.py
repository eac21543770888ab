"""What voicemail.conf says: profiles of voicemail, their keys and their bounds.

Lives here: names, types, defaults. Never here: a box, a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...net.values import frozen
from .expand import expand
from .parameters import read_parameters
from .tree import Element, Tree
from .values import read_boolean, whole

MOST_SECONDS: Final = 3600  # of one message, whatever a profile asks for
MOST_MESSAGES: Final = 10_000  # of one box, likewise
KEYS: Final = (  # what a caller presses, by FreeSWITCH's names
    *("terminator-key", "play-new-messages-key", "play-saved-messages-key", "config-menu-key"),
    *("record-greeting-key", "listen-file-key", "save-file-key", "delete-file-key"),
    *("next-message-key", "repeat-message-key", "main-menu-key", "change-pass-key"),
    "email-key",
)
# FreeSWITCH's that mean nothing here: there is no web page, one form of file, and no other menu
PASSED_OVER: Final = (
    *("file-extension", "web-template-file", "record-sample-rate", "record-comment", "record-title"),
    *("record-copyright", "odbc-dsn", "callback-dialplan", "callback-context", "pause-key"),
    *("restart-key", "ff-key", "rew-key", "skip-greet-key", "skip-info-key", "previous-message-key"),
    *("login-keys", "choose-greeting-key", "record-name-key", "record-file-key"),
    *("undelete-file-key", "operator-key", "operator-extension", "vmain-key", "vmain-extension"),
    *("max-retries", "db-password-override", "auto-playback-recordings", "play-new-messages-lifo"),
    *("play-saved-messages-lifo", "forward-key", "callback-key", "urgent-key", "allow-recording-urgent"),
    *("email_headers", "prepend-key", "forward-prepend-key", "message-query-exact-match"),
)


def _key(text: str) -> str:
    text = text.strip()
    if len(text) != 1 or text not in "0123456789*#ABCD":
        raise ValueError("a key of a telephone: 0 to 9, * or #")
    return text


def _text(text: str) -> str:
    return text.strip()


PARAMETERS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(PASSED_OVER, _text),
    **dict.fromkeys(KEYS, _key),
    "tone-spec": _text,
    "storage-dir": _text,
    "allow-empty-password-auth": read_boolean,
    "max-login-attempts": whole(1, 10),
    "digit-timeout": whole(500, 60_000),
    "min-record-len": whole(0, MOST_SECONDS),
    "max-record-len": whole(1, MOST_SECONDS),
    "record-silence-threshold": whole(0, 32767),
    "record-silence-hits": whole(0, MOST_SECONDS),
    "max-messages": whole(1, MOST_MESSAGES),
    "max-megabytes": whole(1, 1_000_000),
}


MAIL_PARAMETERS: Final[Mapping[str, Any]] = {
    "template-file": _text,
    "notify-template-file": _text,
    "date-fmt": _text,
    "email-from": _text,
}


@frozen
class MailSettings:
    """``<email>`` of a profile. Templates are files below the configuration's folder; empty: our words."""

    template_file: str = ""
    notify_template_file: str = ""
    date_format: str = "%A, %B %d %Y, %I %M %p"
    email_from: str = "${voicemail_account}@${voicemail_domain}"

    def sender_of(self, values: Mapping[str, str]) -> str:
        """Who the mail is from, where the user's own params do not say."""
        return expand(self.email_from, values.get)


@frozen
class VoicemailProfile:
    """How the boxes of one profile are. Spans are seconds, except where a name says otherwise."""

    name: str = "default"
    keys: Mapping[str, str] = {}  # by FreeSWITCH's name; see ``key``
    tone: str = "tone_stream://%(1000,0,640)"  # heard before recording begins
    folder: str = ""  # of the messages; empty: below storage_dir
    allow_empty_password: bool = False  # whether a box without vm-password opens to whoever names it
    login_attempts: int = 3
    digit_timeout: float = 10.0  # until a key must come
    shortest: int = 3  # a message below that is none
    longest: int = 300
    silence_level: int = 200  # mean magnitude below which nobody speaks; of 32767
    silence_ends: int = 5  # of silence end a message; 0: they do not
    most_messages: int = 100  # of one box
    most_megabytes: int = 1000  # of the whole profile
    mail: MailSettings = MailSettings()

    def key(self, name: str) -> str:
        """The key that does what FreeSWITCH calls so."""
        return self.keys.get(name, USUAL_KEYS[name])


USUAL_KEYS: Final[Mapping[str, str]] = {
    "terminator-key": "#",
    "play-new-messages-key": "1",
    "play-saved-messages-key": "2",
    "config-menu-key": "5",
    "record-greeting-key": "1",
    "listen-file-key": "1",
    "save-file-key": "2",
    "delete-file-key": "7",
    "next-message-key": "3",
    "repeat-message-key": "0",
    "main-menu-key": "0",
    "change-pass-key": "6",
    "email-key": "4",
}
FIELDS: Final[Mapping[str, str]] = {  # of a profile, by the parameter's own field
    "storage_dir": "folder",
    "allow_empty_password_auth": "allow_empty_password",
    "max_login_attempts": "login_attempts",
    "min_record_len": "shortest",
    "max_record_len": "longest",
    "record_silence_threshold": "silence_level",
    "record_silence_hits": "silence_ends",
    "max_messages": "most_messages",
    "max_megabytes": "most_megabytes",
}


def load_voicemail(tree: Tree) -> dict[str, VoicemailProfile]:
    """The profiles of voicemail.conf by name; none where there is no such file.

    Raises:
        ConfigurationError: a value that cannot be meant.
    """
    element = tree.configuration("voicemail.conf")
    if element is None:
        return {}
    found = (_profile(each) for each in element.inside("profiles", "profile"))
    return {profile.name: profile for profile in found}


def _profile(element: Element) -> VoicemailProfile:
    name = element.get("name").strip() or "default"
    values = read_parameters(element.all("param"), PARAMETERS, f"voicemail.conf, profile {name}")
    keys = {each: values[field] for each in KEYS if (field := each.replace("-", "_")) in values}
    known: dict[str, Any] = {FIELDS[field]: value for field, value in values.items() if field in FIELDS}
    if tone := values.get("tone_spec"):
        known["tone"] = tone
    if "digit_timeout" in values:
        known["digit_timeout"] = values["digit_timeout"] / 1000
    return VoicemailProfile(name=name, keys=keys, mail=_mail(element, name), **known)


def _mail(element: Element, name: str) -> MailSettings:
    values = read_parameters(
        element.inside("email", "param"), MAIL_PARAMETERS, f"voicemail.conf, email of profile {name}"
    )
    if "date_fmt" in values:
        values["date_format"] = values.pop("date_fmt")
    return MailSettings(**{key: value for key, value in values.items() if value})
