"""Calls: one INVITE dialog, theirs or ours, from the first word to the last (RFC 3261 §13–§15).

Lives here: what both directions share: requests inside the dialog, hanging up.
Never here: how a call begins (`inbound.py`, `outbound.py`), which offer may go out (`offers.py`), SDP.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...net.address import Endpoint
from ..errors import LocalError
from ..flow import Flow
from ..transactions.server_transaction import ServerTransaction
from ..wire.message import Message, Request
from ..wire.uri import SipUri
from .call_state import CallState, Direction
from .client_request import RequestHandle, Wallet
from .core import SDP, Core
from .dialog import Dialog
from .events import (
    CallConfirmed,
    CallEnded,
    IncomingRequest,
    RequestReceived,
    SessionRefreshDue,
)
from .offers import Offers
from .referral import NO_NOTIFY, Referral, asking_for, wants_no_notify
from .session_timer import SessionTimer
from .unconfirmed import UnconfirmedAnswers

Headers = Iterable[tuple[str, str]]
SESSION_TIMEOUT = ("Reason", 'SIP;cause=408;text="Session Timer Expired"')
REFRESH_AGAIN = 5.0  # seconds until a refresh that crossed an offer, or failed, is tried again
ACK_TIMEOUT = ("Reason", 'SIP;cause=408;text="ACK Timeout"')


class Call:
    """One INVITE dialog. What is asked of a call that has just ended is not done, and says so with False.

    ``flow`` is the peer as last seen; ``seen_at`` our own address as it was told (it changes with
    `reinvite` only).
    """

    direction: Direction

    def __init__(
        self, core: Core, request: Request, flow: Flow, seen_at: Endpoint, contact_user: str
    ) -> None:
        self.state = CallState.TRYING
        self.request = request
        self.contact_user = contact_user
        self.contact_params = ""  # of our Contact's URI, each with its semicolon
        self.dialog: Dialog | None = None
        self.credentials: Wallet | None = None
        self._core = core
        self._flow = flow
        self._seen_at = seen_at
        self._answers = UnconfirmedAnswers(core)
        self.offers = Offers(core)
        self._allow = ""  # the methods that the peer serves, as it wrote them
        self.session = SessionTimer(
            core.session, core.layer.timers, self._refresh_session, self._session_expired
        )
        self._farewell: tuple[tuple[str, str], ...] | None = None  # a BYE that waits for the ACK

    @property
    def call_id(self) -> str:
        return self.request.call_id

    @property
    def flow(self) -> Flow:
        return self.dialog.flow if self.dialog is not None else self._flow

    @property
    def seen_at(self) -> Endpoint:
        return self.dialog.here if self.dialog is not None else self._seen_at

    @property
    def dialogs(self) -> tuple[Dialog, ...]:
        """Its dialog; before the answer, the early ones that it made."""
        return (self.dialog,) if self.dialog is not None else ()

    @property
    def early(self) -> bool:
        """Whether nobody has answered yet."""
        return self.state in (CallState.TRYING, CallState.EARLY)

    def note_allow(self, message: Message) -> None:
        """Keep what the peer says that it serves; it is seldom asked for, so it is not read yet."""
        self._allow = message.get("Allow") or self._allow

    @property
    def updates(self) -> bool:
        """Whether the peer serves UPDATE."""
        return "UPDATE" in (each.strip().upper() for each in self._allow.split(","))

    @updates.setter
    def updates(self, serves: bool) -> None:
        self._allow = "UPDATE" if serves else ""

    @property
    def may_offer(self) -> bool:
        """Whether an offer of ours may go out now: the call stands, and no other offer is under way."""
        return self.state is CallState.CONFIRMED and self.offers.idle

    @property
    def established(self) -> Dialog:
        """The dialog.

        Raises:
            LocalError: nobody has answered yet, or the call is over.
        """
        if self.dialog is None or self.state not in (CallState.ANSWERED, CallState.CONFIRMED):
            raise LocalError(f"the call is {self.state.value}")
        return self.dialog

    # What a user may ask

    def keep_to_its_source(self) -> None:
        """The peer is behind a NAT: what we ask of it goes to the port that it was seen at."""
        if self.dialog is not None and not self.dialog.flow.reliable:
            self.dialog.stays = True

    def ring(self, now: float, status: int = 180, body: bytes = b"", headers: Headers = ()) -> bool:
        """Tell the caller that we are ringing (101–199); ``body`` is early media's SDP."""
        raise LocalError("only a call from a peer can ring here")

    def answer(self, now: float, body: bytes, headers: Headers = ()) -> bool:
        """Answer with 200, repeated until the ACK comes (§13.3.1.4)."""
        raise LocalError("only a call from a peer can be answered here")

    def reject(self, now: float, status: int, reason: str | None = None, headers: Headers = ()) -> bool:
        """Refuse with a final response (300–699)."""
        raise LocalError("only a call from a peer can be rejected here")

    def hang_up(self, now: float, headers: Headers = ()) -> bool:
        """End the call by the message its state calls for: BYE, CANCEL, or a final response.

        A BYE must wait for the ACK of our 2xx (§15); `CallEnded` comes when it is sent.
        """
        if self.state is CallState.ENDED:
            return False
        if self.state is CallState.ANSWERED:
            self._farewell = tuple(headers)
        elif self.state is CallState.CONFIRMED:
            self.leave(now, "hung up here", headers)
        else:
            self.abandon(now, tuple(headers))
        return True

    def reinvite(self, now: float, body: bytes, headers: Headers = ()) -> RequestHandle:
        """Offer again, from the address we are seen at *now* (§14.1). A 491 is waited out here.

        Raises:
            LocalError: the call is not confirmed, or another offer is under way.
        """
        return self.offers.reinvite(self, self._to_offer(), body, tuple(headers), now)

    def update(self, now: float, body: bytes, headers: Headers = ()) -> RequestHandle:
        """Offer by UPDATE (RFC 3311 §5.1), for a peer whose Allow names it (``updates``).

        Raises:
            LocalError: the call is not confirmed, or another offer is under way.
        """
        return self.offers.update(self, self._to_offer(), body, tuple(headers), now)

    def _to_offer(self) -> Dialog:
        """The dialog for an offer of ours, which says where we are seen now."""
        dialog = self.established
        if not self.may_offer:
            raise LocalError("another offer is under way")
        dialog.here = self._core.seen_by(dialog.flow)
        return dialog

    def accept_refer(self, incoming: IncomingRequest, now: float, headers: Headers = ()) -> Referral:
        """Answer a REFER with 202; what becomes of it is told by the result (RFC 3515 §2.4.4).

        Raises:
            LocalError: there is no dialog yet, or no more.
        """
        dialog = self.established
        silent = wants_no_notify(incoming.request)
        rows = [*headers, self._contact, *(NO_NOTIFY if silent else ())]
        self.respond(incoming, 202, now, None, rows, b"")
        number = incoming.request.cseq.number
        return Referral(self._core, dialog, number, self.credentials, self.contact_user, silent)

    def refer(self, now: float, target: SipUri) -> RequestHandle:
        """Ask the peer to call ``target`` itself; NOTIFYs then tell how that goes (RFC 3515 §2.4.4).

        Raises:
            LocalError: there is no dialog yet, or no more.
        """
        rows = [self._contact, *asking_for(target, self.established.local)]
        return self.ask(now, "REFER", rows)

    def ask(self, now: float, method: str, headers: Headers = (), body: bytes = b"") -> RequestHandle:
        """Send another request in the dialog (INFO, MESSAGE …).

        Raises:
            LocalError: there is no dialog yet, or no more.
        """
        dialog = self.established
        request = dialog.request(method, headers=[("User-Agent", self._core.user_agent), *headers], body=body)
        return self._core.send(
            request, dialog.destination, dialog.here, self.credentials, now, dialog.next_cseq
        )

    @property
    def _contact(self) -> tuple[str, str]:
        return self._core.contact(self.contact_user, self.contact_params)

    # What the agent hands in

    def dialog_with(self, tag: str) -> Dialog | None:
        """The dialog whose other side has ``tag``."""
        return self.dialog if self.dialog is not None and self.dialog.is_with(tag) else None

    def receive_request(
        self, transaction: ServerTransaction, request: Request, flow: Flow, now: float
    ) -> None:
        """A request in the dialog, neither ACK nor CANCEL (§12.2.2)."""
        dialog = self.dialog_with(request.from_.tag or "")
        if dialog is None or not dialog.accepts(request.cseq.number):
            self._core.respond(transaction, request, 500, now)
        elif request.method == "BYE":
            self._core.respond(transaction, request, 200, now)
            self.receive_bye(request, now)
        elif request.method == "UPDATE" and not request.body:
            self._refreshed(dialog, transaction, request, flow, now)
        elif request.method in ("INVITE", "UPDATE"):
            self.offers.receive(self, dialog, transaction, request, flow, now)
        else:
            self.hand_up(dialog, transaction, request, flow)

    def receive_ack(self, request: Request, now: float) -> bool:
        """An ACK in the dialog, for its 2xx and every older one. False: one is awaited, and not this."""
        number = request.cseq.number
        if number not in self.unacknowledged:
            return not self.unacknowledged
        self._answers.confirm(self, number)
        self.confirmed(request, now)
        return True

    def take_odd_ack(self, request: Request, now: float) -> None:
        """An ACK with a key that something on the way rewrote; what follows will bear the same key."""
        self._answers.confirm(self, max(self.unacknowledged))
        self._answers.know_as(self, request)
        self.confirmed(request, now)

    @property
    def unacknowledged(self) -> tuple[int, ...]:
        """The CSeq numbers of the 2xx that still await an ACK."""
        return self._answers.numbers

    def receive_bye(self, request: Request, now: float) -> None:
        """The peer hung up; 200 was sent."""
        self._core.emit(CallEnded(self, "hung up by the peer", request))
        self.end(now)

    def respond(
        self,
        incoming: IncomingRequest,
        status: int,
        now: float,
        reason: str | None,
        headers: Headers,
        body: bytes,
    ) -> None:
        """Answer what `RequestReceived` handed up."""
        request = incoming.request
        dialog = self.dialog_with(request.from_.tag or "")
        if self.state is CallState.ENDED or dialog is None or incoming.transaction.answered:
            return
        rows = list(headers)
        refreshing = request.method in ("INVITE", "UPDATE") and 200 <= status < 300
        if refreshing:
            dialog.refresh(request, incoming.flow)
            rows += self._refresh_rows(request, now)
        if status >= 200:
            self.offers.answered(request.cseq.number)
        data = self._core.respond(
            incoming.transaction,
            request,
            status,
            now,
            reason=reason,
            headers=rows,
            body=body,
            here=dialog.here,
        )
        if refreshing and request.method == "INVITE":
            self.await_ack(request.cseq.number, data, incoming.transaction, now)

    # Steps that the two directions share

    def confirmed(self, ack: Request, now: float) -> None:
        """An ACK came. A re-INVITE's matters only when it answers an offer of ours (RFC 3264 §4)."""
        if ack.body:
            self._core.emit(CallConfirmed(self, ack))

    def abandon(self, now: float, headers: tuple[tuple[str, str], ...]) -> None:
        """Hang up before the answer."""
        raise NotImplementedError

    def await_ack(self, number: int, data: bytes, transaction: ServerTransaction, now: float) -> None:
        self._answers.add(self, number, data, transaction, now)

    def ack_missing(self, now: float) -> None:
        """§13.3.1.4: without an ACK the session is to be ended."""
        self.leave(now, "ACK Timeout", [ACK_TIMEOUT])

    def leave(self, now: float, reason: str, headers: Headers = ()) -> None:
        """Send BYE, and be done."""
        dialog = self.established
        self._core.bye(dialog, self.credentials, now, headers)
        self._core.emit(CallEnded(self, reason))
        self.end(now)

    # Session timers (RFC 4028)

    def _refresh_session(self, now: float) -> None:
        """By UPDATE where the peer serves it; a re-INVITE needs a description, which its user has."""
        self.session.later(now, REFRESH_AGAIN)  # should this one come to nothing
        if not self.may_offer:
            return
        if self.updates:
            self.offers.update(self, self.established, b"", (), now)
        else:
            self._core.emit(SessionRefreshDue(self))

    def _session_expired(self, now: float) -> None:
        self.leave(now, "Session Timer Expired", [SESSION_TIMEOUT])

    def _refreshed(
        self, dialog: Dialog, transaction: ServerTransaction, request: Request, flow: Flow, now: float
    ) -> None:
        """An UPDATE without an offer: the target and the timer, nothing of the session (RFC 3311 §5.2)."""
        dialog.refresh(request, flow)
        rows = self._refresh_rows(request, now)
        self._core.respond(transaction, request, 200, now, headers=rows, here=dialog.here)

    def _refresh_rows(self, request: Request, now: float) -> list[tuple[str, str]]:
        """What a 2xx to a re-INVITE or UPDATE carries."""
        core = self._core
        standing = self.state in (CallState.ANSWERED, CallState.CONFIRMED)
        session = self.session.answer_rows(request, now) if standing else []
        return [
            self._contact,
            core.allowing,
            core.supporting,
            *session,
        ]

    def end(self, now: float) -> None:
        """Stop everything, and leave the books; the event is the caller's business."""
        self.state = CallState.ENDED
        self.session.close()
        self._answers.close(self)
        self.offers.end(now)
        self._core.calls.pop((self.call_id, self.request_tag), None)

    @property
    def request_tag(self) -> str:
        """Our tag in the call's dialogs."""
        raise NotImplementedError

    def awaits_answer(self, tag: str) -> bool:
        """Whether an offer of ours awaits the answer of the peer with ``tag``, be it in the ACK of a 2xx."""
        return self.offers.sent or (self.state is CallState.ANSWERED and not self.request.body)

    def hand_up(
        self, dialog: Dialog, transaction: ServerTransaction, request: Request, flow: Flow
    ) -> IncomingRequest:
        """Let our user answer a request in the dialog."""
        incoming = IncomingRequest(request, flow, self, dialog.here, transaction)
        self._core.emit(RequestReceived(incoming))
        return incoming

    def sdp_headers(self, body: bytes) -> list[tuple[str, str]]:
        return [SDP] if body else []
