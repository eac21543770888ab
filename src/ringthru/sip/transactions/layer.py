"""The transaction layer: which message belongs to which transaction (RFC 3261 §17, §18).

Lives here: matching, response routing, refusal of what cannot be read or is too much, the books.
Never here: the state tables, dialogs, or what a request means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from ...net.address import Endpoint
from ..errors import LocalError, MalformedMessage
from ..flow import Flow
from ..timers import Timers
from ..wire.headers import Via
from ..wire.holes import HERE
from ..wire.message import Request, Response
from ..wire.parsing import parse
from ..wire.reply import reply_flow, response_to, stamp_via
from .aboard import Aboard, LargeRequests
from .client_transaction import (
    ClientTransaction,
    InviteClient,
    NoAnswer,
    NonInviteClient,
    TransactionUser,
    cancel_request,
)
from .keys import MAGIC_COOKIE, merging_key, older_branch, refusal_tag
from .layer_values import (
    AckArrived,
    Counters,
    LayerEvent,
    Limits,
    RequestArrived,
    Screen,
    UnreadableAck,
)
from .places import QUICK, Places
from .server_transaction import InviteServer, NonInviteServer, ServerTransaction
from .transaction import Input, State, Timing, Transaction

PING, PONG = b"\r\n\r\n", b"\r\n"  # keepalive (RFC 5626 §4.4.1)
KEEPALIVE_BYTES: Final = b"\r\n\0 "  # what phones keep their NAT bindings open with


class TransactionLayer:
    """All transactions of one user agent. Their users are told through ``events()``."""

    def __init__(
        self,
        token: Callable[[], str],
        *,
        timing: Timing | None = None,
        limits: Limits | None = None,
        timers: Timers | None = None,
        sent_by: Callable[[Flow], Endpoint] | None = None,
        screen: Screen | None = None,
        rport_for: tuple[str, ...] = (),
        asks_rport: bool = True,
    ) -> None:
        """``sent_by`` tells our own endpoint for a flow; given only where TCP is there for large requests.

        ``screen`` judges requests outside dialogs before anything is remembered of them (§8.2.7).
        ``rport_for``: answers to User-Agents that begin so go where the request came from, asked for or not;
        ``""`` stands for all. ``asks_rport``: our own requests ask to be answered where they come from.
        """
        self._screen = screen
        self.rport_for = rport_for
        self.asks_rport = asks_rport
        self.timing = timing or Timing()
        self.limits = limits or Limits()
        self.timers = timers or Timers()
        self.counters = Counters()
        self._token = token
        self._servers: dict[tuple[str | int, ...], ServerTransaction] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self.places = Places()
        self._aboard = Aboard()
        self._large = LargeRequests(sent_by)
        self._merging: dict[tuple[str | int, ...], ServerTransaction] = {}
        self._sources: dict[str, int] = {}
        self._to_send: list[tuple[bytes, Flow]] = []
        self.pending: deque[LayerEvent] = deque()  # events that the layer's user has not taken yet
        self.deliver = self.pending.append
        self.next_timeout = self.timers.next_at

    # The machine's contract

    def receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram, or one message of a stream; nothing is raised."""
        if not data.strip(KEEPALIVE_BYTES):
            if data == PING:
                self.send(PONG, flow)
            return
        try:
            message = parse(data)
        except MalformedMessage as error:
            self.counters.malformed += 1
            if error.answerable is not None:
                self._refuse_malformed(error.answerable, flow, error.status)
            elif data.startswith(b"ACK "):
                self.deliver(UnreadableAck(str(error), flow))
            return
        if isinstance(message, Request):
            self._receive_request(message, flow, now)
        else:
            self._receive_response(message, flow, now)

    def flow_failed(self, flow: Flow, reason: str, now: float) -> None:
        """A connection broke, or could not be made: what it left unanswered goes another way, or fails.

        A request that was answered provisionally stays: its final response may come on a connection of
        the peer's (§18.2.2).
        """
        for transaction in self._aboard.of(flow):
            self._aboard.remove(transaction)
            self.places.note_failure(transaction.flow, now)
            if self._large.come_back(transaction, now):
                transaction.start(now)
            else:
                transaction.step(Input.TRANSPORT_ERROR, now, reason)

    def handle_timeout(self, now: float) -> None:
        self.timers.run(now)
        for event in self.pending:
            if isinstance(event, NoAnswer):
                self.places.note_failure(event.flow, now)

    def messages_to_send(self) -> list[tuple[bytes, Flow]]:
        sending, self._to_send = self._to_send, []
        return sending

    def events(self) -> list[LayerEvent]:
        events = list(self.pending)
        self.pending.clear()
        return events

    # For the layer's user

    def request(
        self,
        request: Request,
        flow: Flow,
        here: Endpoint,
        user: TransactionUser,
        now: float,
        *,
        more: bool = False,
    ) -> ClientTransaction:
        """Send a request in a transaction of its own; its Via is added here.

        ``more``: there are other places to try, so that this one is not waited for as long as it may take.
        """
        branch = MAGIC_COOKIE + self._token()
        rport = ";rport" if self.asks_rport else ""
        request.prepend("Via", f"SIP/2.0/{flow.transport} {HERE}{rport};branch={branch}")
        return self._start_client(branch, request, flow, here, user, now, more)

    def cancel(
        self,
        invite: ClientTransaction,
        user: TransactionUser,
        now: float,
        headers: Iterable[tuple[str, str]] = (),
    ) -> ClientTransaction | None:
        """Send a CANCEL for an INVITE that has no final answer; None when it has one (§9.1)."""
        if invite.request is None:
            return None
        branch = invite.request.via.branch or ""
        cancel = cancel_request(invite.request, headers)
        return self._start_client(branch, cancel, invite.flow, invite.here, user, now)

    def listen_for_late_answers(
        self, invite: Request, flow: Flow, here: Endpoint, user: TransactionUser
    ) -> ClientTransaction:
        """Let ``user`` hear what still comes for an INVITE that was given up, until he ends it."""
        branch = invite.via.branch or ""
        transaction = InviteClient(self, branch, invite, flow, here, user)
        self._clients[branch, "INVITE"] = transaction
        return transaction

    def send_ack(self, ack: Request, flow: Flow, here: Endpoint) -> bytes:
        """Send the ACK for a 2xx, which is in no transaction; the bytes are for repeating it (§13.2.2.4)."""
        rport = ";rport" if self.asks_rport else ""
        ack.prepend("Via", f"SIP/2.0/{flow.transport} {HERE}{rport};branch={MAGIC_COOKIE}{self._token()}")
        data = ack.encode(here, flow.transport)
        self.send(data, flow)
        return data

    def respond(
        self, transaction: ServerTransaction, response: Response, now: float, here: Endpoint | None = None
    ) -> bytes:
        """Answer a request. Returns the bytes sent, for the user that must repeat a 2xx.

        Raises:
            LocalError: a provisional other than 100 to a request that is no INVITE (RFC 4320 §4.1).
        """
        if transaction.method != "INVITE" and 100 < response.status < 200:
            raise LocalError(f"{response.status} to a {transaction.method} (RFC 4320 §4.1)")
        if transaction.method != "INVITE" and response.status == 408:
            transaction.terminate()  # its client knows by itself (RFC 4320 §4.2)
            return b""
        data = response.encode(here, transaction.flow.transport)
        transaction.respond(response.status, data, now)
        return data

    # For the transactions: the Host they live in

    def send(self, data: bytes, flow: Flow) -> None:
        self._to_send.append((data, flow))

    def forget(self, transaction: Transaction) -> None:
        if isinstance(transaction, ServerTransaction):
            self._forget_server(transaction)
        elif self._clients.get(transaction.key) is transaction:
            del self._clients[transaction.key]
            self._aboard.remove(transaction)

    # What arrives

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        via = stamp_via(request, flow)
        branch, method = via.branch or "", request.method
        if not branch.startswith(MAGIC_COOKIE):
            branch = older_branch(request, branch)
        # The source as well (§17.2.3 has the sent-by only): behind two NATs two phones may have one private
        # address and count their branches from 1; and a stranger's CANCEL must not end a call.
        place = (branch, via.host.lower(), via.port or 5060, flow.remote.host)
        if method == "ACK":
            self._receive_ack((*place, "INVITE"), request, flow, now)
            return
        known = self._servers.get((*place, method))
        if known is not None:
            known.step(Input.REQUEST, now)
            return
        if self._screened(request, flow, now):
            return
        merging = merging_key(request)
        if merging is not None and merging in self._merging:
            self.counters.merged += 1
            self._refuse(request, flow, 482)
            return
        transaction = self._start_server((*place, method), request, flow, now)
        if transaction is None:
            return
        if merging is not None:
            transaction.merging = merging
            self._merging[merging] = transaction
        cancels = self._servers.get((*place, "INVITE")) if method == "CANCEL" else None
        self.deliver(RequestArrived(transaction, request, flow, cancels))

    def _screened(self, request: Request, flow: Flow, now: float) -> bool:
        """Whether a request is refused before it gets a transaction.

        Not one inside a dialog, but a REGISTER has none, whatever tag it carries.
        """
        if self._screen is None or (request.to.tag and request.method != "REGISTER"):
            return False
        refusal = None if request.method == "CANCEL" else self._screen(request, flow, now)
        if refusal is None:
            return False
        self.counters.screened += 1
        if refusal.status:
            self._refuse(request, flow, refusal.status, refusal.headers)
        return True

    def _receive_ack(self, key: tuple[str | int, ...], request: Request, flow: Flow, now: float) -> None:
        invite = self._servers.get(key)
        if invite is not None and invite.state is not State.ACCEPTED:
            invite.step(Input.ACK, now)
        elif invite is not None or request.to.tag != refusal_tag(request):  # else of what we refused at once
            self.deliver(AckArrived(request, flow))

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        """§17.1.3: branch and CSeq method name the transaction."""
        transaction = self._clients.get((response.via.branch or "", response.cseq.method))
        if transaction is None:
            self.counters.stray += 1
            return
        if response.status == 503:
            self.places.note_failure(transaction.flow, now)
        transaction.receive(response, flow, now)

    # The books

    def _start_client(
        self,
        branch: str,
        request: Request,
        flow: Flow,
        here: Endpoint,
        user: TransactionUser,
        now: float,
        more: bool = False,
    ) -> ClientTransaction:
        kind = InviteClient if request.method == "INVITE" else NonInviteClient
        transaction = kind(self, branch, request, flow, here, user)
        if more:
            transaction.patience = QUICK * self.timing.t1
        self._clients[branch, request.method] = transaction
        self._large.divert(transaction, now)
        self._aboard.add(transaction)
        transaction.start(now)
        return transaction

    def _start_server(
        self, key: tuple[str | int, ...], request: Request, flow: Flow, now: float
    ) -> ServerTransaction | None:
        source = flow.remote.host
        alive = self._sources.get(source, 0)
        if alive >= self.limits.per_source or len(self._servers) >= self.limits.total:
            self.counters.overload += 1
            self._refuse(request, flow, 503)
            return None
        kind = InviteServer if request.method == "INVITE" else NonInviteServer
        transaction = kind(self, key, self._reply_flow(request, request.via, flow), request.method, source)
        self._servers[key] = transaction
        self._sources[source] = alive + 1
        transaction.start(now)
        return transaction

    def _forget_server(self, transaction: ServerTransaction) -> None:
        if self._servers.pop(transaction.key, None) is None:
            return
        left = self._sources[transaction.source] - 1
        if left:
            self._sources[transaction.source] = left
        else:
            del self._sources[transaction.source]
        if transaction.merging is not None:
            del self._merging[transaction.merging]

    def _reply_flow(self, request: Request, via: Via, flow: Flow) -> Flow:
        if self.rport_for and (request.get("User-Agent") or "").startswith(self.rport_for):
            return flow
        return reply_flow(via, flow)

    def _refuse(
        self, request: Request, flow: Flow, status: int, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Answer without a transaction; the To tag is the same each time, as §8.2.7 asks."""
        response = response_to(request, status, tag=refusal_tag(request), headers=headers)
        self.send(response.encode(), self._reply_flow(request, request.via, flow))

    def _refuse_malformed(self, request: Request, flow: Flow, status: int) -> None:
        """Refuse what could only be read in part; where even that fails, nobody can be told."""
        try:
            via = stamp_via(request, flow)
            self.send(response_to(request, status).encode(), self._reply_flow(request, via, flow))
        except (MalformedMessage, LocalError):
            return
