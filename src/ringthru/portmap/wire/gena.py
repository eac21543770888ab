"""GENA: subscribing to a gateway's events, and reading them (UPnP Device Architecture 1.1 §4).

Lives here: SUBSCRIBE and UNSUBSCRIBE to the letter, what their answers mean, and event messages.
Never here: sockets, clocks, or whether an event is believed.
"""

from __future__ import annotations

import re
from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from ..values import printable
from .http import Request, RequestReader, Response, request_head
from .location import Location
from .spelling import address, number
from .xml_salvage import salvage

CAP: Final = 64 * 1024  # bytes of one event message
DEFAULT_LIFETIME: Final = 1800  # seconds: what §4.1.1 recommends, and what is meant when nothing is told
SHORTEST_LIFETIME: Final = 60  # seconds; no answer may make us spin
LONGEST_LIFETIME: Final = 86400  # seconds; "infinite" is looked after once a day all the same
MOST_VALUES: Final = 32  # in one event
SUBSCRIPTION_ID: Final = re.compile(r"[!-~]{1,256}\Z")
TIMEOUT: Final = re.compile(r"second-(\d{1,9}|infinite)\Z", re.IGNORECASE)
# Of WANIPConnection, all that we act on; others are passed on as well, but nobody asks for them.
EXTERNAL_ADDRESS: Final = "ExternalIPAddress"
NUMBER_OF_ENTRIES: Final = "PortMappingNumberOfEntries"


@frozen
class Subscribed:
    """The gateway will send events under the name ``sid``, for ``lifetime`` seconds from now."""

    sid: str
    lifetime: int


@frozen
class Notification:
    """One event message: some variables of the service, as they are now."""

    sid: str
    sequence: int  # 0 is the first, with all variables; then 1, 2 … and after 4294967295 1 again
    values: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str | None:
        """By a name in whatever case; None when the message does not tell it."""
        return next((value for key, value in self.values if key.lower() == name.lower()), None)

    @property
    def external_address(self) -> str | None:
        text = self.value(EXTERNAL_ADDRESS)
        return None if text is None else address(text)

    @property
    def number_of_entries(self) -> int | None:
        """Mappings in the gateway's table; a hint at best, for some always say 0 (LI03)."""
        return number(self.value(NUMBER_OF_ENTRIES) or "", digits=5)


def subscribe(event: Location, callback: str, lifetime: int = DEFAULT_LIFETIME) -> bytes:
    """Ask for events at ``callback``, an ``http`` URL of ours; ``lifetime`` in seconds (§4.1.2)."""
    headers = (f"CALLBACK: <{callback}>", "NT: upnp:event", f"TIMEOUT: Second-{lifetime}")
    return request_head("SUBSCRIBE", event.endpoint, event.path, headers)


def renew(event: Location, sid: str, lifetime: int = DEFAULT_LIFETIME) -> bytes:
    """Prolong a subscription (§4.1.3): with its name, and without what named it."""
    return request_head(
        "SUBSCRIBE", event.endpoint, event.path, (f"SID: {sid}", f"TIMEOUT: Second-{lifetime}")
    )


def unsubscribe(event: Location, sid: str) -> bytes:
    """End a subscription (§4.1.4)."""
    return request_head("UNSUBSCRIBE", event.endpoint, event.path, (f"SID: {sid}",))


def read_answer(response: Response) -> Subscribed:
    """What the gateway says to SUBSCRIBE.

    Raises:
        MalformedMessage: not 200, or without a usable name.
    """
    if response.status != 200:
        raise MalformedMessage(f"HTTP {response.status} to SUBSCRIBE")
    if not SUBSCRIPTION_ID.match(response.subscription):
        raise MalformedMessage(f"a subscription without a usable SID: {response.subscription[:40]!r}")
    return Subscribed(response.subscription, _lifetime(response.timeout))


def _lifetime(text: str) -> int:
    found = TIMEOUT.match(text.strip())
    if found is None:
        return DEFAULT_LIFETIME
    seconds = LONGEST_LIFETIME if found[1].lower() == "infinite" else int(found[1])
    return max(SHORTEST_LIFETIME, min(seconds, LONGEST_LIFETIME))


def event_reader() -> RequestReader:
    """For one connection of somebody who brings events."""
    return RequestReader(CAP)


def read_event(request: Request) -> Notification:
    """Read an event message (§4.3), as broken as gateways send it.

    Raises:
        MalformedMessage: not an event of a subscription, or nothing readable in it.
    """
    if request.method != "NOTIFY":
        raise MalformedMessage(f"{request.method} where only events are taken")
    sid, sequence = request.header("sid"), request.header("seq")
    if not SUBSCRIPTION_ID.match(sid):
        raise MalformedMessage("an event of no subscription")
    if (count := number(sequence)) is None:
        raise MalformedMessage(f"an event numbered {sequence[:20]!r}")
    values: dict[str, str] = {}
    for element in salvage(request.body).all("property"):
        for variable in element.children[:MOST_VALUES]:
            if variable.closed and len(values) < MOST_VALUES:
                values[printable(variable.name)] = printable(variable.text)
    return Notification(sid, count, tuple(values.items()))


def answer(status: int) -> bytes:
    """What we say to an event: 200, or 412 when it belongs to no subscription of ours (§4.3.2)."""
    reason = {200: "OK", 412: "Precondition Failed"}.get(status, "Bad Request")
    return f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
