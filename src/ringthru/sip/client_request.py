"""Requests of ours outside an INVITE's life, and the digest answer to a challenge.

Lives here: one request followed to its final response; credentials and when to offer them again.
Never here: INVITE, hashes (`digest.py`), who has which password.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..net.address import Endpoint
from ..net.values import frozen
from .authentication import Challenge
from .digest import authorize, strongest_of_each
from .flow import Flow
from .layer import TransactionLayer
from .message import Message, Request, Response

UNAVAILABLE = 503  # also our own word for a transport error
CHALLENGED = (401, 407)
# A forking proxy gathers the challenges of several servers and proxies into one response (RFC 3261 §22.3).
ANSWERED_IN = {"WWW-Authenticate": "Authorization", "Proxy-Authenticate": "Proxy-Authorization"}
MAX_ATTEMPTS = 4  # a proxy's and a server's challenge, each once stale
MAX_REALMS = 4  # answered in one request
CREDENTIALS = ("Authorization", "Proxy-Authorization")


@frozen
class Login:
    """A name and password to answer challenges with."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r})"  # a password must not reach a log


class Authentication:
    """The challenges one request met, and its answers (RFC 3261 §22.2, §22.3)."""

    __slots__ = ("_attempts", "_counts", "_login", "_met", "_token")

    def __init__(self, login: Login | None, token: Callable[[], str]) -> None:
        self._login = login
        self._token = token
        self._met: dict[tuple[str, str], Challenge] = {}  # by the header that answers, and the realm
        self._counts: dict[str, int] = {}  # requests sent with a nonce
        self._attempts = 1

    def retry(self, request: Request, response: Response, number: Callable[[], int]) -> Request | None:
        """The request again with credentials and the next CSeq; None when it is hopeless.

        A challenge that repeats after our answer means a wrong password, unless it says ``stale``
        with a nonce we have not tried.
        """
        if self._login is None or response.status not in CHALLENGED or self._attempts >= MAX_ATTEMPTS:
            return None
        new = {
            (answered_in, challenge.realm): challenge
            for asked, answered_in in ANSWERED_IN.items()
            for challenge in strongest_of_each(response.get_all(asked))
        }
        if not new or any(self._hopeless(place, challenge) for place, challenge in new.items()):
            return None
        self._attempts += 1
        self._met |= new
        return self._authorized(request, number()) if len(self._met) <= MAX_REALMS else None

    def _hopeless(self, place: tuple[str, str], challenge: Challenge) -> bool:
        """Whether it was answered before, and not with a nonce that only went stale."""
        return challenge.nonce in self._counts or (place in self._met and not challenge.stale)

    def _authorized(self, request: Request, number: int) -> Request:
        again = request.copy()
        again.remove("Via")
        again.set("CSeq", f"{number} {request.method}")
        for header in CREDENTIALS:
            again.remove(header)
        for (header, _), challenge in self._met.items():
            again.add(header, self._answer(challenge, request))
        return again

    def _answer(self, challenge: Challenge, request: Request) -> str:
        login = self._login
        assert login is not None  # retry() checked
        count = self._counts[challenge.nonce] = self._counts.get(challenge.nonce, 0) + 1
        return authorize(
            challenge,
            login.username,
            login.password,
            request.method,
            request.uri,
            request.body,
            cnonce=self._token(),
            nc=count,
        )


def credentials_of(message: Message) -> list[tuple[str, str]]:
    """The credentials a message carries, for the ACK that must repeat them (§22.1)."""
    return [pair for pair in message.headers if pair[0] in CREDENTIALS]


class RequestHandle:
    """The name of a request of ours on its way; compared by identity. ``request`` is as last sent."""

    __slots__ = ("flow", "request", "seen_at")

    def __init__(self, request: Request, flow: Flow, seen_at: Endpoint) -> None:
        self.request = request
        self.flow = flow
        self.seen_at = seen_at


OnEnd = Callable[[RequestHandle, Response | None, float], None]  # None: nobody answered; and when


class ClientRequest:
    """One request that is no INVITE, followed through challenges to its end."""

    __slots__ = ("_authentication", "_elsewhere", "_handle", "_layer", "_next_cseq", "_on_end")

    def __init__(
        self,
        layer: TransactionLayer,
        handle: RequestHandle,
        authentication: Authentication,
        on_end: OnEnd,
        next_cseq: Callable[[], int] | None = None,
        elsewhere: Sequence[tuple[Flow, Endpoint]] = (),
    ) -> None:
        """``on_end`` gets the final response, or None when nobody answered.

        ``elsewhere`` are further flows to try, with our own endpoint as it is seen there.
        """
        self._elsewhere = list(elsewhere)
        self._layer = layer
        self._handle = handle
        self._authentication = authentication
        self._on_end = on_end
        self._next_cseq = next_cseq or (lambda: handle.request.cseq.number + 1)

    def start(self, now: float) -> RequestHandle:
        handle = self._handle
        self._layer.request(handle.request, handle.flow, handle.seen_at, self, now)
        return handle

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        if response.status < 200 or (response.status == UNAVAILABLE and self._try_elsewhere(now)):
            return
        again = self._authentication.retry(self._handle.request, response, self._next_cseq)
        if again is None:
            self._on_end(self._handle, response, now)
            return
        self._handle.request = again
        self.start(now)

    def handle_no_answer(self, now: float) -> None:
        if not self._try_elsewhere(now):
            self._on_end(self._handle, None, now)

    def _try_elsewhere(self, now: float) -> bool:
        """The next place that the URI leads to, if there is one (RFC 3263 §4.3)."""
        if not self._elsewhere:
            return False
        handle = self._handle
        handle.flow, handle.seen_at = self._elsewhere.pop(0)
        handle.request = handle.request.copy()
        handle.request.remove("Via")
        self.start(now)
        return True


class Nobody:
    """The user of a request whose outcome changes nothing (a CANCEL)."""

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        """§9.1: whatever the answer to a CANCEL, the INVITE's own response counts."""

    def handle_no_answer(self, now: float) -> None:
        """The INVITE's user has its own patience."""
