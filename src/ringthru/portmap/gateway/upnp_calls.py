"""One action at a gateway: asked in the form it takes, again when time runs out, and judged by its proof.

Lives here: retries, both forms of POST, and which actions a gateway turns out to lack.
Never here: what to ask, or what an error code means for a mapping.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from ...net.values import replace
from ..wire import http, soap
from .orders import Outcome
from .upnp_values import Ask, FailureKind, HttpFailure, Igd, Reply

FETCH_DEADLINE: Final = 5.0  # seconds for a description; a WGT624 takes four for each answer
ACTION_DEADLINE: Final = 10.0  # seconds for an action: some take 6 (HT17)
REST: Final = 0.5  # seconds to a gateway that may have been asked too fast (HT18)
PACE: Final = 0.25  # seconds between two requests, where a rest has helped
INVALID_ACTION: Final = 401
MOST_CODES: Final = 32  # counted by name
LONGEST_HEARD: Final = 2048  # bytes of an answer that is remembered to be recognised
SILENCE: Final = 504  # stands for an answer that never came
LACKING: Final = frozenset((INVALID_ACTION, 602))  # 602: optional, not implemented
FORBIDDEN: Final = frozenset((606, 403))
LOGIN: Final = frozenset((401, 403))  # of HTTP
ADD_ANY: Final = "AddAnyPortMapping"
LOOKING: Final = frozenset(  # actions that change nothing: one that is never answered does not speak for all
    ("GetSpecificPortMappingEntry", "GetGenericPortMappingEntry", soap.GET_LIST)
)
OPTIONAL: Final = frozenset(  # a gateway without them has not failed, and is not asked for them again
    (
        ADD_ANY,
        soap.GET_LIST,
        "DeletePortMappingRange",
        "GetStatusInfo",
        "GetNATRSIPStatus",
        "CheckPinholeWorking",
        "GetPinholePackets",
        "GetOutboundPinholeTimeout",
    )
)

Steps = Generator[Ask, Reply, Outcome]
Answering = Generator[Ask, Reply, soap.Success | soap.Fault]


class Unreachable(Exception):
    """Nobody answers any more; ends a procedure."""


def call(igd: Igd, request: soap.Call) -> Answering:
    """One action. What is neither success nor an error code is tried once in the other form of POST.

    Raises:
        Unreachable: nobody answers at the control point.
    """
    if request.action in igd.profile.missing_actions:
        return soap.Fault(INVALID_ACTION, f"the gateway has no {request.action}", 0)
    answer = yield from _answer(igd, request)
    if _is_nonsense(answer):
        second = yield from _second_form(igd, request)
        if second is not None:
            answer = second
            igd.extended = not igd.extended
    if isinstance(answer, soap.Fault) and _is_lacking(request.action, answer):
        igd.learn(missing_actions=igd.profile.missing_actions | {request.action})
    return answer


def forbidden(fault: soap.Fault) -> bool:
    return fault.code in FORBIDDEN or (fault.code is None and fault.status in LOGIN)


def _answer(igd: Igd, request: soap.Call) -> Answering:
    """What it says; a look that is never answered is no fault of the gateway's while others are."""
    try:
        return (yield from _exchange(igd, request))
    except Unreachable as silence:
        if request.action not in LOOKING:
            raise
        yield from _exchange(igd, soap.get_external_address())  # raises too when nobody is there
        return soap.Fault(None, str(silence), SILENCE)


def _exchange(igd: Igd, request: soap.Call) -> Answering:
    reply = yield _ask(igd, request, igd.extended)
    waited = False
    if isinstance(reply, HttpFailure) and reply.ahead:
        reply = yield from _alone(igd, request)
        waited = isinstance(reply, HttpFailure) and reply.kind is FailureKind.TIMEOUT
    if isinstance(reply, HttpFailure) and reply.kind is not FailureKind.REFUSED and not waited:
        reply = yield from _after_a_rest(igd, request, reply)
    if isinstance(reply, http.Response):
        return _judged(igd, request, reply)
    if reply.kind is FailureKind.BROKEN:  # some reset the connection at an action they lack (HT15)
        return soap.Fault(None, reply.reason, 0)
    raise Unreachable(f"{igd.service.control.endpoint}: {reply.reason}")


def _judged(igd: Igd, request: soap.Call, response: http.Response) -> soap.Success | soap.Fault:
    """What an answer says. The same bytes to the same action again mean the same: most grants are alike."""
    if igd.heard is not None and igd.heard[:2] == (request.action, response):
        return igd.heard[2]
    answer = soap.decode(request, response)
    if isinstance(answer, soap.Fault):
        _count(igd, answer)
    elif len(response.body) <= LONGEST_HEARD:
        igd.heard = request.action, response, answer
    return answer


def _count(igd: Igd, fault: soap.Fault) -> None:
    """By code; a gateway that makes them up does not fill our memory."""
    name = f"error {fault.code}" if fault.code is not None else f"no code (HTTP {fault.status})"
    if name in igd.faults or len(igd.faults) < MOST_CODES:
        igd.faults[name] = igd.faults.get(name, 0) + 1


def _alone(igd: Igd, request: soap.Call) -> Generator[Ask, Reply, Reply]:
    """The same with no connection beside it; where that helps, none is opened ahead again (HT16)."""
    reply = yield replace(_ask(igd, request, igd.extended), ahead=False)
    if isinstance(reply, http.Response):
        igd.learn(serves_several=False)
    return reply


def _after_a_rest(igd: Igd, request: soap.Call, failure: HttpFailure) -> Generator[Ask, Reply, Reply]:
    """The same once more, not so fast; where that helps, it is asked with pauses from now on (HT18)."""
    if failure.kind is FailureKind.BROKEN and igd.profile.pace:
        return failure
    reply = yield replace(_ask(igd, request, igd.extended), rest=REST)
    if isinstance(reply, http.Response) and not igd.profile.pace:
        igd.learn(pace=PACE)
    return reply


def _second_form(igd: Igd, request: soap.Call) -> Generator[Ask, Reply, soap.Success | soap.Fault | None]:
    """What it says to the other form; None when that makes no more sense."""
    reply = yield _ask(igd, request, not igd.extended)
    if not isinstance(reply, http.Response):
        return None
    answer = soap.decode(request, reply)
    understood = isinstance(answer, soap.Success) or answer.code is not None
    return answer if understood else None


def _ask(igd: Igd, request: soap.Call, extended: bool) -> Ask:
    data = request.encode(igd.service, extended)
    return Ask(igd.service.control.endpoint, data, ACTION_DEADLINE, ahead=igd.bears_connections)


def _is_nonsense(answer: soap.Success | soap.Fault) -> bool:
    """Neither proof nor code; a page that is missing, elsewhere or locked would be so for M-POST too."""
    if isinstance(answer, soap.Success) or answer.code is not None:
        return False
    worth_trying = answer.status in (0, 200, 405) or answer.status >= 500
    return worth_trying and answer.status != SILENCE


def _is_lacking(action: str, fault: soap.Fault) -> bool:
    if action not in OPTIONAL or forbidden(fault):
        return False
    return fault.code is None or fault.code in LACKING or (action == ADD_ANY and fault.code == 501)  # DE13
