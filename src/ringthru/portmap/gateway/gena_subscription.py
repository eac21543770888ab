"""One subscription to a gateway's events, kept alive while it works (UPnP Device Architecture 1.1 §4.1).

Events only speed things up: polling stays the base, so a gateway that cannot is left in peace (EX11).
Lives here: when to subscribe, renew, begin anew, and give up. Never here: sockets, or acting on an event.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from ..wire import gena
from ..wire.gena import Notification
from ..wire.http import Response
from ..wire.location import Location
from .upnp_client import HttpRequest
from .upnp_values import Ask, Reply

DEADLINE: Final = 10.0  # seconds for a request
FIRST_RETRY: Final = 60.0  # seconds after a failure, doubled with each one in a row
MOST_FAILURES: Final = 5  # in a row; then events are given up
MOST_EARLY: Final = 4  # events kept that came before the answer which names their subscription
MOST_GAPS: Final = 5  # subscriptions begun anew because events were missed; then they are taken as they come
UNKNOWN: Final = 412  # of HTTP: the gateway does not know the subscription any more
CAPABLE: Final = (200, UNKNOWN, 503)  # any other status: it cannot, and is not asked again
LAST_SEQUENCE: Final = 2**32 - 1  # after it comes 1 (§4.3.2)


class State(Enum):
    IDLE = "idle"
    ASKING = "asking"
    SUBSCRIBED = "subscribed"
    RENEWING = "renewing"
    PAUSED = "paused"  # after a failure
    LEAVING = "leaving"  # given up by us before the gateway said under which name it has us
    GIVEN_UP = "given up"


@frozen
class EventsMissed:
    """Numbers are missing between two events: whatever they told must be asked for."""


class Subscription:
    """Events of one service, driven from outside.

    Call ``start``, ``receive_reply``, ``receive_notify`` or ``handle_timeout``; then perform
    ``requests_to_send()``, act on ``events()``, and come back at ``next_timeout()``. ``callback`` is the URL
    where this machine takes events.
    """

    def __init__(self, event: Location, callback: str) -> None:
        self.state = State.IDLE
        self._event = event
        self._callback = callback
        self._sid = ""
        self._next_sequence: int | None = None  # None: whatever comes first
        self._failures = self._gaps = 0
        self._early: list[Notification] = []
        self._timeout: float | None = None
        self._ends_at = 0.0
        self._number = 0
        self._requests: list[HttpRequest] = []
        self._events: list[Notification | EventsMissed] = []

    def start(self, now: float) -> None:
        """Subscribe, if that was not done, or given up, before."""
        if self.state is State.IDLE:
            self._subscribe()

    def stop(self) -> None:
        """Say that no more events are wanted; nobody waits for the answer.

        While a first answer is still awaited there is no name to say it by: it is said once that came.
        """
        asked = self.state is State.ASKING and not self._requests
        self._requests.clear()
        self._timeout = None
        if asked:
            self.state = State.LEAVING
            return
        self._leave()

    def receive_reply(self, number: int, reply: Reply, now: float) -> None:
        """Take what came of a request."""
        if number != self._number or self.state not in (State.ASKING, State.RENEWING, State.LEAVING):
            return
        if self.state is State.LEAVING:
            self._sid = _name_in(reply)
            self._leave()
        elif not isinstance(reply, Response):
            self._failed(now)
        elif reply.status == UNKNOWN and self.state is State.RENEWING:
            self._subscribe()
        elif reply.status not in CAPABLE:
            self._give_up()
        else:
            self._take_answer(reply, now)

    def receive_notify(self, event: Notification, now: float) -> int:
        """Take an event; the HTTP status it deserves: 200, or 412 when it is not of our subscription."""
        if self.state is State.ASKING and len(self._early) < MOST_EARLY:
            self._early.append(event)  # the first event may overtake the answer that names it
            return 200
        if not self._sid or event.sid != self._sid:
            return UNKNOWN
        missed = self._next_sequence is not None and event.sequence != self._next_sequence
        self._next_sequence = 1 if event.sequence >= LAST_SEQUENCE else event.sequence + 1
        if missed:
            self._events.append(EventsMissed())
        self._events.append(event)
        if missed and self._gaps < MOST_GAPS:
            self._gaps += 1
            self._subscribe()  # the first event of a new subscription tells everything (§4.3.2)
        return 200

    def handle_timeout(self, now: float) -> None:
        if self._timeout is None or now < self._timeout:
            return
        self._timeout = None
        if self.state is State.SUBSCRIBED and now < self._ends_at:
            self.state = State.RENEWING
            self._send(gena.renew(self._event, self._sid))
        else:
            self._subscribe()

    def next_timeout(self) -> float | None:
        return self._timeout

    def requests_to_send(self) -> list[HttpRequest]:
        requests, self._requests = self._requests, []
        return requests

    def events(self) -> list[Notification | EventsMissed]:
        events, self._events = self._events, []
        return events

    def _subscribe(self) -> None:
        self._sid, self._next_sequence, self._timeout = "", None, None
        self._early.clear()
        self.state = State.ASKING
        self._send(gena.subscribe(self._event, self._callback))

    def _send(self, request: bytes) -> None:
        self._number += 1
        self._requests = [HttpRequest(self._number, Ask(self._event.endpoint, request, DEADLINE))]

    def _take_answer(self, reply: Response, now: float) -> None:
        try:
            granted = gena.read_answer(reply)
        except MalformedMessage:
            self._failed(now)
            return
        self.state, self._sid, self._failures = State.SUBSCRIBED, granted.sid, 0
        self._ends_at = now + granted.lifetime
        self._timeout = now + granted.lifetime / 2
        early, self._early = self._early, []
        for event in early:
            self.receive_notify(event, now)

    def _leave(self) -> None:
        self._number += 1
        if self._sid:
            self._send(gena.unsubscribe(self._event, self._sid))
        self.state, self._sid = State.IDLE, ""

    def _failed(self, now: float) -> None:
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._give_up()
            return
        self.state = State.PAUSED
        self._timeout = now + FIRST_RETRY * 2 ** (self._failures - 1)

    def _give_up(self) -> None:
        self.state, self._sid, self._timeout = State.GIVEN_UP, "", None


def _name_in(reply: Reply) -> str:
    """The name (SID) of the subscription that an answer grants; "" when it grants none."""
    if not isinstance(reply, Response):
        return ""
    try:
        return gena.read_answer(reply).sid
    except MalformedMessage:
        return ""
