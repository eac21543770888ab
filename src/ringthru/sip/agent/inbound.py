"""Calls from peers: ring, answer, refuse, be cancelled (RFC 3261 §13.3).

Lives here: the way of an INVITE we received, until its ACK.
Never here: whether anybody wants the call.
"""

from __future__ import annotations

from ..errors import LocalError
from ..flow import Flow
from ..timers import Timer
from ..transactions.server_transaction import ServerTransaction
from ..wire.message import Request
from ..wire.reply import reason_phrase
from .call import Call, CallState, Direction, Headers
from .core import Core
from .dialog import Dialog
from .events import CallCancelled, CallConfirmed, CallEnded

STILL_RINGING = 60.0  # seconds between repeated provisionals, so that no proxy gives up (§13.3.1.1)
UNAVAILABLE = 480  # what hanging up says before the answer


class InboundCall(Call):
    """A call somebody makes to us. Its dialog exists from the first moment: we choose the tag."""

    direction = Direction.INBOUND

    def __init__(
        self, core: Core, transaction: ServerTransaction, request: Request, flow: Flow, now: float
    ) -> None:
        here = core.seen_by(flow)
        uri = request.request_uri
        super().__init__(core, request, flow, here, (uri.user or "") if uri.is_sip else "")
        self._tag = core.token()
        self._transaction: ServerTransaction | None = transaction
        self._ringing: Timer | None = None
        self.dialog = Dialog.as_server(request, self._tag, flow, here)
        self.note_allow(request)
        core.calls[self.call_id, self._tag] = self
        transaction.on_cancel = self.cancel
        core.respond(transaction, request, 100, now)

    @property
    def request_tag(self) -> str:
        return self._tag

    def ring(self, now: float, status: int = 180, body: bytes = b"", headers: Headers = ()) -> bool:
        if self.state is CallState.ENDED:
            return False
        if not 100 < status < 200 or self._transaction is None:
            raise LocalError(f"{status} to a call that is {self.state.value}")
        self.state = CallState.EARLY
        if body and self.request.body:
            self.offers.agreed_early.add(self.request.from_.tag or "")
        rows = self._dialog_headers(headers, body)
        data = self._respond(self._transaction, status, now, None, rows, body)
        self._keep_ringing(data, now)
        return True

    def answer(self, now: float, body: bytes, headers: Headers = ()) -> bool:
        if self.state is CallState.ENDED:
            return False
        transaction = self._final()
        core = self._core
        session = self.session.answer_rows(self.request, now)
        rows = self._dialog_headers([core.allowing, core.supporting, *session, *headers], body)
        data = self._respond(transaction, 200, now, None, rows, body)
        self.state = CallState.ANSWERED
        self.await_ack(self.request.cseq.number, data, transaction, now)
        return True

    def reject(self, now: float, status: int, reason: str | None = None, headers: Headers = ()) -> bool:
        if self.state is CallState.ENDED:
            return False
        if not 300 <= status < 700:
            raise LocalError(f"a call cannot be rejected with {status}")
        self._respond(self._final(), status, now, reason, list(headers), b"")
        self._core.emit(CallEnded(self, f"rejected with {status} {reason or reason_phrase(status)}"))
        self.end(now)
        return True

    def abandon(self, now: float, headers: tuple[tuple[str, str], ...]) -> None:
        self.reject(now, UNAVAILABLE, headers=headers)

    def cancel(self, now: float, request: Request | None = None) -> None:
        """The caller gave up in time (§9.2); its CANCEL was answered."""
        self._respond(self._final(), 487, now, None, [], b"")
        self._core.emit(CallCancelled(self, request))
        self.end(now)

    def confirmed(self, ack: Request, now: float) -> None:
        if self.state is not CallState.ANSWERED:
            super().confirmed(ack, now)  # a re-INVITE's
            return
        self.state = CallState.CONFIRMED
        if self._farewell is not None:
            self.leave(now, "hung up here", self._farewell)
        else:
            self._core.emit(CallConfirmed(self, ack))

    def receive_bye(self, request: Request, now: float) -> None:
        """A caller may end an early dialog by BYE as well (§15.1.2): the INVITE is then refused with 487."""
        if self._transaction is not None:
            self.cancel(now, request)
        else:
            super().receive_bye(request, now)

    def end(self, now: float) -> None:
        self._core.layer.timers.cancel(self._ringing)
        self._transaction = None
        super().end(now)

    def _final(self) -> ServerTransaction:
        """The INVITE's transaction, for its one final response."""
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            raise LocalError(f"the call is {self.state.value} already")
        self._core.layer.timers.cancel(self._ringing)
        return transaction

    def _respond(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        reason: str | None,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> bytes:
        return self._core.respond(
            transaction,
            self.request,
            status,
            now,
            reason=reason,
            tag=self._tag,
            headers=headers,
            body=body,
            here=self.seen_at,
        )

    def _dialog_headers(self, headers: Headers, body: bytes) -> list[tuple[str, str]]:
        """What a response that makes the dialog carries (§12.1.1)."""
        route = [pair for pair in self.request.headers if pair[0] == "Record-Route"]
        return [*route, self._core.contact(self.contact_user), *self.sdp_headers(body), *headers]

    def _keep_ringing(self, data: bytes, now: float) -> None:
        timers = self._core.layer.timers
        timers.cancel(self._ringing)
        self._ringing = timers.start(now + STILL_RINGING, lambda at: self._ring_again(data, at))

    def _ring_again(self, data: bytes, now: float) -> None:
        if self._transaction is not None:
            self._core.layer.send(data, self._transaction.flow)
            self._keep_ringing(data, now)
