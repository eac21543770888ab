"""Calls of ours: an INVITE, its early dialogs, its answer or answers (RFC 3261 §13.2, §9.1).

Lives here: the way of an INVITE we sent, forks and cancelling included.
Never here: whom to call, or what is offered.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...net.address import Endpoint
from ..flow import Flow
from ..timers import Timer
from ..transactions.client_transaction import ClientTransaction
from ..wire.message import Request, Response
from ..wire.reply import reason_phrase
from .call import Call
from .call_state import CallState, Direction
from .client_request import UNAVAILABLE, Authentication, Login, Nobody, Wallet, credentials_of
from .core import Core
from .dialog import Dialog
from .events import CallAnswered, CallConfirmed, CallFailed, CallProgress

MAX_FORKS = 16  # early dialogs, or answers, that one INVITE of ours may bring
KEPT = frozenset(("From", "Call-ID", "CSeq", "To", "Authorization", "Proxy-Authorization"))


class OutboundCall(Call):
    """A call we make."""

    direction = Direction.OUTBOUND

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        seen_at: Endpoint,
        contact_user: str,
        credentials: Login | None,
        alternatives: Sequence[Flow] = (),
        *,
        more: bool = False,
    ) -> None:
        """``more``: whoever calls knows of others to call, should nobody answer here."""
        super().__init__(core, request, flow, seen_at, contact_user)
        self._alternatives = list(alternatives)
        self._more = more
        self.credentials = Wallet(credentials) if credentials is not None else None
        self._tag = request.from_.tag or ""
        self._authentication = Authentication(self.credentials, core.token)
        self._transaction: ClientTransaction | None = None
        self._early: dict[str, Dialog] = {}  # by the peer's tag
        self._provisional = False  # whether a CANCEL may be sent yet (§9.1)
        self._abandoned: tuple[tuple[str, str], ...] | None = None
        self._patience: Timer | None = None
        core.calls[self.call_id, self._tag] = self
        for row in self.session.request_rows():
            request.add(*row)

    @property
    def request_tag(self) -> str:
        return self._tag

    def dialog_with(self, tag: str) -> Dialog | None:
        return self._early.get(tag) if self.dialog is None else super().dialog_with(tag)

    @property
    def dialogs(self) -> tuple[Dialog, ...]:
        return tuple(self._early.values()) if self.dialog is None else (self.dialog,)

    def start(self, now: float) -> None:
        """Send the INVITE (again, when it was challenged)."""
        self._provisional = False
        self._early.clear()
        self.offers.agreed_early.clear()
        self._transaction = self._core.layer.request(
            self.request, self._flow, self._seen_at, self, now, more=self._more or bool(self._alternatives)
        )

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        if self.state is CallState.ENDED:
            return
        if response.status < 200:
            self._progress(response, flow, now)
        elif response.status < 300:
            self._answered(response, flow, now)
        else:
            self._refused(response, now)

    def handle_no_answer(self, now: float) -> None:
        flow = self._flow if self._transaction is None else self._transaction.flow
        before = (self.request, flow, self._seen_at)
        if not self._try_elsewhere(now):
            self._fail(408, now)
            if not self._more:
                return
        ForsakenInvite(self._core, *before, self.credentials, now)

    def abandon(self, now: float, headers: tuple[tuple[str, str], ...]) -> None:
        """CANCEL, once there was a provisional response: before it none may be sent (§9.1)."""
        if self._abandoned is None:
            self._abandoned = headers
            if self._provisional:
                self._cancel(now)

    def receive_bye(self, request: Request, now: float) -> None:
        """In an early dialog a callee's BYE means that all its answers were lost (§15)."""
        if self.dialog is None:
            self.abandon(now, ())
        else:
            super().receive_bye(request, now)

    def end(self, now: float) -> None:
        self._core.layer.timers.cancel(self._patience)
        self._transaction = None
        self._early.clear()
        super().end(now)

    def awaits_answer(self, tag: str) -> bool:
        return tag not in self.offers.agreed_early if self.dialog is None else super().awaits_answer(tag)

    def _progress(self, response: Response, flow: Flow, now: float) -> None:
        first, self._provisional = not self._provisional, True
        if self._abandoned is not None:
            if first:
                self._cancel(now)
            return
        tag = response.to.tag
        if response.status == 100:
            return
        if tag and tag not in self._early and len(self._early) < MAX_FORKS:
            self._early[tag] = Dialog.as_client(self.request, response, flow, self._seen_at, self._flow)
        if response.body and self.request.body and tag in self._early:
            self.offers.agreed_early.add(tag)
        self.state = CallState.EARLY
        self._core.emit(CallProgress(self, response))

    def _answered(self, response: Response, flow: Flow, now: float) -> None:
        """§13.2.2.4. From here on `AcceptedInvite` acknowledges whatever comes."""
        accepted = AcceptedInvite(self._core, self.request, self._seen_at, self.credentials, self._flow)
        if self._transaction is not None:
            self._transaction.user = accepted
        early = self._early.get(response.to.tag or "")
        dialog = self.dialog = accepted.acknowledge(response, flow, now)
        if early is not None:  # requests may have crossed in it already
            dialog.remote_cseq = early.remote_cseq
            dialog.local_cseq = max(dialog.local_cseq, early.local_cseq)
        self.state = CallState.CONFIRMED
        if self._abandoned is not None:  # it crossed our CANCEL (§9.1)
            self._core.bye(dialog, self.credentials, now, self._abandoned)
            self._fail(487, now)
            return
        self._transaction = None
        self.note_allow(response)
        if self.credentials is not None:
            self.credentials.learn(response)
        self.session.take_response(response, now)
        self._core.emit(CallAnswered(self, response))
        self._core.emit(CallConfirmed(self))

    def _refused(self, response: Response, now: float) -> None:
        if self._abandoned is None:
            if response.status == UNAVAILABLE and self._try_elsewhere(now):
                return
            again = self._authentication.retry(self.request, response, self._next_cseq)
            if again is None and response.status == 422:
                again = self._with_longer_session(response)
            if again is not None:
                self.request = again
                self.start(now)
                return
        self._fail(response.status, now, response)

    def _try_elsewhere(self, now: float) -> bool:
        """Send the INVITE to the next place that its URI leads to, if there is one (RFC 3263 §4.3)."""
        if not self._alternatives or self._abandoned is not None:
            return False
        self._flow = self._alternatives.pop(0)
        self._seen_at = self._core.seen_by(self._flow)
        self.request = self.request.copy()
        self.request.remove("Via")
        self.start(now)
        return True

    def _with_longer_session(self, response: Response) -> Request | None:
        """The INVITE with the interval that a 422 asks for (RFC 4028 §7.3)."""
        again = self.request.copy()
        again.remove("Via")
        again.set("CSeq", f"{self._next_cseq()} INVITE")
        return again if self.session.ask_again(again, response) else None

    def _next_cseq(self) -> int:
        return self.request.cseq.number + 1

    def _cancel(self, now: float) -> None:
        layer = self._core.layer
        if self._transaction is not None:
            layer.cancel(self._transaction, Nobody(), now, self._abandoned or ())
        self._patience = layer.timers.start(now + layer.timing.patience, self._cancel_unanswered)

    def _cancel_unanswered(self, now: float) -> None:
        """§9.1: after 64 × T1 without a final response the INVITE is taken for cancelled."""
        if self._transaction is not None:
            self._transaction.terminate()
        self._fail(487, now)

    def _fail(self, status: int, now: float, response: Response | None = None) -> None:
        reason = response.reason if response is not None else reason_phrase(status)
        self._core.emit(CallFailed(self, status, reason, response))
        self.end(now)


class ForsakenInvite:
    """An INVITE of ours that was given up for the next place, should the first one answer after all.

    It was only slow: its phone must not go on ringing, nor wait for an ACK.
    """

    __slots__ = ("_accepted", "_cancelled", "_layer", "_patience", "_transaction")

    def __init__(
        self, core: Core, request: Request, flow: Flow, here: Endpoint, login: Wallet | None, now: float
    ) -> None:
        self._layer = core.layer
        self._accepted = AcceptedInvite(core, request, here, login, flow)
        self._transaction = core.layer.listen_for_late_answers(request, flow, here, self)
        self._cancelled = False
        self._patience = self._end_after_all(now)

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        if response.status >= 200:
            self._accepted.receive_response(response, flow, now)
        elif not self._cancelled:
            self._cancelled = True
            self._layer.timers.cancel(self._patience)
            self._layer.cancel(self._transaction, Nobody(), now)
            self._patience = self._end_after_all(now)  # §9.1

    def handle_no_answer(self, now: float) -> None:
        """Cannot be: no timer of the transaction's runs."""

    def _end_after_all(self, now: float) -> Timer:
        return self._layer.timers.start(now + self._layer.timing.patience, self._end)

    def _end(self, now: float) -> None:
        if self._transaction.request is not None:  # else it was answered, and ends by itself
            self._transaction.terminate()


class AcceptedInvite:
    """What remains of an INVITE of ours once it was answered, for as long as 2xx may come (§13.2.2.4).

    It repeats the ACK of a repeated 2xx, and takes its leave of every further callee that a fork
    brought. It outlives the call by half a minute, so it keeps little.
    """

    __slots__ = ("_acks", "_core", "_here", "_login", "_request", "_sent")

    def __init__(
        self, core: Core, request: Request, here: Endpoint, login: Wallet | None, sent: Flow
    ) -> None:
        kept = [pair for pair in request.headers if pair[0] in KEPT]
        self._request = Request(request.method, request.uri, kept)
        self._core = core
        self._here = here
        self._login = login
        self._sent = sent
        self._acks: dict[str, tuple[bytes, Flow]] = {}  # by the callee's tag

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        if not 200 <= response.status < 300:
            return
        known = self._acks.get(response.to.tag or "")
        if known is not None:
            self._core.layer.send(*known)
        elif len(self._acks) < MAX_FORKS:
            dialog = self.acknowledge(response, flow, now)
            self._core.bye(dialog, self._login, now)

    def handle_no_answer(self, now: float) -> None:
        """Cannot be: it was answered."""

    def acknowledge(self, response: Response, flow: Flow, now: float) -> Dialog:
        """The dialog of a 2xx, its ACK sent."""
        dialog = Dialog.as_client(self._request, response, flow, self._here, self._sent)
        number = self._request.cseq.number
        self._acks[dialog.remote_tag] = self._core.acknowledge(
            dialog, number, now, credentials_of(self._request)
        )
        return dialog
