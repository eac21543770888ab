"""A re-INVITE of ours (RFC 3261 §14.1).

Lives here: its ACK, its challenge, the wait after a 491, and what ends the call.
Never here: which offer it carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from zlib import crc32

from ..flow import Flow
from ..timers import Timer
from ..transactions.client_transaction import ClientTransaction
from ..wire.message import Message, Request, Response
from .client_request import Authentication, RequestHandle, Wallet, credentials_of
from .core import SDP, Core
from .dialog import Dialog
from .events import RequestFailed, ResponseReceived
from .session_timer import SessionTimer

if TYPE_CHECKING:
    from .call_state import Direction
    from .offers import Offers

MAX_GLARES = 5  # 491s waited out before it is the user's problem
GONE = (408, 481)  # after these the dialog is no more (§12.2.1.2)


class Owner(Protocol):
    """The call, as its re-INVITE sees it."""

    direction: Direction
    contact_user: str
    contact_params: str
    credentials: Wallet | None
    offers: Offers
    session: SessionTimer
    updates: bool

    def leave(self, now: float, reason: str) -> None: ...

    def note_allow(self, message: Message) -> None: ...


class Reinvite:
    """One offer of ours in a standing call, with its repetitions."""

    __slots__ = (
        "_acks",
        "_authentication",
        "_body",
        "_core",
        "_dialog",
        "_glares",
        "_handle",
        "_headers",
        "_owner",
        "_transaction",
        "_waiting",
    )

    def __init__(
        self, core: Core, owner: Owner, dialog: Dialog, body: bytes, headers: tuple[tuple[str, str], ...]
    ) -> None:
        self._core = core
        self._owner: Owner | None = owner
        self._dialog = dialog
        self._body = body
        self._headers = [
            core.contact(owner.contact_user, owner.contact_params),
            ("User-Agent", core.user_agent),
            core.allowing,
            core.supporting,
            *([SDP] if body else []),
            *headers,
        ]
        self._glares = 0
        self._waiting: Timer | None = None
        self._transaction: ClientTransaction | None = None
        self._acks: tuple[bytes, Flow] | None = None
        self._authentication = Authentication(owner.credentials, core.token)
        self._handle = RequestHandle(self._request(owner), dialog.destination, dialog.here)
        self._authentication.prepare(self._handle.request)

    @property
    def under_way(self) -> bool:
        """Whether it is out, not waiting after a 491: then the peer may offer first."""
        return self._waiting is None

    def start(self, now: float) -> RequestHandle:
        handle, dialog = self._handle, self._dialog
        self._transaction = self._core.layer.request(
            handle.request, dialog.destination, dialog.here, self, now
        )
        return handle

    def forget(self, now: float) -> None:
        """The call is over; a late 2xx is still acknowledged, but not awaited for ever."""
        layer = self._core.layer
        layer.timers.cancel(self._waiting)
        self._waiting = layer.timers.start(now + layer.timing.patience, self._give_up)
        if self._owner is not None:
            self._core.emit(RequestFailed(self._handle, "the call ended"))
        self._owner = None

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        if response.status < 200:
            return
        if response.status < 300:
            self._accepted(response, flow, now)
        elif self._owner is not None:
            self._refused(self._owner, response, now)

    def handle_no_answer(self, now: float) -> None:
        if (owner := self._done()) is not None:
            self._core.emit(RequestFailed(self._handle, "no answer"))
            owner.leave(now, "no answer to a re-INVITE")

    def _request(self, owner: Owner) -> Request:
        rows = [*self._headers, *owner.session.request_rows()]
        return self._dialog.request("INVITE", headers=rows, body=self._body)

    def _accepted(self, response: Response, flow: Flow, now: float) -> None:
        if self._acks is not None:
            self._core.layer.send(*self._acks)
            return
        self._dialog.refresh(response, flow)
        request = self._handle.request
        credentials = credentials_of(request)
        self._acks = self._core.acknowledge(self._dialog, request.cseq.number, now, credentials)
        if (owner := self._done()) is not None:
            if owner.credentials is not None:
                owner.credentials.learn(response)
            owner.session.take_response(response, now)
            owner.note_allow(response)
            self._core.emit(ResponseReceived(self._handle, response))

    def _refused(self, owner: Owner, response: Response, now: float) -> None:
        again = self._authentication.retry(self._handle.request, response, self._dialog.next_cseq)
        if again is None and response.status == 422:
            longer = self._request(owner)
            again = longer if owner.session.ask_again(longer, response) else None
        if again is not None:
            self._handle.request = again
            self.start(now)
        elif response.status == 491 and self._glares < MAX_GLARES:
            self._glares += 1
            self._waiting = self._core.layer.timers.start(now + self._backoff(owner), self._again)
        else:
            self._done()
            self._core.emit(ResponseReceived(self._handle, response))
            if response.status in GONE:
                owner.leave(now, f"re-INVITE answered with {response.status}")

    def _backoff(self, owner: Owner) -> float:
        """§14.1: who made the Call-ID waits 2.1–4 s, the other 0–2 s, in steps of 10 ms."""
        chance = crc32(self._core.token().encode())
        if owner.direction.value == "outbound":
            return 2.1 + chance % 191 / 100
        return chance % 201 / 100

    def _again(self, now: float) -> None:
        if self._owner is not None and self._owner.offers.received:  # the peer's offer came first
            self._waiting = self._core.layer.timers.start(now + self._backoff(self._owner), self._again)
            return
        self._waiting = None
        if self._owner is not None:
            self._handle.request = self._request(self._owner)
            self._authentication.prepare(self._handle.request)
            self.start(now)

    def _give_up(self, now: float) -> None:
        if self._transaction is not None and self._transaction.request is not None:
            self._transaction.terminate()

    def _done(self) -> Owner | None:
        owner, self._owner = self._owner, None
        self._transaction = None
        if owner is not None:
            owner.offers.reinvite_done()
        return owner
