"""Responses: what is copied from the request, and where they go (RFC 3261 §8.2.6, §18.2; RFC 3581).

Lives here: their making and their way.
Never here: when to answer, or what.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...net.address import Endpoint, same_host
from ..flow import Flow, default_port
from .headers import Via
from .message import Request, Response
from .names import SPELLED, canonical

REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
COPIED: Final = frozenset(("Via", "From", "Call-ID", "CSeq"))


def reason_phrase(status: int) -> str:
    """The RFC's phrase for a status, or its class's."""
    return REASONS.get(status) or REASONS.get(status // 100 * 100, "Unknown")


def response_to(
    request: Request,
    status: int,
    *,
    reason: str | None = None,
    tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """A response with what §8.2.6.2 copies; ``tag`` goes into a To that has none (never for 100)."""
    rows = [pair for pair in request.headers if pair[0] in COPIED]
    to = request.get("To")  # what cannot be read at all is refused even without one
    if to is not None and tag is not None and status != 100 and not request.to.tag:
        to = f"{to};tag={tag}"
    if to is not None:
        rows.append(("To", to))
    if status == 100 and (timestamp := request.get("Timestamp")) is not None:
        rows.append(("Timestamp", timestamp))
    rows += [(SPELLED.get(name) or canonical(name), value) for name, value in headers]
    response = Response(status, reason or reason_phrase(status), (), body, request.secure)
    response.headers = rows  # what was copied is spelled as it is to be
    return response


def stamp_via(request: Request, flow: Flow) -> Via:
    """Write into the top Via where the request came from (§18.2.1, RFC 3581 §4); returns it."""
    via = request.via
    stamped = via.seen_from(*flow.remote)
    if stamped is not via:
        request.replace_top("Via", str(stamped))
        request.via = stamped
    return stamped


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Where responses go: to the packet's source wherever it asked for that or a NAT shows (RFC 3581 §4).

    On a connection that is the connection, and once it is closed a new one to the Via's port (§18.2.2).
    Over UDP without rport and from the address its Via names, the Via's port decides (§18.2.2): some phones
    send from a port they do not listen on. ``maddr`` is ignored; it would let anybody aim our answers.
    """
    host, port = flow.remote
    listens_at = via.port or default_port(flow.transport)
    if listens_at == port:
        return flow
    if not flow.reliable and (via.wants_rport or not same_host(via.host, host)):
        return flow
    return flow.towards(Endpoint(host, listens_at))
