"""An UPDATE of ours (RFC 3311), and the session refresh it may be (RFC 4028 §7.4).

Lives here: its challenge, the interval raised after a 422, what ends the call.
Never here: when it is due, or which offer it carries.
"""

from __future__ import annotations

from ..wire.message import Request, Response
from .client_request import RequestHandle
from .core import SDP, Core
from .dialog import Dialog
from .events import RequestFailed
from .reinvite import GONE, Owner

UNSERVED = (405, 501)


class Update:
    """One UPDATE; without a body it only refreshes the session and the target."""

    __slots__ = ("_body", "_core", "_dialog", "_headers", "_owner", "handle")

    def __init__(
        self,
        core: Core,
        owner: Owner,
        dialog: Dialog,
        body: bytes,
        headers: tuple[tuple[str, str], ...],
        now: float,
    ) -> None:
        self._core = core
        self._owner: Owner | None = owner
        self._dialog = dialog
        self._body = body
        self._headers = headers
        self.handle = self._send(self._request(owner), owner, now)

    def forget(self) -> None:
        """The call is over."""
        if self._owner is not None and self._body:
            self._core.emit(RequestFailed(self.handle, "the call ended"))
        self._owner = None

    @property
    def offers(self) -> bool:
        """Whether it carries an offer, beside which the peer may make none."""
        return bool(self._body)

    def _request(self, owner: Owner) -> Request:
        rows = [
            self._core.contact(owner.contact_user, owner.contact_params),
            ("User-Agent", self._core.user_agent),
            self._core.allowing,
            self._core.supporting,
            *owner.session.request_rows(),
            *([SDP] if self._body else []),
            *self._headers,
        ]
        return self._dialog.request("UPDATE", headers=rows, body=self._body)

    def _send(self, request: Request, owner: Owner, now: float) -> RequestHandle:
        dialog = self._dialog
        return self._core.follow(
            request,
            dialog.destination,
            dialog.here,
            owner.credentials,
            now,
            lambda handle, response, at: self._ended(response, at),
            dialog.next_cseq,
        )

    def _ended(self, response: Response | None, now: float) -> None:
        owner = self._owner
        if owner is None:
            return
        if response is not None and response.status == 422:
            again = self._request(owner)
            if owner.session.ask_again(again, response):
                self.handle = self._send(again, owner, now)
                return
        self._owner = None
        owner.offers.update_done(self)
        if self._body:
            self._core.report(self.handle, response, now)
        if response is None or response.status in GONE:
            owner.leave(now, f"{response.status} to an UPDATE" if response else "no answer to an UPDATE")
        elif response.status < 300:
            self._dialog.refresh(response, self._dialog.flow)
            owner.session.take_response(response, now)
        elif response.status in UNSERVED:
            owner.updates = False  # its Allow said otherwise; the next refresh is a re-INVITE
