"""Requests of ours outside an INVITE's life, and the digest answer to a challenge.

Lives here: one request followed to its final response; credentials and when to offer them again.
Never here: INVITE, hashes (`digest.py`), who has which password.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...net.address import Endpoint
from ...net.values import frozen, replace
from ..errors import MalformedMessage
from ..flow import Flow
from ..transactions.layer import TransactionLayer
from ..wire.authentication import Challenge, read_auth_parameters
from ..wire.digest import authorize, strongest_of_each
from ..wire.message import Message, Request, Response

UNAVAILABLE = 503  # also our own word for a transport error
CHALLENGED = (401, 407)
# A forking proxy gathers the challenges of several servers and proxies into one response (RFC 3261 §22.3).
ANSWERED_IN = {"WWW-Authenticate": "Authorization", "Proxy-Authenticate": "Proxy-Authorization"}
MAX_ATTEMPTS = 4  # a proxy's and a server's challenge, each once stale
MAX_REALMS = 4  # answered in one request
CREDENTIALS = ("Authorization", "Proxy-Authorization")
TOLD_IN = {"Authentication-Info": "Authorization", "Proxy-Authentication-Info": "Proxy-Authorization"}


@frozen
class Login:
    """A name and password to answer challenges with."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r})"  # a password must not reach a log


class Wallet:
    """A login, and the challenges it met in one dialog: the next request there brings its answer along.

    That spares the challenge (RFC 3261 §22.3, RFC 7616 §3.5); a server that has another nonce by now
    simply challenges again.
    """

    __slots__ = ("challenges", "counts", "login")

    def __init__(self, login: Login) -> None:
        self.login = login
        self.challenges: dict[tuple[str, str], Challenge] = {}  # by the header that answers, and the realm
        self.counts: dict[str, int] = {}  # requests sent with a nonce

    def learn(self, response: Response) -> None:
        """Take the ``nextnonce`` that a server wants from now on (RFC 7616 §3.5)."""
        for header, answered_in in TOLD_IN.items():
            text = response.get(header)
            try:
                nonce = read_auth_parameters(f"Digest {text}")[1].get("nextnonce") if text else None
            except MalformedMessage:
                nonce = None
            places = [each for each in self.challenges if each[0] == answered_in]
            if nonce and len(places) == 1:  # of several realms nobody could tell whose it is
                self.challenges[places[0]] = replace(self.challenges[places[0]], nonce=nonce)


class Authentication:
    """The challenges one request met, and its answers (RFC 3261 §22.2, §22.3)."""

    __slots__ = ("_attempts", "_met", "_token", "_tried", "wallet")

    def __init__(self, login: Login | Wallet | None, token: Callable[[], str]) -> None:
        self.wallet = Wallet(login) if isinstance(login, Login) else login
        self._token = token
        self._met: set[tuple[str, str]] = set()  # where this request was challenged
        self._tried: set[str] = set()  # the nonces it was then sent with
        self._attempts = 1

    def prepare(self, request: Request) -> None:
        """Bring along the answers to what was asked before in this dialog."""
        if self.wallet is not None and self.wallet.challenges:
            self._authorize(request, self.wallet)

    def retry(self, request: Request, response: Response, number: Callable[[], int]) -> Request | None:
        """The request again with credentials and the next CSeq; None when it is hopeless.

        A challenge that repeats after our answer means a wrong password, unless it says ``stale``
        with a nonce we have not tried.
        """
        wallet = self.wallet
        if wallet is None or response.status not in CHALLENGED or self._attempts >= MAX_ATTEMPTS:
            return None
        new = {
            (answered_in, challenge.realm): challenge
            for asked, answered_in in ANSWERED_IN.items()
            for challenge in strongest_of_each(response.get_all(asked))
        }
        if not new or any(self._hopeless(place, challenge) for place, challenge in new.items()):
            return None
        if len(wallet.challenges | new) > MAX_REALMS:
            return None
        self._attempts += 1
        self._met |= new.keys()
        self._tried |= {challenge.nonce for challenge in new.values()}
        wallet.challenges |= new
        again = request.copy()
        again.remove("Via")
        again.set("CSeq", f"{number()} {request.method}")
        self._authorize(again, wallet)
        return again

    def _hopeless(self, place: tuple[str, str], challenge: Challenge) -> bool:
        """Whether it was answered before, and not with a nonce that only went stale."""
        return challenge.nonce in self._tried or (place in self._met and not challenge.stale)

    def _authorize(self, request: Request, wallet: Wallet) -> None:
        for header in CREDENTIALS:
            request.remove(header)
        for (header, _), challenge in wallet.challenges.items():
            request.add(header, self._answer(challenge, request, wallet))

    def _answer(self, challenge: Challenge, request: Request, wallet: Wallet) -> str:
        count = wallet.counts.get(challenge.nonce, 0) + 1
        wallet.counts = {challenge.nonce: count} | {
            each.nonce: wallet.counts.get(each.nonce, 0)
            for each in wallet.challenges.values()
            if each.nonce != challenge.nonce
        }
        return authorize(
            challenge,
            wallet.login.username,
            wallet.login.password,
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
        more = bool(self._elsewhere)
        self._layer.request(handle.request, handle.flow, handle.seen_at, self, now, more=more)
        return handle

    def receive_response(self, response: Response, flow: Flow, now: float) -> None:
        if response.status < 200 or (response.status == UNAVAILABLE and self._try_elsewhere(now)):
            return
        again = self._authentication.retry(self._handle.request, response, self._next_cseq)
        if again is None:
            if self._authentication.wallet is not None:
                self._authentication.wallet.learn(response)
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
