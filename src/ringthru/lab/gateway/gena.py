"""The fake gateway's events (GENA, UPnP Device Architecture 1.1 §4).

Lives here: subscriptions, and the NOTIFYs owed to them.
Never here: sockets; what the values of the events are; ringthru.portmap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

from ...net.address import Endpoint
from ...net.values import frozen, record
from .quirks import Quirks
from .upnp_http import HttpRequest, HttpResponse

DURATION: Final = 1800  # seconds
MOST_SUBSCRIBERS: Final = 32
CALLBACK: Final = re.compile(r"<http://(\[[0-9a-fA-F:.]+\]|[0-9.]+)(?::(\d{1,5}))?(/[^>\s]*)?>")
REFUSED: Final = HttpResponse("412 Precondition Failed")


@frozen
class Delivery:
    """A request to send to a subscriber over TCP; its answer interests nobody."""

    to: Endpoint
    data: bytes


@record
class Subscription:
    sid: str
    path: str  # the event path subscribed to
    to: Endpoint
    callback: str  # the path of the callback
    expires_at: float
    sequence: int = 0


class Gena:
    """Subscribers of one gateway. ``values(path)`` gives a service's evented variables; None: no such."""

    def __init__(
        self,
        uuid: str,
        quirks: Callable[[], Quirks],
        clock: Callable[[], float],
        values: Callable[[str], Mapping[str, str] | None],
    ) -> None:
        self._uuid = uuid
        self._quirks = quirks
        self._clock = clock
        self._values = values
        self._subscriptions: dict[str, Subscription] = {}
        self._made = 0
        self._owed: list[Delivery] = []
        self._told: dict[str, Mapping[str, str]] = {}

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The SIDs in force."""
        now = self._clock()
        self._subscriptions = {s.sid: s for s in self._subscriptions.values() if s.expires_at > now}
        return tuple(self._subscriptions)

    def handle(self, request: HttpRequest, client: str) -> HttpResponse:
        """A SUBSCRIBE or UNSUBSCRIBE of an inside host; its callback must be on that very host."""
        if self._quirks().has("EX11"):
            self._made += 1
            return REFUSED if self._made % 2 else HttpResponse("500 Internal Server Error")
        sid = request.headers.get("sid")
        if sid is None:
            return self._subscribe(request, client)
        if sid not in self.subscriptions:
            return REFUSED
        if request.method == "UNSUBSCRIBE":
            del self._subscriptions[sid]
            return HttpResponse("200 OK")
        self._subscriptions[sid].expires_at = self._clock() + DURATION
        return self._granted(sid)

    def publish(self) -> None:
        """Tell the subscribers what has changed since they were told last (§4.3)."""
        for path in {self._subscriptions[sid].path for sid in self.subscriptions}:
            now = dict(self._values(path) or {})
            before = self._told.get(path, {})
            changed = {name: value for name, value in now.items() if before.get(name) != value}
            self._told[path] = now
            for subscription in self._subscriptions.values():
                if changed and subscription.path == path:
                    self._tell(subscription, changed)

    def forget(self) -> None:
        """A power cycle: nobody is subscribed, and nobody was told."""
        self._subscriptions.clear()
        self._owed.clear()

    def events_to_send(self) -> list[Delivery]:
        owed, self._owed = self._owed, []
        return owed

    def _subscribe(self, request: HttpRequest, client: str) -> HttpResponse:
        headers = request.headers
        found = CALLBACK.match(headers.get("callback", ""))
        values = self._values(request.path)
        if values is None:
            return HttpResponse("404 Not Found")
        if request.method != "SUBSCRIBE" or headers.get("nt") != "upnp:event" or found is None:
            return REFUSED
        to = Endpoint(found[1].strip("[]"), int(found[2] or 80))
        if to.host != client or not 0 < to.port <= 65535 or len(self.subscriptions) >= MOST_SUBSCRIBERS:
            return REFUSED
        self._made += 1
        sid = f"uuid:{uuid5(NAMESPACE_URL, f'{self._uuid}/{self._made}')}"
        subscription = Subscription(sid, request.path, to, found[3] or "/", self._clock() + DURATION)
        self._subscriptions[sid] = subscription
        self._told.setdefault(request.path, dict(values))
        self._tell(subscription, values)  # the first event tells everything (§4.2.1)
        return self._granted(sid)

    def _granted(self, sid: str) -> HttpResponse:
        return HttpResponse("200 OK", headers=(f"SID: {sid}", f"TIMEOUT: Second-{DURATION}"))

    def _tell(self, subscription: Subscription, values: Mapping[str, str]) -> None:
        properties = "".join(
            f"<e:property><{name}>{escape(value)}</{name}></e:property>" for name, value in values.items()
        )
        body = (
            '<?xml version="1.0"?><e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">'
            f"{properties}</e:propertyset>"
        ).encode()
        head = (
            f"NOTIFY {subscription.callback} HTTP/1.1",
            f"HOST: {subscription.to}",
            'CONTENT-TYPE: text/xml; charset="utf-8"',
            f"CONTENT-LENGTH: {len(body)}",
            "NT: upnp:event",
            "NTS: upnp:propchange",
            f"SID: {subscription.sid}",
            f"SEQ: {subscription.sequence}",
            "CONNECTION: close",
        )
        subscription.sequence = subscription.sequence % 0xFFFFFFFF + 1  # 0 is the first one only (§4.3.2)
        self._owed.append(Delivery(subscription.to, "\r\n".join((*head, "", "")).encode() + body))
