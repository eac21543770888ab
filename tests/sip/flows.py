"""What the flows of RFC 3665 and RFC 5359 are played with, on a network that loses, doubles and delays.

A flow is a function of a network: it plays the whole, and asserts what must be true at the end, whatever
became of any one datagram. `harms` says every way in which one datagram of a flow can come to harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from zlib import crc32

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import IncomingCall, Request, RequestReceived, Response
from ringthru.sip.agent.referral import Referral
from ringthru.sip.registrar.authority import Authority, Verdict
from ringthru.sip.registrar.binding import Origin
from ringthru.sip.registrar.registration import Bindings
from ringthru.sip.wire.authentication import Credentials
from ringthru.sip.wire.digest import ha1
from ringthru.sip.wire.parsing import parse

from .network import ANSWER, Network, Party

Flow = Callable[[Network], None]
PROXY, OTHER_PROXY = Endpoint("127.40.0.8", 5060), Endpoint("127.40.0.9", 5060)
REALM, PASSWORD = "atlanta.example.com", "password"
LATE = 0.7  # seconds; after the first repetition
AFTERWARDS = 150.0  # seconds; no timer of RFC 3261 is longer, all things added


def harms(flows: Iterable[Flow]) -> list[object]:
    """Each datagram of each flow, lost, doubled and late."""
    cases = []
    for flow in flows:
        network = Network()
        with suppress(Exception):  # its own test says what is wrong with it
            flow(network)
        for number in range(1, len(network.log) + 1):
            for harm in ("lost", "doubled", "late"):
                cases.append(pytest.param(flow, harm, number, id=f"{flow.__name__}-{number}-{harm}"))
    return cases


def harmed(harm: str, number: int) -> Network:
    network = Network()
    if harm == "late":
        network.delayed = {number: LATE}
    else:
        setattr(network, harm, {number})
    return network


def rest(network: Network) -> None:
    """Whatever was said is over, and nobody keeps anything of it."""
    network.run(AFTERWARDS)
    for party in network.parties.values():
        if isinstance(party, Party):
            layer = party.agent._layer
            assert party.agent.calls == ()
            assert (layer._servers, layer._clients, len(layer.timers)) == ({}, {}, 0)


class User(Party):
    """Rings, answers, says yes within calls; ``refuses`` with a status, or lets it ring for ever."""

    def __init__(
        self,
        network: Network,
        local: Endpoint,
        *,
        refuses: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
        answers: bool = True,
        **settings: object,
    ) -> None:
        super().__init__(network, local, **settings)
        self.refuses, self.headers, self.answers = refuses, headers, answers
        self.referral: Referral | None = None  # what a REFER made us promise
        self.on_event = self._act

    @property
    def far(self):
        """The call that came last."""
        return self.last(IncomingCall).call

    def asked(self, method: str) -> list[Request]:
        got = [event.incoming.request for event in self.seen if isinstance(event, RequestReceived)]
        return [each for each in got if each.method == method]

    def _act(self, event: object) -> None:
        now = self.network.now
        if isinstance(event, IncomingCall):
            if self.refuses:
                event.call.reject(now, self.refuses, headers=self.headers)
                return
            event.call.ring(now)
            if self.answers:
                event.call.answer(now, ANSWER)
        elif isinstance(event, RequestReceived) and event.incoming.request.method == "REFER":
            assert event.incoming.call is not None
            self.referral = event.incoming.call.accept_refer(event.incoming, now)
            self.referral.notify(100, now)
        elif isinstance(event, RequestReceived):
            self.agent.respond(event.incoming, 200, now, body=ANSWER)


class Registrar(User):
    """Asks for alice's password, and keeps her contacts."""

    def __init__(self, network: Network, local: Endpoint) -> None:
        super().__init__(network, local)
        self.bindings = Bindings()
        self._authority = Authority(b"secret of this run")

    def contacts(self) -> list[str]:
        return sorted(str(each.contact.user) for each in self.bindings.lookup("alice", self.network.now))

    def _act(self, event: object) -> None:
        if not isinstance(event, RequestReceived):
            return
        request, now = event.incoming.request, self.network.now
        if self._verdict(request) is not Verdict.ACCEPTED:
            rows = [("WWW-Authenticate", each) for each in self._authority.challenges(REALM, now)]
            self.agent.respond(event.incoming, 401, now, headers=rows)
            return
        origin = Origin(event.incoming.flow, "internal")
        outcome = self.bindings.process("alice", request, origin, now)
        rows = [("Contact", each) for each in outcome.contacts]
        self.agent.respond(event.incoming, outcome.status, now, headers=rows)

    def _verdict(self, request: Request) -> Verdict | None:
        value = request.get("Authorization")
        if value is None:
            return None
        credentials = Credentials.parse(value)
        return self._authority.verify(credentials, "REGISTER", secret, request.body, self.network.now)


def secret(user: str, realm: str, algorithm: str) -> str | None:
    return ha1(user, realm, PASSWORD, algorithm) if user == "alice" else None


class Proxy:
    """Stateless, and stays in the way (RFC 3261 §16.11): it sends on with its Via and Record-Route."""

    def __init__(self, network: Network, local: Endpoint, onward: Endpoint) -> None:
        self.network, self.local, self.onward = network, local, onward
        network.parties[local] = self  # type: ignore[assignment]

    def settle(self) -> None:
        pass

    def receive(self, data: bytes, source: Endpoint) -> None:
        message = parse(data)
        if isinstance(message, Request):
            self._forward(message)
            return
        vias = [value for name, value in message.headers if name == "Via"]
        rows = [pair for pair in message.headers if pair[0] != "Via"]
        rows = [*(("Via", each) for each in vias[1:]), *rows]
        back = Response(message.status, message.reason, rows, message.body)
        via = message.vias[1]
        self.network.post(back.encode(), self.local, Endpoint(via.host, via.port or 5060))

    def _forward(self, request: Request) -> None:
        branch = f"z9hG4bK-{crc32((request.via.branch or '').encode()):x}"
        rows = [("Via", f"SIP/2.0/UDP {self.local};branch={branch}")]
        if request.method == "INVITE":
            rows.append(("Record-Route", f"<sip:{self.local};lr>"))
        routes = [pair for pair in request.headers if pair[0] == "Route"]
        rows += [pair for pair in request.headers if pair not in routes[:1]]
        hop = _endpoint(routes[1][1]) if routes[1:] else self.onward
        if routes and not routes[1:]:
            hop = _endpoint(request.uri)
        self.network.post(Request(request.method, request.uri, rows, request.body).encode(), self.local, hop)


def _endpoint(text: str) -> Endpoint:
    """Of a URI, or of a Route value."""
    host, _, port = text.strip("<>").partition(":")[2].partition(";")[0].rpartition("@")[2].partition(":")
    return Endpoint(host, int(port or 5060))
