"""What every request of ours carries, whoever asks for it (RFC 3261 §8.1.1).

Lives here: requests outside dialogs, and the INVITE that makes one.
Never here: sending them (`core.py`), requests within dialogs (`dialog.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from ...net.address import Endpoint
from ..wire.headers import NameAddr
from ..wire.holes import HERE, HERE_HOST
from ..wire.message import Request
from ..wire.uri import SipUri
from .core import SDP, Core
from .dialog import MAX_FORWARDS


def complete(core: Core, request: Request) -> None:
    """Fill in what a request outside dialogs lacks: From with a tag, To, Max-Forwards, Call-ID, CSeq."""
    sender = request.get("From") or f"<sip:{HERE_HOST}>"
    if not NameAddr.parse(sender).tag:
        request.set("From", f"{sender};tag={core.token()}")
    for name, value in (
        ("To", f"<{request.uri}>"),
        ("Max-Forwards", MAX_FORWARDS),
        ("Call-ID", ""),
        ("CSeq", f"1 {request.method}"),
        ("User-Agent", core.user_agent),
    ):
        if request.get(name) is None:
            request.add(name, value or core.token())


def first_invite(
    core: Core,
    request_uri: str,
    here: Endpoint,
    *,
    from_uri: str,
    from_display: str,
    to_uri: str | None,
    contact_user: str,
    contact_params: str,
    body: bytes,
    headers: Iterable[tuple[str, str]],
    call_id: str | None,
    route: Iterable[str],
    max_forwards: int,
) -> Request:
    """The INVITE that begins a call; see `UserAgent.invite`.

    Raises:
        MalformedMessage: a URI that is none.
    """
    sender = NameAddr(from_display, SipUri.parse(_frozen(from_uri, here))).with_tag(core.token())
    SipUri.parse(request_uri)
    rows = [
        *(("Route", each) for each in route),
        ("Max-Forwards", str(max_forwards)),
        ("From", str(sender)),
        ("To", str(NameAddr("", SipUri.parse(to_uri or request_uri)))),
        ("Call-ID", call_id or core.token()),
        ("CSeq", "1 INVITE"),
        core.contact(contact_user, contact_params),
        ("User-Agent", core.user_agent),
        core.allowing,
        core.supporting,
        *([SDP] if body else []),
        *headers,
    ]
    return Request("INVITE", request_uri, rows, body)


def _frozen(text: str, here: Endpoint) -> str:
    """Fill holes now: a From must stay the same for the whole dialog, whatever becomes of our address."""
    host = f"[{here.host}]" if ":" in here.host else here.host
    return text.replace(HERE_HOST, host).replace(HERE, host)
