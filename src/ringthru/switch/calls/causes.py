"""Hangup causes and their SIP statuses, both ways (Q.850 numbers, FreeSWITCH's names)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ...sip import Reason, Request, Response, reasons_of

Message = Request | Response


class HangupCause(IntEnum):
    """Why a call ended; the name is what logs, events and ``originate`` show."""

    NONE = 0
    UNALLOCATED_NUMBER = 1
    NO_ROUTE_TRANSIT_NET = 2
    NO_ROUTE_DESTINATION = 3
    CHANNEL_UNACCEPTABLE = 6
    CALL_AWARDED_DELIVERED = 7
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONSE = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    REDIRECTION_TO_NEW_DESTINATION = 23
    EXCHANGE_ROUTING_ERROR = 25
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    FACILITY_REJECTED = 29
    RESPONSE_TO_STATUS_ENQUIRY = 30
    NORMAL_UNSPECIFIED = 31
    NORMAL_CIRCUIT_CONGESTION = 34
    NETWORK_OUT_OF_ORDER = 38
    NORMAL_TEMPORARY_FAILURE = 41
    SWITCH_CONGESTION = 42
    ACCESS_INFO_DISCARDED = 43
    REQUESTED_CHAN_UNAVAIL = 44
    PRE_EMPTED = 45
    FACILITY_NOT_SUBSCRIBED = 50
    OUTGOING_CALL_BARRED = 52
    INCOMING_CALL_BARRED = 54
    BEARERCAPABILITY_NOTAUTH = 57
    BEARERCAPABILITY_NOTAVAIL = 58
    SERVICE_UNAVAILABLE = 63
    BEARERCAPABILITY_NOTIMPL = 65
    CHAN_NOT_IMPLEMENTED = 66
    FACILITY_NOT_IMPLEMENTED = 69
    SERVICE_NOT_IMPLEMENTED = 79
    INVALID_CALL_REFERENCE = 81
    INCOMPATIBLE_DESTINATION = 88
    INVALID_MSG_UNSPECIFIED = 95
    MANDATORY_IE_MISSING = 96
    MESSAGE_TYPE_NONEXIST = 97
    WRONG_MESSAGE = 98
    IE_NONEXIST = 99
    INVALID_IE_CONTENTS = 100
    WRONG_CALL_STATE = 101
    RECOVERY_ON_TIMER_EXPIRE = 102
    MANDATORY_IE_LENGTH_ERROR = 103
    PROTOCOL_ERROR = 111
    INTERWORKING = 127
    SUCCESS = 142
    ORIGINATOR_CANCEL = 487
    CRASH = 700
    SYSTEM_SHUTDOWN = 701
    LOSE_RACE = 702
    MANAGER_REQUEST = 703
    BLIND_TRANSFER = 800
    ATTENDED_TRANSFER = 801
    ALLOTTED_TIMEOUT = 802
    USER_CHALLENGE = 803
    MEDIA_TIMEOUT = 804
    PICKED_OFF = 805
    USER_NOT_REGISTERED = 806
    PROGRESS_TIMEOUT = 807
    INVALID_GATEWAY = 808
    GATEWAY_DOWN = 809
    INVALID_URL = 810
    INVALID_PROFILE = 811
    NO_PICKUP = 812
    SRTP_READ_ERROR = 813
    BOWOUT = 814
    BUSY_EVERYWHERE = 815
    DECLINE = 816
    DOES_NOT_EXIST_ANYWHERE = 817
    NOT_ACCEPTABLE = 818
    UNWANTED = 819
    NO_IDENTITY = 820
    BAD_IDENTITY_INFO = 821
    UNSUPPORTED_CERTIFICATE = 822
    INVALID_IDENTITY = 823
    STALE_DATE = 824
    REJECT_ALL = 825


_C = HangupCause

CAUSE_OF_STATUS: Final = {
    200: _C.NORMAL_CLEARING,
    **dict.fromkeys((401, 402, 403, 407, 603, 608), _C.CALL_REJECTED),
    404: _C.UNALLOCATED_NUMBER,
    **dict.fromkeys((485, 604), _C.NO_ROUTE_DESTINATION),
    **dict.fromkeys((408, 504), _C.RECOVERY_ON_TIMER_EXPIRE),
    410: _C.NUMBER_CHANGED,
    **dict.fromkeys((413, 414, 416, 420, 421, 423, 505, 513), _C.INTERWORKING),
    480: _C.NO_USER_RESPONSE,
    **dict.fromkeys((400, 481, 500, 503), _C.NORMAL_TEMPORARY_FAILURE),
    **dict.fromkeys((486, 600), _C.USER_BUSY),
    484: _C.INVALID_NUMBER_FORMAT,
    **dict.fromkeys((488, 606), _C.INCOMPATIBLE_DESTINATION),
    502: _C.NETWORK_OUT_OF_ORDER,
    405: _C.SERVICE_UNAVAILABLE,
    **dict.fromkeys((406, 415, 501), _C.SERVICE_NOT_IMPLEMENTED),
    **dict.fromkeys((482, 483), _C.EXCHANGE_ROUTING_ERROR),
    487: _C.ORIGINATOR_CANCEL,
    607: _C.UNWANTED,
}

STATUS_OF_CAUSE: Final = {
    **dict.fromkeys((_C.UNALLOCATED_NUMBER, _C.NO_ROUTE_TRANSIT_NET, _C.NO_ROUTE_DESTINATION), 404),
    _C.USER_BUSY: 486,
    _C.NO_USER_RESPONSE: 408,
    **dict.fromkeys((_C.NO_ANSWER, _C.SUBSCRIBER_ABSENT, _C.NORMAL_UNSPECIFIED), 480),
    _C.CALL_REJECTED: 603,
    **dict.fromkeys((_C.NUMBER_CHANGED, _C.REDIRECTION_TO_NEW_DESTINATION), 410),
    **dict.fromkeys((_C.DESTINATION_OUT_OF_ORDER, _C.INVALID_PROFILE), 502),
    **dict.fromkeys((_C.INVALID_NUMBER_FORMAT, _C.INVALID_GATEWAY, _C.INVALID_URL), 484),
    **dict.fromkeys((_C.FACILITY_REJECTED, _C.FACILITY_NOT_IMPLEMENTED, _C.SERVICE_NOT_IMPLEMENTED), 501),
    **dict.fromkeys(
        (
            _C.NORMAL_CIRCUIT_CONGESTION,
            _C.NETWORK_OUT_OF_ORDER,
            _C.NORMAL_TEMPORARY_FAILURE,
            _C.SWITCH_CONGESTION,
            _C.REQUESTED_CHAN_UNAVAIL,
            _C.BEARERCAPABILITY_NOTAVAIL,
            _C.GATEWAY_DOWN,
        ),
        503,
    ),
    **dict.fromkeys(
        (_C.OUTGOING_CALL_BARRED, _C.INCOMING_CALL_BARRED, _C.BEARERCAPABILITY_NOTAUTH),
        403,
    ),
    **dict.fromkeys((_C.BEARERCAPABILITY_NOTIMPL, _C.INCOMPATIBLE_DESTINATION), 488),
    _C.RECOVERY_ON_TIMER_EXPIRE: 504,
    _C.ORIGINATOR_CANCEL: 487,
    _C.EXCHANGE_ROUTING_ERROR: 483,
    _C.BUSY_EVERYWHERE: 600,
    _C.DECLINE: 603,
    _C.DOES_NOT_EXIST_ANYWHERE: 604,
    _C.NOT_ACCEPTABLE: 606,
}
HIGHEST_Q850: Final = 127  # what is above is FreeSWITCH's, and means nothing to others
EQUIVALENT: Final = {  # of ours, where Q.850 has a number that means nearly the same
    **dict.fromkeys(
        (
            *(_C.SUCCESS, _C.ORIGINATOR_CANCEL, _C.LOSE_RACE, _C.PICKED_OFF, _C.MANAGER_REQUEST),
            *(_C.BLIND_TRANSFER, _C.ATTENDED_TRANSFER, _C.ALLOTTED_TIMEOUT, _C.BOWOUT),
        ),
        _C.NORMAL_CLEARING,
    ),
    **dict.fromkeys((_C.CRASH, _C.SYSTEM_SHUTDOWN), _C.NORMAL_TEMPORARY_FAILURE),
    _C.MEDIA_TIMEOUT: _C.RECOVERY_ON_TIMER_EXPIRE,
    _C.USER_NOT_REGISTERED: _C.SUBSCRIBER_ABSENT,
    _C.PROGRESS_TIMEOUT: _C.NO_USER_RESPONSE,
    _C.NO_PICKUP: _C.NO_ANSWER,
    _C.BUSY_EVERYWHERE: _C.USER_BUSY,
    **dict.fromkeys((_C.DECLINE, _C.UNWANTED, _C.REJECT_ALL), _C.CALL_REJECTED),
    _C.DOES_NOT_EXIST_ANYWHERE: _C.UNALLOCATED_NUMBER,
    _C.NOT_ACCEPTABLE: _C.INCOMPATIBLE_DESTINATION,
    **dict.fromkeys((_C.INVALID_GATEWAY, _C.INVALID_PROFILE), _C.DESTINATION_OUT_OF_ORDER),
    _C.GATEWAY_DOWN: _C.NETWORK_OUT_OF_ORDER,
    _C.INVALID_URL: _C.INVALID_NUMBER_FORMAT,
}
ELSEWHERE: Final = Reason("SIP", 200, "Call completed elsewhere")  # RFC 3326 §2: no missed call on this phone
ELSEWHERE_CAUSES: Final = frozenset((_C.LOSE_RACE, _C.PICKED_OFF))


def cause_of(status: int) -> HangupCause:
    """What a final SIP status means for the call."""
    return CAUSE_OF_STATUS.get(status, HangupCause.NORMAL_UNSPECIFIED)


def cause_said(message: Message | None, otherwise: HangupCause) -> HangupCause:
    """Why the peer ended the call by its Reason: Q.850's number before SIP's status (RFC 3326, RFC 6432)."""
    reasons = reasons_of(message)
    for reason in reasons:
        if reason.protocol.upper() == "Q.850" and reason.cause in _KNOWN and reason.cause <= HIGHEST_Q850:
            return HangupCause(reason.cause)
    for reason in reasons:
        if reason.protocol.upper() != "SIP" or reason.cause is None:
            continue
        if reason.cause == ELSEWHERE.cause:  # of a CANCEL; the 200 of a BYE is as good as nothing
            return HangupCause.LOSE_RACE if otherwise is HangupCause.ORIGINATOR_CANCEL else otherwise
        if reason.cause >= 300:
            return cause_of(reason.cause)
    return otherwise


def reason_for(cause: HangupCause, answered: bool) -> Reason:
    """The Reason that tells a cause to a peer; ``answered``: the call stood, so nobody else answered it."""
    if cause in ELSEWHERE_CAUSES and not answered:
        return ELSEWHERE
    number = int(cause) if cause <= HIGHEST_Q850 else EQUIVALENT.get(cause, _C.NORMAL_UNSPECIFIED)
    return Reason("Q.850", int(number), cause.name)


_KNOWN: Final = frozenset(int(each) for each in HangupCause)


def status_of(cause: HangupCause) -> int:
    """The final SIP status that says this cause to a caller who was not answered yet."""
    return STATUS_OF_CAUSE.get(cause, 480)


def cause_named(text: str) -> HangupCause:
    """A cause by its name or its number; NORMAL_CLEARING when it is neither."""
    return find_cause(text) or HangupCause.NORMAL_CLEARING


def find_cause(text: str) -> HangupCause | None:
    """A cause by its name or its number; None when it is neither."""
    name = text.strip().upper()
    if name in HangupCause.__members__:
        return HangupCause[name]
    number = int(name) if name.isdecimal() and len(name) < 5 else -1
    return next((cause for cause in HangupCause if cause == number), None)


def is_among(cause: HangupCause, text: str) -> bool:
    """Whether a list like ``USER_BUSY,19`` holds a cause; ``!NAME`` stands for every cause but that one."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    refused = [word[1:] for word in words if word.startswith("!")]
    if refused:
        return cause not in [find_cause(word) for word in refused]
    return cause in [find_cause(word) for word in words]
