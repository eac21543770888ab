"""Dialogs: a lasting relation between two user agents (RFC 3261 §12).

Lives here: tags, sequence numbers, the route set, the remote target, and requests made of them.
Never here: transactions, timers, or what state a call is in.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...net.address import AddressKind, AddressRules, Endpoint, same_host
from ...net.values import record, replace
from ..flow import Flow, default_port
from ..wire.headers import NameAddr
from ..wire.message import Message, Request, Response
from ..wire.uri import SipUri

MAX_FORWARDS = "70"  # RFC 3261 §8.1.1.6


@record
class Dialog:
    """One dialog, early or confirmed, from our side.

    ``here`` is our own address as this peer was told it, frozen until we refresh the target.
    ``flow`` leads to the peer as it was last seen; ``destination`` is where requests go. ``beyond``: what was
    seen is a proxy that does not stay between (it put in no Record-Route). ``stays``: its NAT does not let
    us in by the port of its Contact, only by the one it was seen at. ``renamed_tag`` is what a device on
    the way makes of the peer's tag.
    """

    call_id: str
    local: str  # our From or To value, tag included
    local_tag: str
    remote: str  # the peer's, tag included
    remote_tag: str
    remote_target: SipUri
    route_set: tuple[NameAddr, ...]
    local_cseq: int
    remote_cseq: int | None
    flow: Flow
    here: Endpoint
    beyond: bool = False
    stays: bool = False
    renamed_tag: str | None = None

    @classmethod
    def as_server(cls, request: Request, tag: str, flow: Flow, here: Endpoint) -> Dialog:
        """The dialog an INVITE from a peer makes (§12.1.1). Without a Contact, From must do."""
        contact = request.contact or request.from_
        return cls(
            call_id=request.call_id,
            local=f"{request.get('To')};tag={tag}",
            local_tag=tag,
            remote=request.get("From") or "",
            remote_tag=request.from_.tag or "",
            remote_target=contact.uri,
            route_set=tuple(request.record_routes),
            local_cseq=0,
            remote_cseq=request.cseq.number,
            flow=flow,
            here=here,
            beyond=len(request.vias) > 1,
            stays=(contact.uri.port or 5060) != flow.remote.port and _sends_through_a_nat(request, flow),
        )

    @classmethod
    def as_client(
        cls, request: Request, response: Response, flow: Flow, here: Endpoint, sent: Flow | None = None
    ) -> Dialog:
        """The dialog a response to our INVITE makes (§12.1.2); ``flow`` is where it came from.

        ``sent`` is where the INVITE went. A phone that names the address we called it by, and answered from
        the port we found it at, is behind a NAT that leads to it by that port alone.
        """
        contact = response.contact
        return cls(
            call_id=request.call_id,
            local=request.get("From") or "",
            local_tag=request.from_.tag or "",
            remote=response.get("To") or "",
            remote_tag=response.to.tag or "",
            remote_target=contact.uri if contact is not None else request.request_uri,
            route_set=tuple(reversed(response.record_routes)),
            local_cseq=request.cseq.number,
            remote_cseq=None,
            flow=flow,
            here=here,
            beyond=contact is not None and not same_host(contact.uri.host, request.request_uri.host),
            stays=contact is not None
            and sent is not None
            and not sent.reliable
            and sent.remote == flow.remote
            and _place(contact.uri) == _place(request.request_uri),
        )

    def is_with(self, tag: str) -> bool:
        """Whether the peer's tag is this one."""
        return tag in (self.remote_tag, self.renamed_tag)

    def next_cseq(self) -> int:
        self.local_cseq += 1
        return self.local_cseq

    def request(
        self,
        method: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        cseq: int | None = None,
    ) -> Request:
        """A request inside the dialog (§12.2.1.1); an ACK is given the ``cseq`` of its INVITE."""
        uri, routes = self._route()
        rows = [
            *(("Route", str(route)) for route in routes),
            ("Max-Forwards", MAX_FORWARDS),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.next_cseq() if cseq is None else cseq} {method}"),
            *headers,
        ]
        return Request(method, str(uri), rows, body)

    def _route(self) -> tuple[SipUri, tuple[NameAddr, ...]]:
        """Request-URI and Route headers; a first router without ``lr`` is a strict one (RFC 2543's)."""
        if not self.route_set or self.route_set[0].uri.has_parameter("lr"):
            target = self.remote_target  # in which no headers may stand (§19.1.1)
            return replace(target, headers="") if target.headers else target, self.route_set
        return self.route_set[0].uri, (*self.route_set[1:], NameAddr("", self.remote_target))

    @property
    def destination(self) -> Flow:
        """Where the dialog's requests go.

        The address the peer was seen at is kept wherever its Contact (or first route) names another:
        that one is behind a NAT, or a name nobody looked up. Only the port is believed, unless it ``stays``
        where it was seen; over a reliable transport only once the connection is gone. But a proxy
        that does not stay between would not know what to do with them: then the Contact is believed, as
        §12.2.1.1 has it, where it can be.
        """
        hop = self.route_set[0].uri if self.route_set else self.remote_target
        if not same_host(hop.host, self.flow.remote.host):
            return self._past_the_proxy() or self.flow
        if self.stays and not self.route_set:
            return self.flow
        return self.flow.towards(
            Endpoint(self.flow.remote.host, hop.port or default_port(self.flow.transport))
        )

    def _past_the_proxy(self) -> Flow | None:
        """The way to the Contact itself; None where it is no address that such a peer can have."""
        target, seen, rules = self.remote_target, self.flow, AddressRules()
        transport = (target.parameter("transport") or "UDP").upper()
        if self.route_set or not self.beyond or target.scheme != "sip" or transport != seen.transport:
            return None
        if rules.kind(target.host) not in (AddressKind.PUBLIC, rules.kind(seen.remote.host)):
            return None  # private, and what we saw is not: the proxy's own network, or behind a NAT
        if (":" in target.host) != (":" in seen.remote.host):
            return None  # the other family would leave by a socket that we do not have here
        port = target.port or default_port(transport)
        return Flow(transport, seen.local, Endpoint(target.host.strip("[]"), port))

    def accepts(self, number: int) -> bool:
        """Note a request's sequence number; False when it is older than one we saw (§12.2.2)."""
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh(self, message: Message, flow: Flow) -> None:
        """A target refresh, request or 2xx (§12.2): a new Contact, and the way it really came."""
        if message.contact is not None:
            self.stays = self.stays and _place(message.contact.uri) == _place(self.remote_target)
            if isinstance(message, Request) and not self.stays:
                self.stays = _sends_through_a_nat(message, flow)
            self.remote_target = message.contact.uri
        self.flow = flow


def _place(uri: SipUri) -> tuple[str, int]:
    return uri.host.lower(), uri.port or 5060


def _sends_through_a_nat(request: Request, flow: Flow) -> bool:
    """Whether its Contact and Via name one port, it hears where it sends (rport), and it came from another.

    STUN told it the wrong one: its NAT has another for each peer. It cannot be reached at its Contact.
    """
    via, contact = request.via, request.contact
    if flow.reliable or contact is None or len(request.vias) > 1 or not via.wants_rport:
        return False
    named = (via.host.lower(), via.port or 5060)
    return _place(contact.uri) == named and named[1] != flow.remote.port
