"""The server transactions: requests answered as often as they are repeated (RFC 3261 §17.2, RFC 6026).

Lives here: the two server tables and what their arrows do.
Never here: which request belongs to which transaction, or what to answer.

A transaction outlives its call by half a minute and there may be many: it keeps its key, where the
answer goes, and the encoded answer; never a message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ...net.values import frozen
from ..flow import Flow
from ..wire.message import Request
from .transaction import Host, Input, State, Table, Transaction, end, resend, sent

S, I = State, Input  # noqa: E741  the tables are to be read like the figures


@frozen
class AckMissing:
    """Timer H: the failure we answered was never acknowledged (RFC 3261 §17.2.1). The call is over anyway."""

    transaction: ServerTransaction


class ServerTransaction(Transaction):
    """One request of a peer; ``flow`` is where answers go.

    ``source`` and ``merging`` serve the layer's books; ``on_cancel`` is called when a CANCEL comes in time;
    ``unheard`` counts the copies of an INVITE that came although it was answered by a 2xx.
    """

    __slots__ = ("merging", "method", "on_cancel", "source", "unheard")

    def __init__(self, host: Host, key: tuple[str | int, ...], flow: Flow, method: str, source: str) -> None:
        super().__init__(host, key, flow, S.PROCEEDING if method == "INVITE" else S.TRYING)
        self.method = method
        self.source = source
        self.merging: tuple[str | int, ...] | None = None
        self.on_cancel: Callable[[float, Request | None], None] | None = None
        self.unheard = 0

    @property
    def answered(self) -> bool:
        """Whether a final response was given (or is no longer wanted)."""
        return self.state not in (S.TRYING, S.PROCEEDING)

    def start(self, now: float) -> None:
        """Take the request in; an INVITE may be answered whenever its user likes."""

    def respond(self, status: int, data: bytes, now: float) -> None:
        """Send an encoded response; one that the table has no arrow for is absorbed."""
        if status >= 200:
            self.on_cancel = None
        self.step(sent(status), now, data)


def answer(transaction: ServerTransaction, now: float, data: bytes) -> None:
    transaction.data = data
    transaction._host.send(data, transaction.flow)


def accept(transaction: ServerTransaction, now: float, data: bytes) -> None:
    """The user resends the 2xx until the ACK; repeated INVITEs are only counted here (RFC 6026 §7.1)."""
    answer(transaction, now, data)
    transaction.data = b""
    transaction.end_after(I.TIMER_L, transaction._host.timing.patience, now)


def count(transaction: ServerTransaction, now: float, message: None) -> None:
    """The peer still asks: neither our 100 nor our 2xx has come to it."""
    transaction.unheard += 1


def pass_on(transaction: ServerTransaction, now: float, data: bytes) -> None:
    """A 2xx repeated by the user."""
    transaction._host.send(data, transaction.flow)


def refuse(transaction: ServerTransaction, now: float, data: bytes) -> None:
    answer(transaction, now, data)
    transaction.end_after(I.TIMER_H, transaction._host.timing.patience, now)
    if not transaction.flow.reliable:
        transaction.resend_after(I.TIMER_G, transaction._host.timing.t1, now)


def resend_backing_off(transaction: ServerTransaction, now: float, message: None) -> None:
    """Timer G doubles up to T2 (§17.2.1)."""
    transaction.transmit()
    transaction.resend_after(I.TIMER_G, min(2 * transaction._interval, transaction._host.timing.t2), now)


def confirm(transaction: ServerTransaction, now: float, message: None) -> None:
    """Stay only to absorb further ACKs (§17.2.1)."""
    transaction.data = b""
    transaction.end_after(I.TIMER_I, 0.0 if transaction.flow.reliable else transaction._host.timing.t4, now)


def give_up(transaction: ServerTransaction, now: float, message: None) -> None:
    transaction._host.deliver(AckMissing(transaction))
    transaction.terminate()


def finish(transaction: ServerTransaction, now: float, data: bytes) -> None:
    answer(transaction, now, data)
    wait = 0.0 if transaction.flow.reliable else transaction._host.timing.patience
    transaction.end_after(I.TIMER_J, wait, now)


class InviteServer(ServerTransaction):
    """RFC 3261 §17.2.1, figure 7, with the Accepted state of RFC 6026 §7.1."""

    __slots__ = ()
    TABLE: ClassVar[Table] = {
        (S.PROCEEDING, I.REQUEST): (S.PROCEEDING, resend),
        (S.PROCEEDING, I.SEND_PROVISIONAL): (S.PROCEEDING, answer),
        (S.PROCEEDING, I.SEND_SUCCESS): (S.ACCEPTED, accept),
        (S.PROCEEDING, I.SEND_FAILURE): (S.COMPLETED, refuse),
        (S.COMPLETED, I.REQUEST): (S.COMPLETED, resend),
        (S.COMPLETED, I.TIMER_G): (S.COMPLETED, resend_backing_off),
        (S.COMPLETED, I.TIMER_H): (S.TERMINATED, give_up),
        (S.COMPLETED, I.ACK): (S.CONFIRMED, confirm),
        (S.CONFIRMED, I.TIMER_I): (S.TERMINATED, end),
        (S.ACCEPTED, I.REQUEST): (S.ACCEPTED, count),
        (S.ACCEPTED, I.SEND_SUCCESS): (S.ACCEPTED, pass_on),
        (S.ACCEPTED, I.TIMER_L): (S.TERMINATED, end),
    }


class NonInviteServer(ServerTransaction):
    """RFC 3261 §17.2.2, figure 8; an answer later than 64 × T1 would find nobody (RFC 4320 §4.2)."""

    __slots__ = ()
    TABLE: ClassVar[Table] = {
        (S.TRYING, I.SEND_PROVISIONAL): (S.PROCEEDING, answer),
        (S.TRYING, I.SEND_SUCCESS): (S.COMPLETED, finish),
        (S.TRYING, I.SEND_FAILURE): (S.COMPLETED, finish),
        (S.TRYING, I.TIMER_X): (S.TERMINATED, end),
        (S.PROCEEDING, I.REQUEST): (S.PROCEEDING, resend),
        (S.PROCEEDING, I.SEND_PROVISIONAL): (S.PROCEEDING, answer),
        (S.PROCEEDING, I.SEND_SUCCESS): (S.COMPLETED, finish),
        (S.PROCEEDING, I.SEND_FAILURE): (S.COMPLETED, finish),
        (S.PROCEEDING, I.TIMER_X): (S.TERMINATED, end),
        (S.COMPLETED, I.REQUEST): (S.COMPLETED, resend),
        (S.COMPLETED, I.TIMER_J): (S.TERMINATED, end),
    }

    def start(self, now: float) -> None:
        self.end_after(I.TIMER_X, self._host.timing.patience, now)
