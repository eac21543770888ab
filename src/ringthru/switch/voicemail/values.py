"""What is spoken of where voicemail is: a box, a message, how many there are.

Lives here: values. Never here: files, calls.
"""

from __future__ import annotations

from ...net.values import frozen
from ..calls.caller import Caller


@frozen
class Box:
    """One user's, in one profile of voicemail.conf."""

    profile: str
    domain: str
    user: str

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"


@frozen
class Message:
    """One message. Moments are seconds since 1970; ``read`` is 0 while nobody has heard it."""

    uuid: str
    box: Box
    created: int
    read: int
    caller: Caller
    path: str
    seconds: int
    flags: str = ""  # "save": somebody said so
    folder: str = "inbox"


@frozen
class Counts:
    """Messages of one box. Urgent ones exist in FreeSWITCH alone: they are counted as 0."""

    new: int = 0
    saved: int = 0

    @property
    def voice(self) -> str:
        """``NEW/SAVED (URGENT/URGENT)``, as RFC 3842 §5.2 writes it."""
        return f"{self.new}/{self.saved} (0/0)"


class NoVoicemail(Exception):
    """What was asked for cannot be; the message says why."""
