"""What is asked of a UPnP gateway after each answer to AddPortMapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from draw_code import table, timing
from draw_port5351 import MAP, OURS, outcome

from ringthru.net.address import Endpoint
from ringthru.portmap.gateway import adding, upnp_calls
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure, Igd
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.wire.description import WanService
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

GATEWAY, STRANGER = "192.168.1.1", "192.168.1.66"
ANSWERS = ("200", "402", "403", "501", "606", "716", "718", "724", "725", "726", "727", "728", "729")
ANSWERS += ("401", "602")
ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body>'
    "</s:Envelope>"
)


def ladder_table() -> str:
    rows = []
    for code in ANSWERS:
        for held, permanent in ((None, False), ("ours", False), ("theirs", False), (None, True)):
            asked, end = _climb(code, held, permanent)
            rows.append((code, _whose(held, permanent), " → ".join(asked), outcome(end)))
    return table("Answer to AddPortMapping", "When", "What is asked, in order", "Outcome", rows=_merged(rows))


def _whose(held: str | None, permanent: bool) -> str:
    if permanent:
        return "life 0 is granted"
    return {None: "the port is nobody's", "ours": "the port is ours", "theirs": "the port is another host's"}[
        held
    ]


def _merged(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """One line where the answer alone decides."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for code, when, asked, end in rows:
        found.setdefault((code, asked, end), []).append(when)
    lines, counted = [], Counter(code for code, *_ in found)
    for (code, asked, end), when in found.items():
        lines.append((code, "" if counted[code] == 1 else "; ".join(when), asked, end))
    return lines


def _climb(code: str, held: str | None, permanent: bool) -> tuple[list[str], Any]:
    place = Location(Endpoint(GATEWAY, 5000), "/ctl")
    service = WanService("urn:schemas-upnp-org:service:WANIPConnection:1", place)
    steps = adding.add(Igd(place, "Acme R1", service, OURS, GatewayProfile()), MAP)
    asked: list[str] = []
    table_: dict[str, bool] = {"ours": held == "ours"}
    ask = next(steps)
    for _ in range(60):
        action, body = _action(ask.data)
        asked.append(action + (" (life 0)" if b"<NewLeaseDuration>0<" in ask.data else ""))
        try:
            ask = steps.send(_reply(action, body, code, held, permanent, table_))
        except StopIteration as end:
            return _runs(asked), end.value
    raise RuntimeError("a ladder without end")


def _runs(asked: list[str]) -> list[str]:
    """The same action again and again is told once, with how often."""
    told: list[str] = []
    counts: list[int] = []
    for each in asked:
        if told and told[-1] == each:
            counts[-1] += 1
        else:
            told.append(each)
            counts.append(1)
    return [each if count == 1 else f"{each} ×{count}" for each, count in zip(told, counts, strict=True)]


def _action(request: bytes) -> tuple[str, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    line = next((each for each in head.split(b"\r\n") if b"soapaction" in each.lower()), b"")
    return line.rpartition(b"#")[2].strip(b'" ').decode() or "SCPD", body


def _reply(
    action: str, body: bytes, code: str, held: str | None, permanent: bool, table_: dict[str, bool]
) -> Any:
    kind = "urn:schemas-upnp-org:service:WANIPConnection:1"
    if action == "SCPD":
        return HttpFailure(FailureKind.REFUSED, "closed")
    if action == "AddPortMapping":
        free = permanent and b"<NewLeaseDuration>0<" in body
        replaced = held == "ours" and not table_["ours"]
        return _ok(action, kind) if code == "200" or free or replaced else _fault(code)
    if action == "DeletePortMapping":
        table_["ours"] = False
        return _ok(action, kind)
    if action == "GetSpecificPortMappingEntry" and held:
        client = OURS if held == "ours" else STRANGER
        return _ok(action, kind, NewInternalPort="5060", NewInternalClient=client, NewEnabled="1",
                   NewPortMappingDescription="Ringthru udp 5060", NewLeaseDuration="60")  # fmt: skip
    return _fault("714" if action == "GetSpecificPortMappingEntry" else "713")


def _ok(action: str, kind: str, **values: str) -> Response:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    body = ENVELOPE.format(f'<u:{action}Response xmlns:u="{kind}">{inner}</u:{action}Response>')
    return Response(200, body.encode())


def _fault(code: str) -> Response:
    inner = (
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
        f'<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode>'
        "<errorDescription>no</errorDescription></UPnPError></detail></s:Fault>"
    )
    return Response(500, ENVELOPE.format(inner).encode())


PARTS: dict[str, Callable[[], str]] = {
    "upnp ladder": ladder_table,
    "upnp timing": lambda: timing(upnp_calls),
}
