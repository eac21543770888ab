"""The client transactions: requests of ours, resent until answered (RFC 3261 §17.1, RFC 6026).

Lives here: the two client tables and what their arrows do.
Never here: which response belongs to which transaction, or what a response means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

from ...net.address import Endpoint
from ...net.values import frozen
from ..flow import Flow
from ..wire.message import Request, Response
from ..wire.reply import response_to
from .transaction import Host, Input, State, Table, Transaction, end, received, resend

S, I = State, Input  # noqa: E741  the tables are to be read like the figures
SHORTEST_TIMER_D = 32.0  # seconds, unreliable transports (RFC 3261 §17.1.1.2)


class TransactionUser(Protocol):
    """Who is told how a request of ours fares."""

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        """A response came; ``flow.remote`` is where from.

        A request that could not be sent is answered by ourselves with 503 (RFC 3261 §8.1.3.1, §17.1.4).
        """

    def handle_no_answer(self, now: float) -> None:
        """None came in 64 × T1 (RFC 3261 §8.1.3.1: as good as a 408)."""


@frozen
class ResponseArrived:
    """A response ``user`` must see; ``flow.remote`` is where it came from."""

    user: TransactionUser
    response: Response
    flow: Flow


@frozen
class NoAnswer:
    """Timer B or F: nobody answered (RFC 3261 §8.1.3.1)."""

    user: TransactionUser
    flow: Flow


class ClientTransaction(Transaction):
    """One request of ours. ``request`` is kept until a final response, ``user`` until its last.

    ``instead`` is the flow, and the Via that goes with it, to try when the present one fails. ``patience``
    is in seconds, 64 × T1 unless there are other places to try.
    """

    __slots__ = ("here", "instead", "patience", "request", "user")

    def __init__(
        self, host: Host, branch: str, request: Request, flow: Flow, here: Endpoint, user: TransactionUser
    ) -> None:
        invite = request.method == "INVITE"
        super().__init__(host, (branch, request.method), flow, S.CALLING if invite else S.TRYING)
        self.here = here
        self.request: Request | None = request
        self.user: TransactionUser | None = user
        self.instead: tuple[Flow, str] | None = None
        self.patience = host.timing.patience
        self.data = request.encode(here, flow.transport)

    def start(self, now: float) -> None:
        """Send the request, and wait (§17.1.1.2, §17.1.2.2)."""
        resending, ending = (I.TIMER_A, I.TIMER_B) if self.state is S.CALLING else (I.TIMER_E, I.TIMER_F)
        self.transmit()
        self.end_after(ending, self.patience, now)
        if not self.flow.reliable:
            self.resend_after(resending, self._host.timing.t1, now)

    @property
    def unanswered(self) -> bool:
        """Whether nothing at all came back yet."""
        return self.state in (S.CALLING, S.TRYING)

    def take(self, flow: Flow, via: str) -> None:
        """Go another way, before the start or instead of the one that failed (RFC 3261 §18.1.1)."""
        if self.request is not None:
            self.request.replace_top("Via", via)
            self.flow = flow
            self.data = self.request.encode(self.here, flow.transport)

    def receive(self, response: Response, flow: Flow, now: float) -> None:
        self.step(received(response.status), now, (response, flow))

    def pass_up(self, message: tuple[Response, Flow]) -> None:
        if self.user is not None:
            self._host.deliver(ResponseArrived(self.user, *message))

    def answered(self) -> None:
        """Nothing of the request is needed any more (it may be kept for half a minute yet)."""
        self.request = None
        self.data = b""

    def terminate(self) -> None:
        self.request = None
        self.user = None
        super().terminate()


Message = tuple[Response, Flow]


def pass_up(transaction: ClientTransaction, now: float, message: Message) -> None:
    transaction.pass_up(message)


def give_up(transaction: ClientTransaction, now: float, message: None) -> None:
    if transaction.user is not None:
        transaction._host.deliver(NoAnswer(transaction.user, transaction.flow))
    transaction.terminate()


def refuse_ourselves(transaction: ClientTransaction, now: float, reason: str) -> None:
    """A transport error is as good as a 503 (RFC 3261 §8.1.3.1, §17.1.4)."""
    if transaction.user is not None and transaction.request is not None:
        response = response_to(transaction.request, 503, reason=reason)
        transaction._host.deliver(ResponseArrived(transaction.user, response, transaction.flow))
    transaction.terminate()


def resend_request(transaction: ClientTransaction, now: float, message: None) -> None:
    """Timer A doubles without limit (§17.1.1.2)."""
    transaction.transmit()
    transaction.resend_after(I.TIMER_A, 2 * transaction._interval, now)


def resend_backing_off(transaction: ClientTransaction, now: float, message: None) -> None:
    """Timer E doubles up to T2 (§17.1.2.2)."""
    transaction.transmit()
    transaction.resend_after(I.TIMER_E, min(2 * transaction._interval, transaction._host.timing.t2), now)


def resend_slowly(transaction: ClientTransaction, now: float, message: None) -> None:
    """Timer E in Proceeding is always T2 (§17.1.2.2)."""
    transaction.transmit()
    transaction.resend_after(I.TIMER_E, transaction._host.timing.t2, now)


def believe(transaction: ClientTransaction, now: float, message: Message) -> None:
    """One of several places is alive, if slow: it has as long as a single one."""
    if transaction.patience < transaction._host.timing.patience:
        transaction.patience = transaction._host.timing.patience
        transaction.end_after(I.TIMER_F, transaction.patience, now)
        if not transaction.flow.reliable:
            transaction.resend_after(I.TIMER_E, transaction._host.timing.t2, now)
    transaction.pass_up(message)


def wait_patiently(transaction: ClientTransaction, now: float, message: Message) -> None:
    """A provisional ends timers A and B: a phone may ring for as long as it likes (§17.1.1.2)."""
    transaction.stop_timers()
    transaction.pass_up(message)


def accept(transaction: ClientTransaction, now: float, message: Message) -> None:
    """The user acknowledges every 2xx itself; we stay to hand it the repeated ones (RFC 6026 §7.2)."""
    transaction.answered()
    transaction.end_after(I.TIMER_M, transaction._host.timing.patience, now)
    transaction.pass_up(message)


def acknowledge_and_pass_up(transaction: ClientTransaction, now: float, message: Message) -> None:
    request = transaction.request
    transaction.answered()
    if request is not None:
        ack = failure_ack(request, message[0])
        transaction.data = ack.encode(transaction.here, transaction.flow.transport)
    transaction.transmit()
    wait = 0.0 if transaction.flow.reliable else max(SHORTEST_TIMER_D, transaction._host.timing.patience)
    transaction.pass_up(message)
    transaction.user = None
    transaction.end_after(I.TIMER_D, wait, now)


def finish(transaction: ClientTransaction, now: float, message: Message) -> None:
    transaction.answered()
    transaction.pass_up(message)
    transaction.user = None
    transaction.end_after(I.TIMER_K, 0.0 if transaction.flow.reliable else transaction._host.timing.t4, now)


def failure_ack(request: Request, response: Response) -> Request:
    """The ACK for a 300–699 response: same branch, same route, the response's To (§17.1.1.3)."""
    return same_transaction(request, "ACK", to=response.get("To"))


def cancel_request(request: Request, headers: Iterable[tuple[str, str]] = ()) -> Request:
    """The CANCEL for an INVITE of ours: same branch, same route, same To (§9.1); ``headers`` say why."""
    cancel = same_transaction(request, "CANCEL", to=None)
    for name, value in headers:
        cancel.add(name, value)
    return cancel


def same_transaction(invite: Request, method: str, to: str | None) -> Request:
    """A request that belongs to an INVITE's transaction, so that every hop finds the one by the other."""
    headers = [("Via", invite.headers[0][1]), ("Max-Forwards", "70")]
    headers += [(name, value) for name, value in invite.headers if name in ("Route", "From", "Call-ID")]
    headers += [("To", to or invite.get("To") or ""), ("CSeq", f"{invite.cseq.number} {method}")]
    return Request(method=method, uri=invite.uri, headers=headers)


class InviteClient(ClientTransaction):
    """RFC 3261 §17.1.1, figure 5, with the Accepted state of RFC 6026 §7.2."""

    __slots__ = ()
    TABLE: ClassVar[Table] = {
        (S.CALLING, I.TIMER_A): (S.CALLING, resend_request),
        (S.CALLING, I.TIMER_B): (S.TERMINATED, give_up),
        (S.CALLING, I.TRANSPORT_ERROR): (S.TERMINATED, refuse_ourselves),
        (S.CALLING, I.PROVISIONAL): (S.PROCEEDING, wait_patiently),
        (S.CALLING, I.SUCCESS): (S.ACCEPTED, accept),
        (S.CALLING, I.FAILURE): (S.COMPLETED, acknowledge_and_pass_up),
        (S.PROCEEDING, I.PROVISIONAL): (S.PROCEEDING, pass_up),
        (S.PROCEEDING, I.SUCCESS): (S.ACCEPTED, accept),
        (S.PROCEEDING, I.FAILURE): (S.COMPLETED, acknowledge_and_pass_up),
        (S.COMPLETED, I.FAILURE): (S.COMPLETED, resend),  # the ACK
        (S.COMPLETED, I.TIMER_D): (S.TERMINATED, end),
        (S.ACCEPTED, I.SUCCESS): (S.ACCEPTED, pass_up),
        (S.ACCEPTED, I.TIMER_M): (S.TERMINATED, end),
    }


class NonInviteClient(ClientTransaction):
    """RFC 3261 §17.1.2, figure 6."""

    __slots__ = ()
    TABLE: ClassVar[Table] = {
        (S.TRYING, I.TIMER_E): (S.TRYING, resend_backing_off),
        (S.TRYING, I.TIMER_F): (S.TERMINATED, give_up),
        (S.TRYING, I.TRANSPORT_ERROR): (S.TERMINATED, refuse_ourselves),
        (S.TRYING, I.PROVISIONAL): (S.PROCEEDING, believe),
        (S.TRYING, I.SUCCESS): (S.COMPLETED, finish),
        (S.TRYING, I.FAILURE): (S.COMPLETED, finish),
        (S.PROCEEDING, I.TIMER_E): (S.PROCEEDING, resend_slowly),
        (S.PROCEEDING, I.TIMER_F): (S.TERMINATED, give_up),
        (S.PROCEEDING, I.PROVISIONAL): (S.PROCEEDING, pass_up),
        (S.PROCEEDING, I.SUCCESS): (S.COMPLETED, finish),
        (S.PROCEEDING, I.FAILURE): (S.COMPLETED, finish),
        (S.COMPLETED, I.TIMER_K): (S.TERMINATED, end),
    }
