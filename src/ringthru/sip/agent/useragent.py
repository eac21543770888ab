"""The user agent: what a switch talks to (RFC 3261 §8).

Lives here: the machine's contract, the way into and out of dialogs.
Never here: checks of requests (`objections.py`), sockets, NAT, SDP, who may call whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...net.address import Endpoint
from ..errors import LocalError
from ..flow import Flow
from ..transactions.client_transaction import NoAnswer, ResponseArrived
from ..transactions.layer import TransactionLayer
from ..transactions.layer_values import (
    AckArrived,
    Counters,
    LayerEvent,
    Limits,
    RequestArrived,
    Screen,
    UnreadableAck,
)
from ..transactions.server_transaction import ServerTransaction
from ..transactions.transaction import Timing
from ..wire.call_headers import Replaces
from ..wire.message import Request
from .call import Call
from .client_request import Login, RequestHandle
from .core import Core
from .dialog import MAX_FORWARDS
from .events import AckNearMiss, IncomingCall, IncomingRequest, RequestReceived, StrayAck
from .inbound import InboundCall
from .objections import ALLOW, objection
from .outbound import OutboundCall
from .requests import complete, first_invite
from .session_timer import SessionSettings
from .subscription import Subscription

IN_DIALOGS = ("BYE", "UPDATE", "INFO")  # what lives in dialogs only


class UserAgent:
    """A SIP user agent without a socket or a clock.

    Call ``receive_message``, ``handle_timeout`` or one of its or its calls' actions; then always
    send ``messages_to_send()``, act on ``events()``, and sleep until ``next_timeout()``.

    ``seen_by(flow)`` tells how the peer at the flow's far end reaches us; it is asked once per dialog,
    request and answer outside dialogs. ``token()`` gives fresh text that nobody can guess, of token
    characters (letters, digits), at least 64 bits of it. ``accept_odd_acks``: an ACK from where the
    INVITE came from that differs in one key of its dialog counts (`odd_acks.py`). ``screen`` may refuse
    requests outside dialogs before anything is remembered of them; ``rport_for`` names the
    User-Agents whose requests are answered where they came from in any case ("": all).
    """

    def __init__(
        self,
        *,
        seen_by: Callable[[Flow], Endpoint],
        token: Callable[[], str],
        user_agent: str,
        allow: Sequence[str] = ALLOW,
        timing: Timing | None = None,
        limits: Limits | None = None,
        streams: bool = False,
        session: SessionSettings | None = None,
        accept_odd_acks: bool = True,
        screen: Screen | None = None,
        rport_for: tuple[str, ...] = (),
        asks_rport: bool = True,
        packages: Sequence[str] = (),
    ) -> None:
        """``streams``: TCP is there, and takes what is too large for UDP (RFC 3261 §18.1.1). ``packages``:
        the events that may be subscribed to, in lower case.
        """
        self._accept_odd_acks = accept_odd_acks
        sent_by = seen_by if streams else None
        self._layer = TransactionLayer(
            token,
            timing=timing,
            limits=limits,
            sent_by=sent_by,
            screen=screen,
            rport_for=rport_for,
            asks_rport=asks_rport,
        )
        self._core = Core(
            self._layer,
            seen_by=seen_by,
            token=token,
            user_agent=user_agent,
            allow=(*allow, *(("SUBSCRIBE",) if packages else ())),
            session=session or SessionSettings(),
            packages=tuple(packages),
        )
        # The rest of the machine's contract. No method stands between: each message asks all.
        self.next_timeout = self._layer.next_timeout
        self.messages_to_send = self._layer.messages_to_send
        self.events = self._core.events

    def reconfigure(
        self,
        *,
        user_agent: str,
        session: SessionSettings,
        accept_odd_acks: bool,
        rport_for: tuple[str, ...],
        asks_rport: bool,
        packages: Sequence[str],
    ) -> None:
        """Other settings, for what begins from now on."""
        self._core.packages = tuple(packages)
        self._accept_odd_acks = accept_odd_acks
        self._layer.rport_for = rport_for
        self._layer.asks_rport = asks_rport
        self._core.user_agent = user_agent
        self._core.time_sessions_by(session)

    # The machine's contract

    def receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram, or one message of a stream; nothing is raised."""
        self._layer.receive_message(data, flow, now)
        self._digest(now)

    def flow_failed(self, flow: Flow, reason: str, now: float) -> None:
        """A connection broke or could not be made, in words; requests without any answer fail with 503."""
        self._layer.flow_failed(flow, reason, now)
        self._digest(now)

    def handle_timeout(self, now: float) -> None:
        self._layer.handle_timeout(now)
        self._digest(now)

    # What is there

    @property
    def counters(self) -> Counters:
        """What was dropped or refused."""
        return self._layer.counters

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that has not ended."""
        return tuple(self._core.calls.values())

    # Actions

    def request(
        self,
        request: Request,
        flow: Flow,
        now: float,
        *,
        credentials: Login | None = None,
        alternatives: Sequence[Flow] = (),
    ) -> RequestHandle:
        """Send a request outside any dialog (REGISTER, OPTIONS …); ends in an event.

        What §8.1.1 demands and the request lacks is filled in: Max-Forwards, From with a tag, To,
        Call-ID, CSeq. A challenge is answered with ``credentials``. ``alternatives`` are tried in turn
        where nobody answers, or with 503 (RFC 3263 §4.3).
        """
        if request.method in ("INVITE", "ACK", "CANCEL"):
            raise LocalError(f"{request.method} is not sent this way")
        complete(self._core, request)
        flow, *alternatives = self._layer.places.in_order([flow, *alternatives], now)
        here = self._core.seen_by(flow)
        return self._core.send(request, flow, here, credentials, now, alternatives=alternatives)

    def respond(
        self,
        incoming: IncomingRequest,
        status: int,
        now: float,
        *,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer a `RequestReceived`; a second final answer, or one that comes too late, is not sent."""
        rows = list(headers)
        if content_type is not None:
            rows.append(("Content-Type", content_type))
        if incoming.call is not None:
            incoming.call.respond(incoming, status, now, reason, rows, body)
        elif not incoming.transaction.answered:
            if incoming.request.method == "OPTIONS" or status == 405:
                rows.append(self._core.allowing)
            self._core.respond(
                incoming.transaction,
                incoming.request,
                status,
                now,
                reason=reason,
                headers=rows,
                body=body,
                here=incoming.seen_at,
            )
        self._digest(now)

    def invite(
        self,
        request_uri: str,
        flow: Flow,
        now: float,
        *,
        from_uri: str,
        from_display: str = "",
        to_uri: str | None = None,
        contact_user: str,
        contact_params: str = "",
        body: bytes,
        headers: Iterable[tuple[str, str]] = (),
        call_id: str | None = None,
        credentials: Login | None = None,
        route: Iterable[str] = (),
        max_forwards: int = int(MAX_FORWARDS),
        alternatives: Sequence[Flow] = (),
        more: bool = False,
    ) -> Call:
        """Call somebody. ``route`` are raw Route values; ``from_uri`` may hold HERE_HOST; ``contact_params``
        go into the URI of our Contact, each with its semicolon.

        ``alternatives`` are tried in turn where nobody answers, or with 503 (RFC 3263 §4.3). ``more``: others
        are called next, so that silence is not waited for as long at the last of them either.

        Raises:
            MalformedMessage: a URI that is none.
            LocalError: a line end, or what is not Unicode, in a header.
        """
        core = self._core
        flow, *alternatives = self._layer.places.in_order([flow, *alternatives], now)
        here = core.seen_by(flow)
        request = first_invite(
            core,
            request_uri,
            here,
            from_uri=from_uri,
            from_display=from_display,
            to_uri=to_uri,
            contact_user=contact_user,
            contact_params=contact_params,
            body=body,
            headers=headers,
            call_id=call_id,
            route=route,
            max_forwards=max_forwards,
        )
        call = OutboundCall(core, request, flow, here, contact_user, credentials, alternatives, more=more)
        call.contact_params = contact_params
        try:
            call.start(now)
        except LocalError:
            call.end(now)
            raise
        return call

    def subscribed(self, incoming: IncomingRequest, contact_user: str) -> Subscription:
        """The subscription that a SUBSCRIBE is about: a new one, or the one whose dialog it is in."""
        known = self._subscription_of(incoming.request)
        return known or Subscription(self._core, incoming, contact_user)

    def _subscription_of(self, request: Request) -> Subscription | None:
        found = self._core.subscriptions.get((request.call_id, request.to.tag or ""))
        return found if found is not None and found.is_with(request) else None

    # What the layer tells

    def _digest(self, now: float) -> None:
        pending = self._layer.pending
        while pending:
            self._act(pending.popleft(), now)

    def _act(self, event: LayerEvent, now: float) -> None:
        if isinstance(event, RequestArrived):
            self._receive_request(event, now)
        elif isinstance(event, ResponseArrived):
            event.user.receive_response(event.response, event.flow, now)
        elif isinstance(event, AckArrived):
            if not self.receive_ack(event.request, now):
                self._receive_odd_ack(event.request, event.flow, now)
        elif isinstance(event, NoAnswer):
            event.user.handle_no_answer(now)
        elif isinstance(event, UnreadableAck):
            waiting = self._core.awaiting.from_source(event.flow.remote.host)
            if len(waiting) == 1:
                self._core.emit(AckNearMiss(waiting[0], None, event.problem, event.flow, False))

    def receive_ack(self, request: Request, now: float) -> bool:
        """Take an ACK, perhaps one that came to another socket of ours; False: no call here awaits it."""
        call = self._core.call_of(request)
        return call is not None and call.receive_ack(request, now)

    def _receive_odd_ack(self, ack: Request, flow: Flow, now: float) -> None:
        """Which call was meant? The one from this source that differs in one key (`odd_acks.py`)."""
        nearest = self._core.awaiting.nearest(ack, flow.remote.host)
        if nearest is None:
            self._core.emit(StrayAck(ack, flow))
            return
        call, difference = nearest
        self._core.emit(AckNearMiss(call, difference, "", flow, self._accept_odd_acks))
        if self._accept_odd_acks:
            call.take_odd_ack(ack, now)

    def call_replaced_by(self, replaces: Replaces) -> Call | None:
        """The call whose dialog a Replaces header names (RFC 3891 §3), its tags in either order.

        Who picks up what a lamp showed names the dialog as the phone that rings has it (RFC 4235 §4.1.1), and
        its own tag is the one that is remote to us. Both tags must be known in any case.
        """
        both = (replaces.to_tag, replaces.from_tag)
        for ours, theirs in (both, both[::-1]):
            call = self._core.calls.get((replaces.call_id, ours))
            if call is not None and call.dialog_with(theirs) is not None:
                return call
        return None

    def _receive_request(self, event: RequestArrived, now: float) -> None:
        request, transaction = event.request, event.transaction
        if request.method == "CANCEL":
            self._receive_cancel(event, now)
        elif (refusal := objection(self._core, request)) is not None:
            status, headers = refusal
            self._core.respond(transaction, request, status, now, headers=headers)
        elif request.to.tag:
            self._receive_in_dialog(transaction, request, event.flow, now)
        elif request.method == "INVITE":
            call = InboundCall(self._core, transaction, request, event.flow, now)
            self._core.emit(IncomingCall(call))
        elif request.method in IN_DIALOGS:
            self._core.respond(transaction, request, 481, now)
        else:
            self._hand_up(transaction, request, event.flow)

    def _receive_in_dialog(
        self, transaction: ServerTransaction, request: Request, flow: Flow, now: float
    ) -> None:
        call = self._core.call_of(request)
        if call is not None:
            call.receive_request(transaction, request, flow, now)
            return
        key = (request.call_id, request.to.tag or "")
        crossing = request.method == "BYE" and self._core.leaving.get(key) == request.from_.tag
        again = request.method == "SUBSCRIBE" and self._subscription_of(request) is not None
        if again or (request.method in ("OPTIONS", "REGISTER", "MESSAGE") and not crossing):
            self._hand_up(transaction, request, flow)  # some phones keep an old To tag in these
        else:
            self._core.respond(transaction, request, 200 if crossing else 481, now)

    def _receive_cancel(self, event: RequestArrived, now: float) -> None:
        """§9.2: 200 whenever the INVITE is still known, and 487 for it unless it was answered."""
        invite = event.cancels
        if invite is None:
            self._core.respond(event.transaction, event.request, 481, now)
            return
        self._core.respond(event.transaction, event.request, 200, now)
        if invite.on_cancel is not None:
            invite.on_cancel(now, event.request)

    def _hand_up(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        seen_at = self._core.seen_by(flow)
        self._core.emit(RequestReceived(IncomingRequest(request, flow, None, seen_at, transaction)))
