"""HTTP requests on their way out, no faster than a gateway bears.

Lives here: when a request may go. Never here: what is asked, or how a gateway's pace is found out.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ...net.values import replace
from .upnp_client import HttpRequest, UpnpClient

MOST_IN_A_SECOND: Final = 24  # requests that repeat a recent one, whatever the gateway has to say to them
SOON: Final = 1.0  # seconds between two requests of one piece of work
RECENT: Final = 64  # requests: whoever goes in circles repeats one of them, whoever maps many ports none


class Pacing:
    """Holds the one request of a client back until its time; ``take`` it after every call to the client."""

    def __init__(self, client: UpnpClient) -> None:
        self._client = client
        self._held: HttpRequest | None = None
        self._ready: HttpRequest | None = None
        self._asked_at = 0.0
        self._repeated_at: deque[float] = deque(maxlen=MOST_IN_A_SECOND)
        self._recent: deque[bytes] = deque(maxlen=RECENT)
        self._due_at = 0.0

    def take(self, now: float) -> None:
        """See what the client wants to ask, and what may go now."""
        for request in self._client.requests_to_send():
            self._held = request
            self._due_at = max(now + request.ask.rest, self._next_turn(request))
        if self._held is not None and not self._client.expects(self._held.number):
            self._held = None
        if self._held is not None and now >= self._due_at:
            self._ready, self._held = self._expecting(self._held, now), None
            self._note(self._ready, now)

    def next_timeout(self) -> float | None:
        """When to ``take`` again."""
        return None if self._held is None else self._due_at

    def requests_to_send(self) -> list[HttpRequest]:
        """What may go now: one at most (drains)."""
        request, self._ready = self._ready, None
        return [] if request is None or not self._client.expects(request.number) else [request]

    def _expecting(self, request: HttpRequest, now: float) -> HttpRequest:
        """Another request is expected where one came just before: else no connection is opened ahead."""
        if request.ask.ahead and not request.ask.leads_on and now - self._asked_at > SOON:
            return replace(request, ask=replace(request.ask, ahead=False))
        return request

    def _note(self, request: HttpRequest, now: float) -> None:
        if request.ask.data in self._recent:
            self._repeated_at.append(now)
        self._recent.append(request.ask.data)
        self._asked_at = now

    def _next_turn(self, request: HttpRequest) -> float:
        full = len(self._repeated_at) == MOST_IN_A_SECOND and request.ask.data in self._recent
        return max(self._asked_at + self._client.pace, self._repeated_at[0] + 1.0 if full else 0.0)
