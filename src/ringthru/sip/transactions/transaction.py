"""What the four transactions of RFC 3261 §17 have in common.

Lives here: states, inputs, the times they wait, and the step through a table.
Never here: matching messages to transactions (`layer.py`), or what a request means.

A transport error is an input of requests not answered yet, over reliable transports alone: over UDP a
refused send is as good as a lost datagram, and retransmission cures both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ...net.values import frozen
from ..flow import Flow
from ..timers import Timer, Timers


class State(Enum):
    """The states of the figures in RFC 3261 §17 and RFC 6026 §7."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"  # RFC 6026
    TERMINATED = "terminated"

    __hash__ = object.__hash__  # an Enum's own is in Python, and every step looks into a table


class Input(Enum):
    """What can happen to a transaction: the labels on the figures' arrows."""

    REQUEST = "request from the wire"
    ACK = "ACK from the wire"
    PROVISIONAL = "1xx from the wire"
    SUCCESS = "2xx from the wire"
    FAILURE = "300–699 from the wire"
    SEND_PROVISIONAL = "1xx from the user"
    SEND_SUCCESS = "2xx from the user"
    SEND_FAILURE = "300–699 from the user"
    TRANSPORT_ERROR = "transport error"
    TIMER_A = "A"  # INVITE client resends
    TIMER_B = "B"  # INVITE client gives up
    TIMER_D = "D"  # INVITE client forgets a failure
    TIMER_E = "E"  # other client resends
    TIMER_F = "F"  # other client gives up
    TIMER_G = "G"  # INVITE server resends a failure
    TIMER_H = "H"  # INVITE server gives up on the ACK
    TIMER_I = "I"  # INVITE server forgets
    TIMER_J = "J"  # other server forgets
    TIMER_K = "K"  # other client forgets
    TIMER_L = "L"  # INVITE server forgets a success (RFC 6026)
    TIMER_M = "M"  # INVITE client forgets a success (RFC 6026)
    TIMER_X = "X"  # other server, unanswered: its client has given up by now (RFC 4320 §4.2)

    __hash__ = object.__hash__


def received(status: int) -> Input:
    """The input a response from the wire is."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE


def sent(status: int) -> Input:
    """The input a response from the transaction's user is."""
    if status < 200:
        return Input.SEND_PROVISIONAL
    return Input.SEND_SUCCESS if status < 300 else Input.SEND_FAILURE


@frozen
class Timing:
    """The three times of RFC 3261 §17.1.1.1 in seconds; every timer follows from them (table 4).

    ``patience`` is 64 × T1: after that long a silent peer is given up (timers B, F, H, J, L, M).
    """

    __slots__ = ("patience",)

    t1: float = 0.5  # round-trip estimate
    t2: float = 4.0  # longest wait between retransmissions
    t4: float = 5.0  # longest life of a datagram in the network

    if TYPE_CHECKING:
        patience: ClassVar[float]  # no field: it follows from the first

    def __post_init__(self) -> None:
        object.__setattr__(self, "patience", 64 * self.t1)


class Host(Protocol):
    """What a transaction needs from the layer that keeps it."""

    timers: Timers
    timing: Timing

    def send(self, data: bytes, flow: Flow) -> None: ...

    def deliver(self, event: Any) -> None: ...

    def forget(self, transaction: Any) -> None: ...


Action = Callable[[Any, float, Any], None]  # (transaction, now, message)
Table = Mapping[tuple[State, Input], tuple[State, Action]]


class Transaction:
    """A state, a table, and at most two running timers: one that resends, one that ends."""

    __slots__ = ("_ending", "_host", "_interval", "_resending", "data", "flow", "key", "state")

    TABLE: ClassVar[Table]

    def __init__(self, host: Host, key: tuple[Any, ...], flow: Flow, state: State) -> None:
        self._host = host
        self._interval = host.timing.t1
        self._resending: Timer | None = None
        self._ending: Timer | None = None
        self.key = key
        self.flow = flow
        self.state = state
        self.data = b""  # what a retransmission sends

    def step(self, what: Input, now: float, message: Any = None) -> None:
        """Follow the arrow ``what`` out of the present state; without one, absorb it."""
        row = self.TABLE.get((self.state, what))
        if row is None:
            return
        self.state, action = row
        action(self, now, message)

    def resend_after(self, timer: Input, wait: float, now: float) -> None:
        """Run ``timer`` in ``wait`` seconds, and remember ``wait`` for the next doubling."""
        self._interval = wait
        self._resending = self._host.timers.start(now + wait, self.step, timer)

    def end_after(self, timer: Input, wait: float, now: float) -> None:
        """Stop all timers, then run ``timer`` in ``wait`` seconds; at once for 0 (reliable transports)."""
        timers, ending, at = self._host.timers, self._ending, now + wait
        if ending is not None and ending.action is not None and ending.at <= at and self._resending is None:
            timers.put_off(ending, at, timer)
            return
        if ending is not None or self._resending is not None:
            self.stop_timers()
        if wait <= 0:
            self.step(timer, now)
        else:
            self._ending = timers.start(at, self.step, timer)

    def stop_timers(self) -> None:
        if self._resending is not None:
            self._host.timers.cancel(self._resending)
        if self._ending is not None:
            self._host.timers.cancel(self._ending)
        self._resending = self._ending = None

    def transmit(self) -> None:
        if self.data:
            self._host.send(self.data, self.flow)

    def terminate(self) -> None:
        """Stop, and let go of everything."""
        self.state = State.TERMINATED
        self.stop_timers()
        self.data = b""
        self._host.forget(self)


# Actions that both sides' tables use


def absorb(transaction: Transaction, now: float, message: Any) -> None:
    """Stay where the table says, and do nothing."""


def resend(transaction: Transaction, now: float, message: Any) -> None:
    transaction.transmit()


def end(transaction: Transaction, now: float, message: Any) -> None:
    transaction.terminate()
