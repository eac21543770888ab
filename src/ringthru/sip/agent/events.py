"""What a user agent tells its user.

Lives here: the events, and the request of a peer that waits for an answer.
Never here: what to do about them.

Every call ends with exactly one of `CallFailed`, `CallCancelled` and `CallEnded`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...net.address import Endpoint
from ...net.values import frozen
from ..flow import Flow
from ..transactions.server_transaction import ServerTransaction
from ..wire.message import Request, Response
from .odd_acks import Difference

if TYPE_CHECKING:
    from .call import Call
    from .client_request import RequestHandle
    from .subscription import Subscription


@frozen
class IncomingRequest:
    """A request its receiver must answer with ``UserAgent.respond``; ``call`` is set inside a dialog.

    ``seen_at`` is our own address as the sender reaches it: what fills the holes of the answer.
    """

    request: Request
    flow: Flow
    call: Call | None
    seen_at: Endpoint
    transaction: ServerTransaction


@frozen
class IncomingCall:
    """A peer calls; 100 was sent. Ring, answer or reject."""

    call: Call


@frozen
class CallProgress:
    """A provisional response other than 100 to a call of ours."""

    call: Call
    response: Response


@frozen
class CallAnswered:
    """A call of ours was answered; the ACK was sent."""

    call: Call
    response: Response


@frozen
class CallConfirmed:
    """The ACK came (or went): the call stands. ``ack`` is the peer's, None for a call of ours.

    It comes again for a re-INVITE without an offer, whose ACK answers ours.
    """

    call: Call
    ack: Request | None = None


@frozen
class CallFailed:
    """A call of ours did not come about; 408 without a response when nobody answered."""

    call: Call
    status: int
    reason: str
    response: Response | None = None


@frozen
class CallCancelled:
    """The caller gave up before we answered; 487 was sent. ``request`` is its CANCEL, or its BYE."""

    call: Call
    request: Request | None = None


@frozen
class CallEnded:
    """A call is over, in words; ``request`` is the peer's BYE if it was one."""

    call: Call
    reason: str
    request: Request | None = None


@frozen
class SessionRefreshDue:
    """The session timer wants a re-INVITE with the session's present description (RFC 4028 §7.4)."""

    call: Call


@frozen
class AckOverdue:
    """Our 2xx, ``size`` bytes, was sent ``copies`` times in 4 s, and no ACK came; 28 s more are waited.

    ``unheard`` copies of the INVITE came after it, so that it did not arrive; ``asked``: a later request
    of the peer's in the dialog came, so that it did.
    """

    call: Call
    copies: int
    size: int
    unheard: int
    asked: bool


@frozen
class AckNearMiss:
    """An ACK that differs from what ``call`` awaits in one key; ``accepted``: it counted all the same.

    ``difference`` is None for an ACK that could not be read at all; ``problem`` says why then.
    """

    call: Call
    difference: Difference | None
    problem: str
    flow: Flow
    accepted: bool


@frozen
class StrayAck:
    """An ACK that fits no call of this agent: perhaps it was meant for another socket of ours."""

    request: Request
    flow: Flow


@frozen
class RequestReceived:
    """A request the agent does not answer by itself."""

    incoming: IncomingRequest


@frozen
class NotifyAnswered:
    """A NOTIFY of a subscription was answered, or nobody will; it may have ended with that."""

    subscription: Subscription


@frozen
class ResponseReceived:
    """The final response to a request of ours (for a re-INVITE too; its ACK was sent)."""

    handle: RequestHandle
    response: Response


@frozen
class RequestFailed:
    """Nobody answered a request of ours."""

    handle: RequestHandle
    reason: str


Event = (
    IncomingCall
    | CallProgress
    | CallAnswered
    | CallConfirmed
    | CallFailed
    | CallCancelled
    | CallEnded
    | SessionRefreshDue
    | AckOverdue
    | AckNearMiss
    | StrayAck
    | RequestReceived
    | NotifyAnswered
    | ResponseReceived
    | RequestFailed
)
