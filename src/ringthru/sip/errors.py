"""What the SIP room raises on purpose: one root, two branches.

Lives here: the exceptions, and what a receiver may still do about a bad message.
Never here: text for users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .wire.message import Request


class SipError(Exception):
    """Everything this package raises on purpose."""


class LocalError(SipError):
    """We asked for what the protocol forbids: a bug or a bad setting; never retried."""


class RemoteError(SipError):
    """The peer sent what we cannot use: logged and counted, never fatal."""


class MalformedMessage(RemoteError):
    """The bytes are not the message (or header, or URI) they claim to be.

    ``answerable`` is the request as far as it could be read, present when its Via can be, so that
    it can be refused with ``status`` (400, or 505 for another protocol version, RFC 3261
    §21.5.6). Never set for an ACK or a response.
    """

    def __init__(self, text: str, *, answerable: Request | None = None, status: int = 400) -> None:
        super().__init__(text)
        self.answerable = answerable
        self.status = status
