"""Why a request cannot be served, whatever it is about (RFC 3261 §8.2).

Lives here: the methods and extensions we speak, and the answers to all others.
Never here: who may do what.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ..errors import MalformedMessage
from ..wire.message import Request
from .core import Core
from .session_timer import too_short
from .subscription import package_of

ALLOW: Final = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO", "UPDATE", "MESSAGE"),
    *("REFER", "NOTIFY"),
)
# Methods of later RFCs: known, so 405 and not 501 (RFC 3261 §8.2.1, §21.5.2).
KNOWN: Final = frozenset((*ALLOW, "PRACK", "SUBSCRIBE", "PUBLISH"))
# Of event packages we serve those that our user names, and what a REFER makes: else 489 (RFC 6665 §8.3.2,
# RFC 3903 §6).
EVENT_METHODS: Final = frozenset(("SUBSCRIBE", "NOTIFY", "PUBLISH"))


def objection(core: Core, request: Request) -> tuple[int, list[tuple[str, str]]] | None:
    """The refusal of a request and its headers, in the order of §8.2; None when nothing is wrong."""
    if request.method in EVENT_METHODS and not _is_served(core, request):
        return 489, [("Allow-Events", ", ".join(core.packages))] if core.packages else []
    if request.method not in core.allow:
        return (405 if request.method in KNOWN else 501), [core.allowing]
    if not request.request_uri.is_sip:
        return 416, []
    # An OPTIONS with no hop left asks whoever it reached (§11): it is answered.
    if request.max_forwards == 0 and not request.to.tag and request.method != "OPTIONS":
        return 483, []
    if request.get("Require") is not None and (unknown := _unsupported(request, core.supported)):
        return 420, [("Unsupported", unknown)]
    shortest = too_short(core.session, request)
    return None if shortest is None else (422, [("Min-SE", str(shortest))])


def _is_served(core: Core, request: Request) -> bool:
    """Whether there is anybody for a request about events.

    What may be subscribed to is known: a PUBLISH of it is no method of ours (405), and not an unknown event.
    """
    if request.method in ("SUBSCRIBE", "PUBLISH"):
        return package_of(request) in core.packages
    return request.method == "NOTIFY" and bool(request.to.tag)


def _unsupported(request: Request, supported: Collection[str]) -> str:
    """The option tags of Require that we do not speak; a Require that cannot be read is all unknown."""
    try:
        required = request.get_all("Require")
    except MalformedMessage:
        return request.get("Require") or ""
    return ", ".join(each for each in required if each.lower() not in supported)
