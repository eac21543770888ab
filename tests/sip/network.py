"""A network in memory with a clock: it can lose, delay and double any datagram, and translate addresses."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from ringthru.net.address import Endpoint
from ringthru.sip import CallEnded, CallFailed, Event, Flow, IncomingCall, Request, Response, UserAgent
from ringthru.sip.wire.parsing import parse

LATENCY = 0.01  # seconds
OFFER, ANSWER = b"v=0\r\ns=offer\r\n", b"v=0\r\ns=answer\r\n"
ALICE, BOB, CAROL = Endpoint("127.40.0.1", 5060), Endpoint("127.40.0.2", 5060), Endpoint("127.40.0.3", 5070)


class Party:
    """A user agent on the network, and what it told its user."""

    def __init__(self, network: Network, local: Endpoint, **settings) -> None:
        tokens = count(1)
        name = local.host.rpartition(".")[2]
        self.network = network
        self.local = local
        self.seen: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda event: None
        settings.setdefault("seen_by", lambda flow: local)
        settings.setdefault("user_agent", f"Party {name}")
        self.agent = UserAgent(token=lambda: f"p{name}x{next(tokens)}", **settings)
        network.parties[local] = self

    def flow(self, remote: Endpoint) -> Flow:
        return Flow("UDP", self.local, remote)

    def receive(self, data: bytes, source: Endpoint) -> None:
        self.agent.receive_message(data, self.flow(source), self.network.now)

    def call(self, remote: Endpoint, *, body: bytes = OFFER, **more):
        return self.agent.invite(
            f"sip:bob@{remote}",
            self.flow(remote),
            self.network.now,
            from_uri="sip:alice@\x01",
            contact_user="alice",
            body=body,
            **more,
        )

    def settle(self) -> None:
        """Hand on events, then put what is to be sent on the network, until there is no more."""
        while True:
            events = self.agent.events()
            for event in events:
                self.seen.append(event)
                self.on_event(event)
            datagrams = self.agent.messages_to_send()
            for data, flow in datagrams:
                self.network.post(data, self.local, flow.remote)
            if not events and not datagrams:
                return

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.seen]

    def last(self, kind):
        return next(event for event in reversed(self.seen) if isinstance(event, kind))


class Script:
    """A peer without a mind: keeps what it gets, sends what it is told."""

    def __init__(self, network: Network, local: Endpoint) -> None:
        self.network = network
        self.local = local
        self.got: list[Request | Response] = []
        network.parties[local] = self

    def receive(self, data: bytes, source: Endpoint) -> None:
        self.got.append(parse(data))

    def settle(self) -> None:
        pass

    def send(self, message: Request | Response | bytes, remote: Endpoint) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.network.post(data, self.local, remote)
        self.network.run(0.0)

    def request(self, method: str, remote: Endpoint, **headers: str) -> Request:
        """A request with everything §8.1.1 demands; ``headers`` (underscores for hyphens) replace or add."""
        rows = {
            "Via": f"SIP/2.0/UDP {self.local};rport;branch=z9hG4bK-1",
            "Max-Forwards": "70",
            "From": f"<sip:script@{self.local}>;tag=script",
            "To": f"<sip:bob@{remote}>",
            "Call-ID": "script-call",
            "CSeq": f"1 {method}",
            "Contact": f"<sip:script@{self.local}>",
        }
        rows.update({name.replace("_", "-"): value for name, value in headers.items()})
        return Request(method, f"sip:bob@{remote}", rows.items())

    def response(self, request: Request, status: int, tag: str = "callee", **headers: str) -> Response:
        rows = [pair for pair in request.headers if pair[0] in ("Via", "From", "Call-ID", "CSeq")]
        to = request.get("To") or ""
        rows.append(("To", to if "tag=" in to or status == 100 else f"{to};tag={tag}"))
        rows += [(name.replace("_", "-"), value) for name, value in headers.items()]
        return Response(status, "Because", rows)

    @property
    def statuses(self) -> list[int]:
        return [each.status for each in self.got if isinstance(each, Response)]

    @property
    def methods(self) -> list[str]:
        return [each.method for each in self.got if isinstance(each, Request)]

    def requests(self, method: str) -> list[Request]:
        return [each for each in self.got if isinstance(each, Request) and each.method == method]


class Network:
    """Datagrams in flight, numbered from 1 in the order they were sent."""

    def __init__(self) -> None:
        self.now = 100.0
        self.parties: dict[Endpoint, Party | Script] = {}
        self.lost: set[int] = set()
        self.doubled: set[int] = set()
        self.delayed: dict[int, float] = {}  # number: extra seconds
        self.loses: Callable[[bytes], bool] = lambda data: False
        self.slows: Callable[[bytes], float] = lambda data: 0.0  # extra seconds, by content
        self.outside_of: dict[Endpoint, Endpoint] = {}  # a NAT: inside endpoint to outside endpoint
        self.log: list[tuple[float, str]] = []  # every datagram sent: when, and its first line
        self._flying: list[tuple[float, int, bytes, Endpoint, Endpoint]] = []
        self._order = count()

    def post(self, data: bytes, source: Endpoint, target: Endpoint) -> None:
        self.log.append((self.now, data.split(b"\r\n")[0].decode()))
        number = len(self.log)
        if number in self.lost or self.loses(data):
            return
        at = self.now + LATENCY + self.delayed.get(number, 0.0) + self.slows(data)
        source = self.outside_of.get(source, source)
        for _ in range(2 if number in self.doubled else 1):
            heappush(self._flying, (at, next(self._order), data, source, target))

    def run(self, seconds: float) -> None:
        """Let time pass; everything that is due happens at its instant."""
        end = self.now + seconds + LATENCY * 20 if seconds == 0.0 else self.now + seconds
        self._settle()
        while (at := self._next()) is not None and at <= end:
            self.now = max(self.now, at)
            while self._flying and self._flying[0][0] <= self.now:
                _, _, data, source, target = heappop(self._flying)
                self._deliver(data, source, target)
            for party in self.parties.values():
                if isinstance(party, Party):
                    party.agent.handle_timeout(self.now)
            self._settle()
        self.now = end

    def sent(self, start: str) -> list[float]:
        """When datagrams whose first line starts so were sent, counted from the first."""
        times = [at for at, line in self.log if line.startswith(start)]
        return [round(at - times[0], 3) for at in times]

    def _deliver(self, data: bytes, source: Endpoint, target: Endpoint) -> None:
        inside = next((each for each, outside in self.outside_of.items() if outside == target), target)
        party = self.parties.get(inside)
        if party is not None:
            party.receive(data, source)
            party.settle()

    def _settle(self) -> None:
        for party in self.parties.values():
            party.settle()

    def _next(self) -> float | None:
        times = [self._flying[0][0]] if self._flying else []
        for party in self.parties.values():
            if isinstance(party, Party) and (when := party.agent.next_timeout()) is not None:
                times.append(when)
        return min(times, default=None)


def answering(party: Party, *, ringing: bool = True) -> Callable[[Event], None]:
    """A callee that rings, and answers at once."""

    def act(event: Event) -> None:
        if isinstance(event, IncomingCall):
            if ringing:
                event.call.ring(party.network.now)
            event.call.answer(party.network.now, ANSWER)

    return act


def endings(party: Party) -> list[Event]:
    return [event for event in party.seen if isinstance(event, CallEnded | CallFailed)]
