"""What a user agent and its calls share.

Lives here: the layer, the books of dialogs, our product's name, the ways to answer.
Never here: what a request makes anybody do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from zlib import crc32

from ...net.address import Endpoint
from ..flow import Flow
from ..transactions.layer import TransactionLayer
from ..transactions.server_transaction import ServerTransaction
from ..wire.holes import HERE_URI
from ..wire.message import Request, Response
from ..wire.reply import response_to
from .client_request import Authentication, ClientRequest, Login, OnEnd, RequestHandle, Wallet
from .dialog import Dialog
from .events import Event, RequestFailed, ResponseReceived
from .odd_acks import Awaiting
from .session_timer import SessionSettings

if TYPE_CHECKING:
    from .call import Call
    from .subscription import Subscription

SDP = ("Content-Type", "application/sdp")


class Core:
    """The ground a user agent's calls stand on. One per agent; nothing is shared between two."""

    def __init__(
        self,
        layer: TransactionLayer,
        *,
        seen_by: Callable[[Flow], Endpoint],
        token: Callable[[], str],
        user_agent: str,
        allow: tuple[str, ...],
        session: SessionSettings,
        packages: tuple[str, ...] = (),
    ) -> None:
        self.layer = layer
        self.seen_by = seen_by
        self.token = token
        self.user_agent = user_agent
        self.allow = allow
        self.allowing = ("Allow", ", ".join(allow))  # the methods we serve
        self.packages = packages  # of events that may be subscribed to, in lower case
        self.subscriptions: dict[tuple[str, str], Subscription] = {}  # by Call-ID and our tag
        self.time_sessions_by(session)
        self.calls: dict[tuple[str, str], Call] = {}  # by Call-ID and our tag
        self.leaving: dict[tuple[str, str], str] = {}  # the peer's tag, while our BYE is on its way
        self.awaiting = Awaiting()
        self._events: list[Event] = []

    def time_sessions_by(self, session: SessionSettings) -> None:
        """How calls that begin from now on time their sessions."""
        self.session = session
        self.supported = ("replaces", *(("timer",) if session.enabled else ()))
        self.supporting = ("Supported", ", ".join(self.supported))

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def call_of(self, request: Request) -> Call | None:
        """The call whose dialog a request is in (§12.2.2): Call-ID and both tags."""
        call = self.calls.get((request.call_id, request.to.tag or ""))
        return call if call is not None and call.dialog_with(request.from_.tag or "") else None

    def respond(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        now: float,
        *,
        reason: str | None = None,
        tag: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        here: Endpoint | None = None,
    ) -> bytes:
        """Answer a request; a final answer without ``tag`` gets one made. Returns what was sent."""
        rows = [("Server", self.user_agent), *headers]
        response = response_to(
            request, status, reason=reason, tag=tag or self.token(), headers=rows, body=body
        )
        return self.layer.respond(transaction, response, now, here)

    def try_later(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """500 for an offer while one is unanswered, to be repeated in 0–10 s at random (§14.2)."""
        wait = crc32(self.token().encode()) % 11
        self.respond(transaction, request, 500, now, headers=[("Retry-After", str(wait))])

    def contact(self, user: str) -> tuple[str, str]:
        return ("Contact", f"<sip:{user}@{HERE_URI}>" if user else f"<sip:{HERE_URI}>")

    # Requests of ours

    def send(
        self,
        request: Request,
        flow: Flow,
        here: Endpoint,
        login: Login | Wallet | None,
        now: float,
        next_cseq: Callable[[], int] | None = None,
        alternatives: Iterable[Flow] = (),
    ) -> RequestHandle:
        """Send a request that is no INVITE; its outcome becomes an event."""
        return self.follow(request, flow, here, login, now, self.report, next_cseq, alternatives)

    def follow(
        self,
        request: Request,
        flow: Flow,
        here: Endpoint,
        login: Login | Wallet | None,
        now: float,
        on_end: OnEnd,
        next_cseq: Callable[[], int] | None = None,
        alternatives: Iterable[Flow] = (),
    ) -> RequestHandle:
        """Send a request that is no INVITE; ``on_end`` gets its outcome, None when nobody answered."""
        handle = RequestHandle(request, flow, here)
        authentication = Authentication(login, self.token)
        authentication.prepare(request)
        elsewhere = [(each, self.seen_by(each)) for each in alternatives]
        return ClientRequest(self.layer, handle, authentication, on_end, next_cseq, elsewhere).start(now)

    def report(self, handle: RequestHandle, response: Response | None, now: float) -> None:
        if response is None:
            self.emit(RequestFailed(handle, "no answer"))
        else:
            self.emit(ResponseReceived(handle, response))

    def bye(
        self, dialog: Dialog, login: Wallet | None, now: float, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """End a dialog (§15.1.1); until the answer comes, a crossing BYE still finds somebody."""
        key = (dialog.call_id, dialog.local_tag)
        self.leaving[key] = dialog.remote_tag
        request = dialog.request("BYE", headers=[("User-Agent", self.user_agent), *headers])
        authentication = Authentication(login, self.token)
        authentication.prepare(request)
        ClientRequest(
            self.layer,
            RequestHandle(request, dialog.destination, dialog.here),
            authentication,
            lambda handle, response, at: self._left(key),
            dialog.next_cseq,
        ).start(now)

    def _left(self, key: tuple[str, str]) -> None:
        self.leaving.pop(key, None)

    def acknowledge(
        self, dialog: Dialog, number: int, now: float, credentials: Iterable[tuple[str, str]] = ()
    ) -> tuple[bytes, Flow]:
        """Send the ACK for a 2xx (§13.2.2.4); what is returned is sent again when the 2xx repeats."""
        ack = dialog.request("ACK", cseq=number, headers=credentials)
        flow = dialog.destination
        return self.layer.send_ack(ack, flow, dialog.here), flow
