"""A profile's part in SIP: asking and answering through its user agent.

Lives here: requests of ours and their answers, where a URI leads, the INVITE of a leg.
Never here: what the profile's settings come to (``profile``), what a call does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from ...net.address import Endpoint
from ...sip import (
    HERE_HOST,
    HERE_URI,
    Call,
    Event,
    Flow,
    IncomingRequest,
    NameAddr,
    Request,
    RequestFailed,
    RequestHandle,
    Response,
    ResponseReceived,
    SipError,
    SipUri,
    UserAgent,
)
from ..calls.caller import Caller
from ..configuration import ProfileSettings
from ..dialing.identity import USER_SAFE, from_of, identity_rows
from ..reachability import Seen
from .target import Target
from .transports import TLS, Transports

if TYPE_CHECKING:
    from ...sip.transport import locating

    # Of the transports served, and whether by IPv6
    Locate = Callable[[SipUri, Sequence[str], bool], Awaitable[list[locating.Target]]]

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class ProfileAgent:
    """What a profile says and hears; see ``Profile``."""

    settings: ProfileSettings
    agent: UserAgent
    transports: Transports

    def __init__(self, locate: Locate, on_event: Callable[[Event], None]) -> None:
        """``on_event`` gets what nobody waits for."""
        self._locate = locate
        self._hand_on = on_event
        self._awaited: dict[RequestHandle, asyncio.Future[Response | None]] = {}

    @property
    def ipv6(self) -> bool:
        """Whether it speaks IPv6, and nothing else."""
        raise NotImplementedError

    def seen_by(self, peer: str | None, transport: str = "UDP") -> Seen:
        """How a peer sees this profile over a transport; the only source of our own addresses."""
        raise NotImplementedError

    def trusts(self, source: Endpoint) -> bool:
        """Whether what a peer asserts about callers is believed (RFC 3325)."""
        raise NotImplementedError

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def contact_user(self) -> str:
        """The user part of our own Contact."""
        return _safe(self.settings.contact_user)

    def _take(self, event: Event) -> None:
        """Hand on an event, unless somebody waits for just this answer."""
        if isinstance(event, ResponseReceived | RequestFailed):
            waiting = self._awaited.pop(event.handle, None)
            if waiting is not None:
                if not waiting.done():
                    waiting.set_result(event.response if isinstance(event, ResponseReceived) else None)
                return
        self._hand_on(event)

    async def answer_to(self, handle: RequestHandle) -> Response | None:
        """The final response to a request of ours; None when nobody answered."""
        waiting: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        self._awaited[handle] = waiting
        try:
            return await waiting
        finally:
            self._awaited.pop(handle, None)

    async def ask(self, request: Request, flow: Flow, *alternatives: Flow) -> Response | None:
        """Send a request outside calls the first of these ways that works; its final response, or None."""
        return await self.answer_to(
            self.act(lambda now: self.agent.request(request, flow, now, alternatives=alternatives))
        )

    def act(self, action: Callable[[float], Result]) -> Result:
        """Tell the user agent something, and send what it wants sent."""
        result = action(self.now())
        self.transports.pump()
        return result

    async def ask_if_there(self, uri: SipUri, route: Sequence[str], flow: Flow | None) -> Response | None:
        """One OPTIONS over a flow, or where the route or the URI lead; None when nobody answered."""
        return await self.ask_at("OPTIONS", uri, route, flow)

    async def ask_at(
        self,
        method: str,
        uri: SipUri,
        route: Sequence[str],
        flow: Flow | None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response | None:
        """A request over a flow, or where the route or the URI lead."""
        others: list[Flow] = []
        if flow is None:
            first = NameAddr.parse(route[0]).uri if route else uri
            try:
                flow, *others = await self.locate(first)
            except SipError as error:
                log.debug("No %s to %s: %s", method, uri, error)
                return None
        contact = ("Contact", f"<sip:{self.contact_user}@{HERE_URI}>")
        rows = [*(("Route", each) for each in route), contact, *headers]
        return await self.ask(Request(method, str(uri), rows, body), flow, *others)

    def respond(
        self,
        incoming: IncomingRequest,
        status: int,
        *,
        reason: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        self.act(
            lambda now: self.agent.respond(
                incoming, status, now, reason=reason, headers=headers, body=body, content_type=content_type
            )
        )

    async def locate(self, uri: SipUri) -> list[Flow]:
        """The ways to a URI, best first (RFC 3263).

        Raises:
            LocalError: it wants a transport that the profile does not serve.
            NotFound: nobody is there.
        """
        targets = await self._locate(uri, self.transports.served, self.ipv6)
        return [
            Flow(
                each.transport,
                self.transports.local(each.transport),
                each.endpoint,
                name=each.name if each.transport == TLS else "",
            )
            for each in targets
        ]

    def invite(
        self, target: Target, caller: Caller, offer: bytes, max_forwards: int, variables: Mapping[str, str]
    ) -> Call:
        """Send an INVITE with our offer the first of the target's ways, or the next where that one fails.

        ``variables`` may name another From and Contact.
        """
        flow, *alternatives = target.flows
        seen = self.seen_by(flow.remote.host, flow.transport)
        own = HERE_HOST if seen.from_host == seen.signalling.host else seen.from_host
        own = f"[{own}]" if ":" in own else own
        display, from_uri = from_of(caller, variables.get("sip_invite_domain") or own)
        kind = variables.get("sip_cid_type") or target.identity or self.settings.caller_id_type
        rows = [*identity_rows(caller, own, kind, self.trusts(flow.remote)), *target.headers]
        return self.act(
            lambda now: self.agent.invite(
                str(target.uri),
                flow,
                now,
                from_uri=target.from_uri or from_uri,
                to_uri=target.to_uri or None,
                from_display=display,
                headers=rows,
                contact_user=_safe(variables.get("sip_contact_user", "")) or self.contact_user,
                body=offer,
                credentials=target.login,
                route=target.route,
                max_forwards=max_forwards,
                alternatives=alternatives,
                more=target.more,
            )
        )


def _safe(user: str) -> str:
    return user if user.isascii() and user.isalnum() else quote(user, safe=USER_SAFE)
