"""The offers of one call: one at a time, theirs or ours (RFC 3261 §14, RFC 3264 §4, RFC 3311 §5).

Lives here: which offer is under way, and what is said to one that meets another.
Never here: what an offer says, or who wants to make one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..flow import Flow
from ..transactions.server_transaction import ServerTransaction
from ..wire.message import Request
from .client_request import RequestHandle
from .core import Core
from .dialog import Dialog
from .events import IncomingRequest
from .reinvite import Reinvite
from .update import Update

if TYPE_CHECKING:
    from .call import Call


class Offers:
    """The offers of a call, which is handed in and not kept, as by ``UnconfirmedAnswers``.

    ``agreed_early``: the peer's tags of early dialogs whose offer was answered.
    """

    __slots__ = ("_core", "_received", "_reinvite", "_updating", "agreed_early")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._received: dict[int, IncomingRequest] = {}  # re-INVITEs and UPDATEs to be answered, by CSeq
        self._reinvite: Reinvite | None = None
        self._updating: Update | None = None
        self.agreed_early: set[str] = set()

    @property
    def received(self) -> bool:
        """Whether one of the peer waits for our answer."""
        return bool(self._received)

    @property
    def idle(self) -> bool:
        """Whether none is under way, in either direction."""
        return self._reinvite is None and self._updating is None and not self._received

    @property
    def sent(self) -> bool:
        """Whether one of ours is out. One that waits after a 491 is not: the peer may go first."""
        if self._reinvite is not None and self._reinvite.under_way:
            return True
        return self._updating is not None and self._updating.offers

    # Ours

    def reinvite(
        self, call: Call, dialog: Dialog, body: bytes, headers: tuple[tuple[str, str], ...], now: float
    ) -> RequestHandle:
        """Offer by INVITE, while the offers are ``idle``."""
        self._reinvite = Reinvite(self._core, call, dialog, body, headers)
        return self._reinvite.start(now)

    def update(
        self, call: Call, dialog: Dialog, body: bytes, headers: tuple[tuple[str, str], ...], now: float
    ) -> RequestHandle:
        """Offer by UPDATE, while the offers are ``idle``; without a body it offers nothing, and refreshes."""
        self._updating = Update(self._core, call, dialog, body, headers, now)
        return self._updating.handle

    def reinvite_done(self) -> None:
        self._reinvite = None

    def update_done(self, update: Update) -> None:
        if self._updating is update:
            self._updating = None

    # Theirs

    def receive(
        self,
        call: Call,
        dialog: Dialog,
        transaction: ServerTransaction,
        request: Request,
        flow: Flow,
        now: float,
    ) -> None:
        """§14.2 and RFC 3311 §5.2: one offer at a time in each direction, and 491 when two cross.

        Before the answer there may be an UPDATE, once a provisional response has answered the INVITE's offer.
        """
        agreed = request.method == "UPDATE" and dialog.remote_tag in self.agreed_early
        if call.awaits_answer(dialog.remote_tag):
            self._core.respond(transaction, request, 491, now)
        elif self.received or (call.early and not agreed):
            self._core.try_later(transaction, request, now)
        else:
            if request.method == "INVITE":
                self._core.respond(transaction, request, 100, now)
                transaction.on_cancel = self._canceller(transaction, request)
            self._received[request.cseq.number] = call.hand_up(dialog, transaction, request, flow)

    def answered(self, number: int) -> None:
        """The peer's offer with this CSeq has its final response."""
        self._received.pop(number, None)

    def _canceller(
        self, transaction: ServerTransaction, request: Request
    ) -> Callable[[float, Request | None], None]:
        def cancel(now: float, _: Request | None = None) -> None:
            self.answered(request.cseq.number)
            self._core.respond(transaction, request, 487, now)

        return cancel

    def end(self, now: float) -> None:
        """The call is over: refuse theirs (§15.1.2), and expect nothing of ours."""
        for incoming in self._received.values():
            if not incoming.transaction.answered:
                self._core.respond(incoming.transaction, incoming.request, 487, now)
        self._received.clear()
        if self._reinvite is not None:
            self._reinvite.forget(now)
            self._reinvite = None
        if self._updating is not None:
            self._updating.forget()
            self._updating = None
