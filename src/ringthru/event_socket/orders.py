"""What a connection wants done by those who have sockets, channels and commands.

Each is handed out once by ``Connection.orders``; those with an answer are told it by ``Connection.answer``.
"""

from __future__ import annotations

from ..net.values import frozen
from .framing import Header, Request


@frozen
class CheckPassword:
    """A wrong password was given: somebody may be guessing."""

    what: str  # for the log


@frozen
class RunApi:
    """Run a command and answer with its body; nothing else is read meanwhile."""

    line: str
    console: bool  # as the console reads it: ``;;`` between commands


@frozen
class RunJob:
    """Run a command beside everything else; an event BACKGROUND_JOB brings its body."""

    line: str
    uuid: str


@frozen
class SendMessage:
    """``sendmsg``: have a channel do something. The answer is the reply's text."""

    uuid: str
    request: Request


@frozen
class FireEvent:
    """``sendevent``: tell everybody who listens."""

    name: str
    headers: tuple[Header, ...]
    body: str


@frozen
class Listen:
    """Events of these names are to be made for us from now on."""

    names: frozenset[str]


@frozen
class Tap:
    """Lines of the log are wanted, up to FreeSWITCH's level 0–7; None: no more."""

    level: int | None


@frozen
class ReadVariable:
    """``getvar``: a variable of our channel. The answer is its value."""

    name: str


@frozen
class DescribeChannel:
    """``connect``: all that is known of our channel. The answer is its headers as lines."""


@frozen
class Close:
    """All has been said: close, when what is to be sent is sent."""

    why: str  # for the log


Order = (
    CheckPassword
    | RunApi
    | RunJob
    | SendMessage
    | FireEvent
    | Listen
    | Tap
    | ReadVariable
    | DescribeChannel
    | Close
)
