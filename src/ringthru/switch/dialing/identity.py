"""Who calls, as headers say it: From, P-Asserted-Identity, Remote-Party-ID, Privacy (RFC 3325, 3323).

Lives here: which of them is believed, which is sent, and what a caller who wants privacy shows.
Never here: who is trusted (`profile.trusts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from ...sip import MalformedMessage, NameAddr, Request
from ...sip.wire.grammar import quote as quoted
from ..calls.caller import Caller
from ..variable_names import spelled, variable_name
from .dialstring import harmless

USER_SAFE: Final = "-_.!~*'()&=+$,;?/%"  # RFC 3261 §25.1, and % because a From we pass on is escaped already
ANONYMOUS: Final = ("Anonymous", "sip:anonymous@anonymous.invalid")  # RFC 3323 §4.1.1.3
PREFIX: Final = "sip_h_"
PASSED: Final = ("diversion", "history-info", "alert-info")  # from the trusted (RFC 5806, 7044)
OURS: Final = frozenset(  # what no variable may set
    (
        *("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route"),
        *("content-length", "content-type", "authorization", "proxy-authorization"),
        *("session-expires", "min-se", "require", "supported", "allow"),
    )
)
MAX_PASSED: Final = 20  # headers of a caller that become variables
MAX_VALUE: Final = 512  # characters of one of them
HIDING: Final = frozenset(("id", "user", "header", "full"))

Rows = list[tuple[str, str]]


def caller_of(request: Request, trusted: bool) -> Caller:
    """Who an INVITE says is calling: by From, or by what a trusted peer asserts instead."""
    who, wanted = request.from_, request.get("Privacy")
    hidden = wanted is not None and _hides(wanted)
    if trusted:
        asserted, more = _asserted(request)
        who, hidden = asserted or who, hidden or more
    number = harmless(who.uri.user or "")
    return Caller(who.display or number, number, hidden)


def _hides(privacy: str) -> bool:
    return any(each.strip() in HIDING for each in privacy.lower().replace(",", ";").split(";"))


def _asserted(request: Request) -> tuple[NameAddr | None, bool]:
    for header in ("P-Asserted-Identity", "Remote-Party-ID"):
        try:
            for value in request.get_all(header):
                found = NameAddr.parse(value)
                if found.parameter("party") in (None, "", "calling"):
                    return found, found.parameter("privacy") in ("full", "name", "uri")
        except MalformedMessage:
            continue
    return None, False


def in_private(caller: Caller, wanted: str) -> Caller:
    """The caller as ``origination_privacy`` leaves him: ``hide_name`` hides the name alone, the rest all."""
    words = set(re.split(r"[^a-z_]+", wanted.lower()))
    if words & {"hide_number", "full", "id"}:
        return Caller(caller.name, caller.number, True)
    return Caller("", caller.number, caller.hidden) if "hide_name" in words else caller


def from_of(caller: Caller, host: str) -> tuple[str, str]:
    """Display name and URI of our From; ``host`` may be a hole for our own address."""
    if caller.hidden:
        return ANONYMOUS
    number = caller.number
    if not (number.isascii() and number.isalnum()):
        number = quote(number, safe=USER_SAFE)
    return caller.name, f"sip:{number}@{host}"


def identity_rows(caller: Caller, host: str, kind: str, trusted: bool) -> Rows:
    """The headers beside From; ``kind`` is ``caller-id-type``: ``rpid``, ``pid`` or ``none``.

    A caller who wants privacy is named to trusted peers alone (RFC 3325 §7).
    """
    if kind == "none" or (caller.hidden and not trusted):
        return [("Privacy", "id")] if caller.hidden else []
    _, uri = from_of(Caller(caller.name, caller.number), host)
    name = f"{quoted(caller.name)} " if caller.name and caller.name.isprintable() else ""
    address = f"{name}<{uri}>"
    if kind == "pid":
        return [("P-Asserted-Identity", address), ("Privacy", "id" if caller.hidden else "none")]
    privacy = "full" if caller.hidden else "off"
    rows = [("Remote-Party-ID", f"{address};party=calling;screen=yes;privacy={privacy}")]
    return rows + ([("Privacy", "id")] if caller.hidden else [])


def headers_kept(request: Request, trusted: bool) -> dict[str, str]:
    """What of an INVITE goes on to the other leg, as variables: ``X-…``, and from the trusted more."""
    kept: dict[str, str] = {}
    for name, value in request.headers:
        wanted = name[:2] in ("X-", "x-") or (trusted and name.lower() in PASSED)
        if wanted and len(value) <= MAX_VALUE and value.isprintable() and name.isprintable():
            kept.setdefault(variable_name(PREFIX + name), value)
        if len(kept) == MAX_PASSED:
            break
    return kept


def headers_of(own: Mapping[str, str], parent: Mapping[str, str]) -> Rows:
    """The headers that variables ask for: a leg's own ``sip_h_…``, and what came with the caller's INVITE."""
    passed = {
        name: value
        for name, value in parent.items()
        if name.startswith(PREFIX + "x-")
        or (name.startswith(PREFIX) and name.removeprefix(PREFIX) in (*PASSED, "referred-by"))
    }
    wanted = {**passed, **{name: value for name, value in own.items() if name.startswith(PREFIX)}}
    rows = [
        (header, value)
        for name, value in wanted.items()
        if value.isprintable() and _may_be_set(header := spelled(name)[len(PREFIX) :])
    ]
    if any(name.lower() == "replaces" for name, _ in rows):
        rows.append(("Require", "replaces"))  # else who does not know it rings anew, beside the old call
    return rows


def _may_be_set(name: str) -> bool:
    token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return token and name.lower() not in OURS
