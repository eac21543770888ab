"""RFC 3261 signalling; knows neither NAT nor media. Imports net."""

from .authentication import Challenge, Credentials
from .authority import Authority, Verdict
from .binding import Binding, Keep, Origin, RegisterOutcome, Terms
from .call import Call, CallState, Direction
from .call_headers import Reason, ReferTo, Replaces, reasons_of
from .client_request import Login, RequestHandle
from .driver import SipDriver, TlsListener
from .errors import LocalError, MalformedMessage, RemoteError, SipError
from .events import (
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
    RequestFailed,
    RequestReceived,
    ResponseReceived,
    SessionRefreshDue,
    StrayAck,
)
from .flow import Flow
from .headers import CSeq, NameAddr, Via
from .layer_values import Counters, Limits, Refusal
from .message import HERE, HERE_HOST, HERE_URI, Request, Response
from .referral import Progress, Referral
from .registration import Bindings
from .reply import reason_phrase
from .session_timer import SessionSettings
from .transaction import Timing
from .uri import SipUri
from .useragent import UserAgent

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
    "Terms",
    "Timing",
    "TlsListener",
    "UserAgent",
    "Verdict",
    "Via",
    "reason_phrase",
    "reasons_of",
]
