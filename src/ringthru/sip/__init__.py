"""RFC 3261 signalling; knows neither NAT nor media. Imports net."""

from .authentication import Challenge, Credentials
from .call import Call, CallState, Direction
from .client_request import Login, RequestHandle
from .digest import Authority, Verdict
from .driver import SipDriver, TlsListener
from .errors import LocalError, MalformedMessage, RemoteError, SipError
from .events import (
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
)
from .flow import Flow
from .headers import CSeq, NameAddr, Via
from .layer import Counters, Limits
from .message import HERE, HERE_HOST, HERE_URI, Request, Response
from .registration import Binding, Bindings, RegisterOutcome
from .reply import reason_phrase
from .transaction import Timing
from .uri import SipUri
from .useragent import ALLOW, UserAgent

__all__ = [
    "ALLOW",
    "HERE",
    "HERE_HOST",
    "HERE_URI",
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
    "Limits",
    "LocalError",
    "Login",
    "MalformedMessage",
    "NameAddr",
    "RegisterOutcome",
    "RemoteError",
    "Request",
    "RequestFailed",
    "RequestHandle",
    "RequestReceived",
    "Response",
    "ResponseReceived",
    "SipDriver",
    "SipError",
    "SipUri",
    "Timing",
    "TlsListener",
    "UserAgent",
    "Verdict",
    "Via",
    "reason_phrase",
]
