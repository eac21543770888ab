"""The subscription that a REFER makes (RFC 3515 §2.4.4).

Lives here: what a REFER of ours says; the NOTIFYs we send, from 202 to the last, and those we get.
Never here: whom the REFER names, or whether anybody may do that.
"""

from __future__ import annotations

import re
from typing import Final, Self

from ...net.values import frozen
from ..errors import MalformedMessage
from ..wire.headers import NameAddr
from ..wire.message import Request
from ..wire.reply import reason_phrase
from ..wire.uri import SipUri
from .client_request import Wallet
from .core import Core
from .dialog import Dialog

LIFETIME: Final = 180  # seconds, told in Subscription-State; the outcome comes sooner, or the switch gives up
NO_NOTIFY: Final = (("Refer-Sub", "false"),)  # RFC 4488
SIPFRAG: Final = ("Content-Type", "message/sipfrag;version=2.0")
STATUS_LINE: Final = re.compile(rb"SIP/2\.0[ \t]+([1-6][0-9][0-9])(?![0-9])[ \t]*([^\r\n]{0,200})")


def wants_no_notify(refer: Request) -> bool:
    """Whether who sent the REFER does not want to hear how it goes (RFC 4488)."""
    return (refer.get("Refer-Sub") or "").strip().lower() == "false"


def asking_for(target: SipUri, local: str) -> list[tuple[str, str]]:
    """What a REFER of ours says: whom to call, by whose wish (RFC 3515, RFC 3892). ``local`` is our From."""
    return [("Refer-To", f"<{target}>"), ("Referred-By", f"<{NameAddr.parse(local).uri}>")]


@frozen
class Progress:
    """What a NOTIFY tells of the call that a REFER of ours asked for."""

    status: int
    reason: str
    ended: bool  # no further NOTIFY comes

    @classmethod
    def read(cls, request: Request) -> Self:
        """The first line of a ``message/sipfrag`` (RFC 3420), and the Subscription-State.

        Raises:
            MalformedMessage: the body begins with no status line.
        """
        found = STATUS_LINE.match(request.body.lstrip())
        if found is None:
            raise MalformedMessage(f"no status in a NOTIFY: {request.body[:40]!r}")
        state = (request.get("Subscription-State") or "").strip().lower()
        words = "".join(each for each in found[2].decode("utf-8", "replace") if each.isprintable())
        return cls(int(found[1]), words.strip(), state.startswith("terminated"))


class Referral:
    """Tells who sent the REFER how it goes; it may outlive the call (RFC 5057)."""

    __slots__ = ("_core", "_dialog", "_event", "_login", "_silent", "_user", "ended")

    def __init__(
        self, core: Core, dialog: Dialog, number: int, login: Wallet | None, contact_user: str, silent: bool
    ) -> None:
        """``number`` is the REFER's CSeq; ``silent``: the peer wants no NOTIFYs (RFC 4488)."""
        self._core = core
        self._dialog = dialog
        self._event = ("Event", f"refer;id={number}")
        self._login = login
        self._user = contact_user
        self._silent = silent
        self.ended = False

    def notify(self, status: int, now: float, reason: str | None = None) -> None:
        """Tell the status of the call that the REFER asked for; a final one ends the subscription."""
        if self.ended:
            return
        self.ended = status >= 200
        if self._silent:
            return
        state = "terminated;reason=noresource" if self.ended else f"active;expires={LIFETIME}"
        rows = [
            self._event,
            ("Subscription-State", state),
            self._core.contact(self._user),
            ("User-Agent", self._core.user_agent),
            SIPFRAG,
        ]
        body = f"SIP/2.0 {status} {reason or reason_phrase(status)}\r\n".encode()
        dialog = self._dialog
        self._core.follow(
            dialog.request("NOTIFY", headers=rows, body=body),
            dialog.destination,
            dialog.here,
            self._login,
            now,
            self._answered,
            dialog.next_cseq,
        )

    def _answered(self, handle: object, response: object, now: float) -> None:
        """A peer that knows the subscription no more (481) is told no more."""
        if response is None or getattr(response, "status", 0) >= 400:
            self.ended = True
