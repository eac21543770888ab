"""Hangup causes and their SIP statuses, both ways (Q.850 numbers, FreeSWITCH's names)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class HangupCause(IntEnum):
    """Why a call ended; the name is what logs, events and ``originate`` show."""

    NONE = 0
    UNALLOCATED_NUMBER = 1
    NO_ROUTE_TRANSIT_NET = 2
    NO_ROUTE_DESTINATION = 3
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONSE = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    EXCHANGE_ROUTING_ERROR = 25
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    NORMAL_UNSPECIFIED = 31
    NORMAL_CIRCUIT_CONGESTION = 34
    NETWORK_OUT_OF_ORDER = 38
    NORMAL_TEMPORARY_FAILURE = 41
    SWITCH_CONGESTION = 42
    OUTGOING_CALL_BARRED = 52
    SERVICE_UNAVAILABLE = 63
    SERVICE_NOT_IMPLEMENTED = 79
    INCOMPATIBLE_DESTINATION = 88
    CHAN_NOT_IMPLEMENTED = 66
    MANDATORY_IE_MISSING = 96
    RECOVERY_ON_TIMER_EXPIRE = 102
    INTERWORKING = 127
    ORIGINATOR_CANCEL = 487
    SYSTEM_SHUTDOWN = 701
    LOSE_RACE = 702
    MANAGER_REQUEST = 703
    ALLOTTED_TIMEOUT = 802
    MEDIA_TIMEOUT = 804
    USER_NOT_REGISTERED = 806
    INVALID_GATEWAY = 808
    INVALID_URL = 810
    INVALID_PROFILE = 811
    BUSY_EVERYWHERE = 815
    DECLINE = 816
    DOES_NOT_EXIST_ANYWHERE = 817
    NOT_ACCEPTABLE = 818
    UNWANTED = 819


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
    _C.NUMBER_CHANGED: 410,
    **dict.fromkeys((_C.DESTINATION_OUT_OF_ORDER, _C.INVALID_PROFILE), 502),
    **dict.fromkeys((_C.INVALID_NUMBER_FORMAT, _C.INVALID_GATEWAY, _C.INVALID_URL), 484),
    _C.SERVICE_NOT_IMPLEMENTED: 501,
    **dict.fromkeys(
        (
            _C.NORMAL_CIRCUIT_CONGESTION,
            _C.NETWORK_OUT_OF_ORDER,
            _C.NORMAL_TEMPORARY_FAILURE,
            _C.SWITCH_CONGESTION,
        ),
        503,
    ),
    _C.OUTGOING_CALL_BARRED: 403,
    _C.INCOMPATIBLE_DESTINATION: 488,
    _C.RECOVERY_ON_TIMER_EXPIRE: 504,
    _C.ORIGINATOR_CANCEL: 487,
    _C.EXCHANGE_ROUTING_ERROR: 483,
    _C.BUSY_EVERYWHERE: 600,
    _C.DECLINE: 603,
    _C.DOES_NOT_EXIST_ANYWHERE: 604,
    _C.NOT_ACCEPTABLE: 606,
}


def cause_of(status: int) -> HangupCause:
    """What a final SIP status means for the call."""
    return CAUSE_OF_STATUS.get(status, HangupCause.NORMAL_UNSPECIFIED)


def status_of(cause: HangupCause) -> int:
    """The final SIP status that says this cause to a caller who was not answered yet."""
    return STATUS_OF_CAUSE.get(cause, 480)


def cause_named(text: str) -> HangupCause:
    """A cause by its name or its number; NORMAL_CLEARING when it is neither."""
    name = text.strip().upper()
    if name in HangupCause.__members__:
        return HangupCause[name]
    number = int(name) if name.isdecimal() else -1
    return next((cause for cause in HangupCause if cause == number), HangupCause.NORMAL_CLEARING)
