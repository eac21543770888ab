"""What a peer subscribed to: a dialog of its own, and the NOTIFYs within it (RFC 6665 §4.2).

Lives here: the 200, the dialog, each NOTIFY, when it runs out.
Never here: who may subscribe, and what there is to tell.
"""

from __future__ import annotations

from typing import Final

from ..flow import Flow
from ..wire.message import Request
from .client_request import RequestHandle
from .core import Core
from .dialog import Dialog
from .events import IncomingRequest, NotifyAnswered

# Answers to a NOTIFY that end the subscription (RFC 6665 §4.2.2)
GONE: Final = (404, 405, 410, 416, *range(480, 486), 489, 501, 604)


def package_of(request: Request) -> str:
    """The event package that a request names, in lower case; empty without one."""
    return (request.get("Event") or "").partition(";")[0].strip().lower()


class Subscription:
    """One subscription. Its user tells the state by ``notify``, first of all at once (RFC 6665 §4.2.1.2).

    A NOTIFY that is answered, or never will be, is a `NotifyAnswered` of the user agent.
    """

    __slots__ = ("_core", "_dialog", "_event", "_under_way", "_user", "ended", "expires_at")

    def __init__(self, core: Core, incoming: IncomingRequest, contact_user: str) -> None:
        """``incoming`` is the SUBSCRIBE that begins it; it is answered by ``accept``."""
        request = incoming.request
        self._core = core
        self._dialog = Dialog.as_server(request, core.token(), incoming.flow, incoming.seen_at)
        self._event = ("Event", request.get("Event") or "")
        self._user = contact_user
        self._under_way = 0
        self.expires_at = 0.0
        self.ended = False

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our own tag."""
        return self._dialog.call_id, self._dialog.local_tag

    @property
    def flow(self) -> Flow:
        """The way to the peer."""
        return self._dialog.destination

    @property
    def waits(self) -> bool:
        """Whether a NOTIFY is under way; the next one should wait for its answer, so that none overtakes."""
        return self._under_way > 0

    def is_with(self, request: Request) -> bool:
        """Whether a request in this dialog comes from its peer."""
        return self._dialog.is_with(request.from_.tag or "")

    def accept(self, incoming: IncomingRequest, expires: int, now: float) -> bool:
        """Answer its SUBSCRIBE, the first or a later one; 0 seconds end it. False: an old one, refused.

        Whoever calls sends a NOTIFY next.
        """
        dialog, request = self._dialog, incoming.request
        if not dialog.accepts(request.cseq.number):
            self._core.respond(incoming.transaction, request, 500, now, here=incoming.seen_at)
            return False
        dialog.refresh(request, incoming.flow)
        self.expires_at = now + expires
        if expires and not self.ended:
            self._core.subscriptions[self.key] = self
        rows = [("Expires", str(expires)), self._core.contact(self._user)]
        self._core.respond(
            incoming.transaction, request, 200, now, tag=dialog.local_tag, headers=rows, here=incoming.seen_at
        )
        return True

    def notify(self, body: bytes, content_type: str, now: float, over: str = "") -> RequestHandle | None:
        """Tell how things are; the last of them after it ran out. None: nobody is told any more.

        ``over`` ends it sooner, and says why (``deactivated``, ``probation;retry-after=5`` …).
        """
        if self.ended:
            return None
        left = 0 if over else max(round(self.expires_at - now), 0)
        if not left:
            self.end()
        state = f"active;expires={left}" if left else f"terminated;reason={over or 'timeout'}"
        rows = [
            self._event,
            ("Subscription-State", state),
            self._core.contact(self._user),
            ("User-Agent", self._core.user_agent),
            *([("Content-Type", content_type)] if body else []),
        ]
        dialog = self._dialog
        dialog.here = self._core.seen_by(dialog.destination)  # we may be seen elsewhere by now
        notify = dialog.request("NOTIFY", headers=rows, body=body)
        self._under_way += 1
        return self._core.follow(
            notify, dialog.destination, dialog.here, None, now, self._answered, dialog.next_cseq
        )

    def end(self) -> None:
        """It is over; nothing is sent."""
        self.ended = True
        self._core.subscriptions.pop(self.key, None)

    def _answered(self, handle: object, response: object, now: float) -> None:
        """Who does not answer, or knows the subscription no more, is told no more."""
        self._under_way -= 1
        if response is None or getattr(response, "status", 0) in GONE:
            self.end()
        self._core.emit(NotifyAnswered(self))
