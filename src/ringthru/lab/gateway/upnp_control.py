"""UPnP control on the fake gateway: from a POST to an action and back.

Lives here: checking the call, finding the service, and the rows that spoil the answer.
Never here: the actions themselves, sockets; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from . import soap
from .quirks import Quirks
from .upnp_device import Service
from .upnp_faults import FAULTS, EmptyFault, Fault
from .upnp_http import RESET, HttpRequest, HttpResponse
from .upnp_services import ServicePart

log = logging.getLogger(__name__)

BURST: Final = 0.35  # seconds in which HT18 bears two actions
SLOW_ACTION: Final = 5.0  # seconds (HT17)
SLOW_DELETE: Final = 6.0  # seconds (LI13)
UNREADABLE: Final = ("GetSpecificPortMappingEntry", "GetStatusInfo")  # HT12, HT14
UNKNOWN_TO_UBEE: Final = ("AddAnyPortMapping", "GetListOfPortMappings")  # HT15
HTML: Final = b"<html><head><title>Router</title></head><body>Something went wrong</body></html>"
CHALLENGE: Final = 'WWW-Authenticate: Digest realm="HTTPS Access",nonce="8F1A2B3C",algorithm=MD5,qop="auth"'
EMPTY_500: Final = HttpResponse("500 Internal Server Error")


class Control:
    """Answers the POSTs of one gateway. ``variables`` gives what QueryStateVariable may ask for."""

    def __init__(
        self,
        parts: Mapping[str, ServicePart],
        quirks: Callable[[], Quirks],
        variables: Callable[[], Mapping[str, str]],
    ) -> None:
        self._parts = parts
        self._quirks = quirks
        self._variables = variables
        self._recent: list[float] = []  # when the last actions were asked for

    def respond(self, request: HttpRequest, service: Service, client: str, now: float) -> HttpResponse:
        """The answer to a POST to a service's control URL."""
        quirks = self._quirks()
        if quirks.has("HT23"):
            return HttpResponse("401 Unauthorized", headers=(CHALLENGE,))
        if quirks.has("HT18") and self._is_burst(now):
            return RESET
        call = soap.read_call(request.body)
        if call is None:
            return HttpResponse("400 Bad Request")
        if quirks.has("AD25") and not soap.is_written_plainly(request.body):
            return EMPTY_500
        if (spoilt := _spoilt(call.action, quirks)) is not None:
            return spoilt
        delay = SLOW_DELETE if quirks.has("LI13") and call.action == "DeletePortMapping" else 0.0
        delay += SLOW_ACTION if quirks.has("HT17") else 0.0
        return self._answer(call, request, service, client, delay)

    def _answer(
        self, call: soap.Call, request: HttpRequest, service: Service, client: str, delay: float
    ) -> HttpResponse:
        try:
            if call.service == soap.CONTROL:
                return HttpResponse("200 OK", soap.answer(call, self._query(call)), delay=delay)
            self._check(call, request, service)
            results = self._parts[service.part].invoke(call.action, call.arguments, client)
        except EmptyFault:
            return EMPTY_500
        except Fault as error:
            log.debug("%s refused: %s", call.action, error)
            body = soap.fault(error.code, FAULTS[error.code], malformed=self._quirks().has("AD37"))
            return HttpResponse("500 Internal Server Error", body, delay=delay)
        return HttpResponse("200 OK", soap.answer(call, results), delay=delay)

    def _query(self, call: soap.Call) -> dict[str, str]:
        value = self._variables().get(call.arguments.get("varName", ""))
        if call.action != "QueryStateVariable" or value is None:
            raise Fault(401)
        return {"return": value}

    def _check(self, call: soap.Call, request: HttpRequest, service: Service) -> None:
        """The header must name the call in the body, and the service be ours (an older version is)."""
        quirks = self._quirks()
        base, _, newest = service.type.rpartition(":")
        oldest = int(newest) if quirks.has("DE11") else 1
        known = [f"{base}:{version}" for version in range(oldest, int(newest) + 1)]
        header = request.headers.get("soapaction", "")
        if call.service not in known or header != f'"{call.service}#{call.action}"':
            raise Fault(401)
        if quirks.has("HT10") and "SOAPAction" not in request.names:
            raise Fault(401)

    def _is_burst(self, now: float) -> bool:
        self._recent = [*self._recent[-2:], now]
        return len(self._recent) == 3 and now - self._recent[0] < BURST


def _spoilt(action: str, quirks: Quirks) -> HttpResponse | None:
    """What some gateways do instead of answering an action."""
    if quirks.has("HT15") and action in UNKNOWN_TO_UBEE:
        return RESET
    if quirks.has("HT14") and action in UNREADABLE:
        return EMPTY_500
    if quirks.has("HT12") and action in UNREADABLE:
        return HttpResponse("200 OK", HTML)
    return None
