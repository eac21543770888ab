"""What crosses the border to C: plain tuples there, values of ours here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ringthru.net.address import Endpoint

from ..description.offer_answer import Negotiated
from ..events import FirstPacket, Forged, Hungry, MediaEvent, Said, Timeout, Unexpected
from ..leg.protecting import Hearing, Sessions
from ..rtp.latch import Confirmed, Latched
from ..rtp.report import LegReport
from ..rtp.telephone_event import KEYS, KeyHeard
from . import _native

CHECK: Final = 9  # the event of a STUN datagram that waits, which is none for the switch
EVENTS: Final[dict[int, Callable[[int, str, int, float, Any, Any], MediaEvent]]] = {
    1: lambda number, kind, amount, seconds, was, now: Latched(kind, Endpoint(*was), Endpoint(*now)),
    2: lambda number, kind, amount, seconds, was, now: Confirmed(kind, Endpoint(*now)),
    3: lambda number, kind, amount, seconds, was, now: FirstPacket(Endpoint(*now)),
    4: lambda number, kind, amount, seconds, was, now: Timeout(seconds),
    5: lambda number, kind, amount, seconds, was, now: KeyHeard(KEYS[number], amount),
    6: lambda number, kind, amount, seconds, was, now: Said(),
    7: lambda number, kind, amount, seconds, was, now: Hungry(amount),
    8: lambda number, kind, amount, seconds, was, now: Unexpected(number, Endpoint(*now)),
    10: lambda number, kind, amount, seconds, was, now: Forged(Endpoint(*now)),
}


def event_of(told: tuple[int, int, bool, int, float, Any, Any]) -> MediaEvent:
    """The value of an event as C tells it."""
    what, number, rtcp, amount, seconds, was, now = told
    return EVENTS[what](number, "audio RTCP" if rtcp else "audio", amount, seconds, was, now)


def report_of(told: tuple[Any, ...]) -> LegReport:
    """The value of a report as C tells it."""
    *counted, target, quality, forged = told
    values: Any = (*counted, Endpoint(*target) if target is not None else None, *quality, forged)
    return LegReport(*values)


def secured_for_c(sessions: Sessions, addresses: tuple[int, ...]) -> tuple[Any, ...]:
    """The arguments that ``secure`` of a leg in C takes: functions of libsrtp, and the sessions in force."""

    def hearing(key: Hearing | None) -> tuple[int, int, int, int]:
        return (_pointer(key.session), key.mki, *key.tails) if key is not None else (0, 0, 0, 0)

    sending = _pointer(sessions.sending) if sessions.sending is not None else 0
    return addresses, sending, hearing(sessions.hearing), hearing(sessions.before), sessions.all()


def _pointer(session: Any) -> int:
    pointer: int = session.pointer
    return pointer


def agreed_for_c(negotiated: Negotiated, codec: int) -> tuple[Any, ...]:
    """The arguments that ``connect`` of a leg in C takes, but for the last."""
    agreed = negotiated

    def number(payload_type: int | None) -> int:
        return _native.NO_TYPE if payload_type is None else payload_type

    return (
        *agreed.remote_rtp,
        *agreed.remote_rtcp,
        agreed.codec.clock_rate,
        agreed.event_rate,
        agreed.ptime,
        codec,
        agreed.codec.payload_type,
        agreed.heard_type,
        number(agreed.telephone_event),
        number(agreed.heard_event),
        agreed.sends,
        agreed.receives,
        agreed.mux,
        f"{agreed.ice.ufrag}:" if agreed.ice else "",
        not agreed.learns,
        agreed.learns_after,
    )
