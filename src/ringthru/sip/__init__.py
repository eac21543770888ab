"""RFC 3261 signalling; knows neither NAT nor media. Imports net."""

from .agent.call import Call
from .agent.call_state import CallState, Direction
from .agent.client_request import Login, RequestHandle
from .agent.events import (
    AckNearMiss,
    AckOverdue,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallFailed,
    CallProgress,
    Event,
    IncomingCall,
    IncomingRequest,
    NotifyAnswered,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
    SessionRefreshDue,
    StrayAck,
)
from .agent.referral import Progress, Referral
from .agent.session_timer import SessionSettings
from .agent.subscription import Subscription
from .agent.useragent import UserAgent
from .errors import LocalError, MalformedMessage, RemoteError, SipError
from .flow import Flow
from .registrar.authority import Authority, Verdict
from .registrar.binding import Binding, Keep, Origin, RegisterOutcome, Terms
from .registrar.registration import Bindings
from .transactions.layer_values import Counters, Limits, Refusal
from .transactions.transaction import Timing
from .transport.driver import SipDriver, TlsListener
from .wire.authentication import Challenge, Credentials
from .wire.call_headers import Reason, ReferTo, Replaces, reasons_of
from .wire.digest import ha1
from .wire.headers import CSeq, NameAddr, Via
from .wire.holes import HERE, HERE_HOST, HERE_URI
from .wire.message import Request, Response
from .wire.reply import reason_phrase
from .wire.uri import SipUri

__all__ = [
    "HERE",
    "HERE_HOST",
    "HERE_URI",
    "AckNearMiss",
    "AckOverdue",
    "Authority",
    "Binding",
    "Bindings",
    "CSeq",
    "Call",
    "CallAnswered",
    "CallCancelled",
    "CallConfirmed",
    "CallEnded",
    "CallFailed",
    "CallProgress",
    "CallState",
    "Challenge",
    "Counters",
    "Credentials",
    "Direction",
    "Event",
    "Flow",
    "IncomingCall",
    "IncomingRequest",
    "Keep",
    "Limits",
    "LocalError",
    "Login",
    "MalformedMessage",
    "NameAddr",
    "NotifyAnswered",
    "Origin",
    "Progress",
    "Reason",
    "ReferTo",
    "Referral",
    "Refusal",
    "RegisterOutcome",
    "RemoteError",
    "Replaces",
    "Request",
    "RequestFailed",
    "RequestHandle",
    "RequestReceived",
    "Response",
    "ResponseReceived",
    "SessionRefreshDue",
    "SessionSettings",
    "SipDriver",
    "SipError",
    "SipUri",
    "StrayAck",
    "Subscription",
    "Terms",
    "Timing",
    "TlsListener",
    "UserAgent",
    "Verdict",
    "Via",
    "ha1",
    "reason_phrase",
    "reasons_of",
]
