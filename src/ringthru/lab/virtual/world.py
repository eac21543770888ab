"""The virtual world: one engine, one or more fake gateways, and the wire between them, under a manual clock.

Lives here: delivery with delay, loss, reordering and duplication; time; scheduled mishaps.
Never here: sockets, real time, what a gateway answers (gateway_core), judgement (oracle).

Everything that happens by chance comes from the seed: equal seeds give equal transcripts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from ...net.address import Endpoint
from ...portmap.gateway.upnp_values import FailureKind, HttpFailure, Reply
from ..clock import ManualClock
from ..gateway.announcer import Notice
from ..gateway.core import NATPMP_PORT, SSDP_PORT
from ..gateway.host_side import NAP, Naps
from ..gateway.hostile_host import hostile_host
from ..gateway.replies import Reply as Datagram
from .engine_io import EngineIo
from .gateway import VirtualGateway
from .http import read_script
from .neighbourhood import Neighbourhood, is_group
from .oracle import (
    USUAL,
    Exchange,
    Pace,
    Records,
    false_claims,
    foreign_taken,
    is_deletion,
    is_shortening,
    left_behind,
    misplaced,
    pace_broken,
)
from .wire import Schedule, Wire

SOURCE_PORT: Final = 50000  # of the engine's datagrams
ANY_PORT: Final = 49152  # what "from any port" (SD01) is here
MOST_TURNS: Final = 2000  # of engine and world at one instant; more, and something spins
GRACE: Final = (
    330.0  # seconds until an engine must have noticed a silent loss: its checks are 5 minutes apart
)
NOTICED: Final = 5.0  # seconds until a machine that has woken up notices that it slept


class World:
    """One engine and its gateways; the first of them is its default gateway.

    Rows of that one may put others beside it (TO01, TO02, TO08, TO11), once and for all, and have our machine
    sleep (TO06).

    ``engine`` is an ``Engine`` of ``ringthru.portmap``, made by the caller; its own address is ``host``.
    Call its methods through ``world.call``, which sends what comes of it. ``through`` is a NAT on the way to
    these gateways, which stand beyond it, and ``to`` the one of them that port 5351 is asked at. With
    ``on_change`` the engine's events are the caller's to read, who is told when there may be some.
    """

    def __init__(
        self,
        engine: Any,
        *gateways: VirtualGateway,
        clock: ManualClock,
        host: str = "192.168.1.103",
        wire: Wire | None = None,
        seed: int = 0,
        through: VirtualGateway | None = None,
        to: str = "",
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.engine = engine
        self._around = Neighbourhood(gateways, host, clock.read, through)
        self.gateways = self._around.gateways
        self.clock = clock
        self._to = to
        self._on_change = on_change
        self.records = Records()
        self.events: list[Any] = []  # what the engine told, in order
        self._io = EngineIo(engine)
        self._schedule = Schedule(clock, wire or Wire(), seed)
        self._asked_by_http: tuple[int, VirtualGateway | None] | None = None  # and not answered yet
        self._naps = Naps()
        self._asleep = False

    # What a test does

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def host(self) -> str:
        """Our address, as the gateways see it."""
        return self._around.host

    def call(self, method: str, *arguments: Any) -> Any:
        """Call ``engine.method(*arguments, now)``, and send what comes of it."""
        result = getattr(self.engine, method)(*arguments, self.now)
        self.pump()
        return result

    def at(self, seconds: float, happening: Callable[[], object]) -> None:
        """Let something happen so many seconds from now."""
        self._schedule.later(seconds, happening)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.run_until(lambda: False, seconds)

    def run_until(self, condition: Callable[[], object], limit: float) -> bool:
        """Let time pass until the condition holds, ``limit`` seconds at most; whether it does.

        Seconds in which our machine sleeps (TO06) do not count.

        Raises:
            RuntimeError: engine and world go round without time passing.
        """
        end, turns, stood_at = self.now + limit, 0, self.now
        self.pump()
        while not condition():
            due = self.next_happening()
            if due is None or due > end:
                self.clock.advance_to(max(end, self.now))
                return bool(condition())
            self.clock.advance_to(max(due, self.now))
            if self._is_tired():
                self.sleep(NAP)
                end += NAP
            turns = turns + 1 if self.now == stood_at else 0
            stood_at = self.now
            if turns > MOST_TURNS:
                raise RuntimeError(f"{MOST_TURNS} turns at {self.now}: somebody spins")
            self.happen()
        return True

    def sleep(self, seconds: float) -> None:
        """Our machine sleeps: the world goes on, nothing gets to the engine, which is told afterwards."""
        end, self._asleep = self.now + seconds, True
        while (due := self._next_outside()) is not None and due <= end:
            self.clock.advance_to(max(due, self.now))
            self._act_outside()
        self.clock.advance_to(end)
        self._asleep = False
        self._lose_what_was_asked()
        self._naps.slept(self.now)
        self.at(NOTICED, lambda: self.call("resumed"))

    def verdicts(self, *, pace: Pace = USUAL, grace: float = GRACE) -> list[str]:
        """What the engine did wrong, in words; nothing is what there should be.

        (a) no mapping claims a rung that the gateway does not have; (b) nothing of others was deleted;
        (c) once it is stopped nothing of ours is left, unless a deletion was refused; (d) the pace;
        (e) a gateway that a row has put there, not on our way out, was neither mapped on nor believed.
        """
        snapshot = self.engine.snapshot(self.now)
        wrong = list(self.records.blamed)
        for gateway in self.gateways:
            gateway.pinholes.look()
            if snapshot.gateway in gateway.addresses:
                wrong += false_claims(snapshot.mappings, gateway, self.host, self.now, grace)
            if self._around.is_strange(gateway):
                wrong += misplaced(gateway, self.host, snapshot.external_address, self.now)
            elif self.engine.stopped and gateway.powered and not self.records.deletions_failed:
                wrong += [f"left behind: {entry}" for entry in left_behind(gateway, self.host, self.now)]
        return wrong + pace_broken(self.records, pace)

    def transcript(self) -> tuple[str, ...]:
        """Everything that crossed the wire."""
        return self.records.transcript()

    # Time

    def next_happening(self) -> float | None:
        """When anything happens next, of itself."""
        nap = self._naps.next_at(self.now, self._around.has("TO06"))
        times = [self._io.next_timeout(), self._next_outside(), nap]
        return min((each for each in times if each is not None), default=None)

    def _next_outside(self) -> float | None:
        """When something happens that is not the engine's doing."""
        times = [self._schedule.next_due(), self._around.next_timeout()]
        return min((each for each in times if each is not None), default=None)

    def _is_tired(self) -> bool:
        due = self._naps.next_at(self.now, self._around.has("TO06"))
        return due is not None and due <= self.now

    def happen(self) -> None:
        """Let everything that is due happen."""
        self._schedule.happen()
        due = self._io.next_timeout()
        if due is not None and due <= self.now:
            self._io.handle_timeout(self.now)
        self._around.handle_timeout(self.now)
        self.pump()

    def _act_outside(self) -> None:
        """A moment that the engine sleeps through."""
        self._schedule.happen()
        self._around.handle_timeout(self.now)
        self._pump_gateways()

    # The wire

    def pump(self) -> None:
        """Send what everybody wants to send."""
        for data, to in self._io.pmp_to_send():
            self._send_pmp(data, to)
        for data, group in self._io.ssdp_to_send():
            self._send_ssdp(data, group)
        for request in self._io.http_to_send():
            self._send_http(request.number, request.ask)
        self._pump_gateways()
        if self._on_change is None:
            self.events += self.engine.events()
        else:
            self._on_change()

    def _pump_gateways(self) -> None:
        for gateway in self.gateways:
            for notice in gateway.notices_to_send():
                if self._around.is_heard(gateway):
                    self._send_notice(notice)
            for delivery in gateway.core.upnp.events_to_send():
                source = Endpoint(gateway.address, ANY_PORT)
                event = self._heard("event", source, delivery.data)
                self._schedule.later(
                    self._schedule.delay(), self._taken(event, self._io.receive_event, delivery, source)
                )

    def _send_pmp(self, data: bytes, to: str) -> None:
        address = to or self._to or (self.gateways[0].address_for(self.host) if self.gateways else "")
        self._record("out", "pmp", Endpoint(address, NATPMP_PORT), data)
        if is_deletion(data):
            self.records.unheard[data] += 1
        for gateway in self._around.hearers(address):
            self._schedule.travel(partial(self._arrive_pmp, gateway, data, address, self.now))

    def _arrive_pmp(self, gateway: VirtualGateway, data: bytes, to: str, sent_at: float) -> None:
        if not gateway.powered:
            return
        own = to in gateway.addresses
        if own and not gateway.core.port_control.is_open:
            self._schedule.travel(self._taken(lambda: None, self._io.pmp_refused))
            return
        if not gateway.hears_pmp(to):
            return
        self.records.arrived(data, sent_at)
        here = gateway.address_for(self.host) if is_group(to) else to
        for reply in self._asked(gateway, NATPMP_PORT, data, "" if own else to):
            source = Endpoint(reply.source_host or here, reply.source_port or NATPMP_PORT)
            if source.host == here:  # the socket is connected: others are not heard
                answer = self._heard("pmp", source, reply.data)
                self._schedule.travel(
                    self._taken(answer, self._io.receive_pmp, reply.data, source), reply.delay
                )

    def _send_ssdp(self, data: bytes, to: Endpoint) -> None:
        self._record("out", "ssdp", to, data)
        for gateway in self._around.hearers(to.host):
            group = to.host if is_group(to.host) else ""
            self._schedule.travel(partial(self._arrive_ssdp, gateway, data, group))

    def _arrive_ssdp(self, gateway: VirtualGateway, data: bytes, group: str) -> None:
        if not gateway.powered:
            return
        for reply in self._asked(gateway, SSDP_PORT, data, group):
            port = SSDP_PORT if reply.source_port is None else reply.source_port or ANY_PORT
            source = Endpoint(reply.source_host or gateway.address_for(self.host), port)
            answer = self._heard("ssdp", source, reply.data)
            self._schedule.travel(self._taken(answer, self._io.receive_ssdp, reply.data, source), reply.delay)

    def _asked(self, gateway: VirtualGateway, port: int, data: bytes, to: str) -> Sequence[Datagram]:
        """Hand a datagram to a gateway, and watch what it does to others' mappings."""
        before = gateway.missing_foreign()
        source = Endpoint(self._around.seen_from(gateway), SOURCE_PORT)
        replies = gateway.core.receive(port, data, source, to)
        gateway.pinholes.look()
        if port == NATPMP_PORT and is_deletion(data):
            self.records.blamed += foreign_taken(before, gateway, data)
            forger = hostile_host(gateway.core.address)
            if not any(_succeeds(reply.data) for reply in replies if reply.source_host != forger):
                self.records.failed_deletions += 1
        return replies

    def _send_http(self, number: int, ask: Any) -> None:
        """The driver has one connection at a time: asking anew closes the one before it."""
        self._hang_up()
        self._record("out", "http", ask.endpoint, ask.data)
        delay = 2 * self._schedule.delay()  # there and back, the connection included
        gateway = next((each for each in self._around.hearers(ask.endpoint.host)), None)
        self._asked_by_http = number, gateway if gateway is not None and gateway.powered else None
        if gateway is None or not gateway.powered:
            silence = HttpFailure(FailureKind.TIMEOUT, f"no answer within {ask.deadline:g} s")
            self._schedule.later(ask.deadline, lambda: self._told(number, ask, silence))
            return
        gateway.open_connections += 1
        here = [each.open_connections for each in self.gateways]
        self.records.most_http_in_flight = max(self.records.most_http_in_flight, *here)
        seconds, reply = self._http_answer(gateway, ask)
        if is_deletion(ask.data) and not _deleted(reply):
            self.records.failed_deletions += 1
        elif is_shortening(ask.data) and _deleted(reply) and self.records.failed_deletions:
            self.records.failed_deletions -= 1  # in place of the deletion before it (P603)
        wait = min(seconds + delay, ask.deadline)
        self._schedule.later(wait, lambda: self._told(number, ask, reply))

    def _http_answer(self, gateway: VirtualGateway, ask: Any) -> tuple[float, Reply]:
        upnp = gateway.core.upnp
        if ask.endpoint not in (upnp.http, upnp.http6) or not upnp.admits(0, self.now):
            return 0.0, HttpFailure(FailureKind.REFUSED, "cannot connect: Connection refused")
        if not upnp.admits(gateway.open_connections - 1, self.now):
            return 0.0, HttpFailure(FailureKind.BROKEN, "connection reset")
        before = gateway.missing_foreign()
        script = upnp.respond(ask.data, self._around.seen_from(gateway), self.now)
        if is_deletion(ask.data) or is_shortening(ask.data):
            self.records.blamed += foreign_taken(before, gateway, ask.data)
        gateway.pinholes.look()
        return read_script(script, ask.deadline)

    def _hang_up(self) -> None:
        if self._asked_by_http is not None and self._asked_by_http[1] is not None:
            self._asked_by_http[1].open_connections -= 1
        self._asked_by_http = None

    def _lose_what_was_asked(self) -> None:
        """A connection does not outlive our sleep."""
        if self._asked_by_http is not None:
            number = self._asked_by_http[0]
            self._hang_up()
            self._io.receive_http(number, HttpFailure(FailureKind.BROKEN, "connection reset"), self.now)

    def _told(self, number: int, ask: Any, reply: Reply) -> None:
        if self._asleep or self._asked_by_http is None or self._asked_by_http[0] != number:
            return  # given up by the engine, or it comes to nobody
        self._hang_up()
        words = reply.reason.encode() if isinstance(reply, HttpFailure) else reply.body
        self._record("in", "http", ask.endpoint, words)
        self._io.receive_http(number, reply, self.now)

    def _send_notice(self, notice: Notice) -> None:
        heard = self._heard("notice", notice.source, notice.data)
        self._schedule.travel(self._taken(heard, self._io.receive_notice, notice))

    # Records

    def _record(self, way: str, kind: str, peer: Endpoint, data: bytes) -> None:
        self.records.exchanges.append(Exchange(self.now, way, kind, peer, data))

    def _heard(self, kind: str, source: Endpoint, data: bytes) -> Callable[[], None]:
        return lambda: self._record("in", kind, source, data)

    def _taken(
        self, record: Callable[[], None], take: Callable[..., None], *arguments: Any
    ) -> Callable[[], None]:
        """On arrival: write it down, then hand it to the engine; what comes while it sleeps is lost."""

        def arrive() -> None:
            if self._asleep:
                return
            record()
            take(*arguments, self.now)

        return arrive


def _deleted(reply: Reply) -> bool:
    """Whether a SOAP deletion did its work, or found nothing to do (714, of pinholes 704)."""
    if isinstance(reply, HttpFailure):
        return False
    return reply.status == 200 or any(each in reply.body for each in (b"714", b"704"))


def _succeeds(answer: bytes) -> bool:
    """Whether an answer from port 5351 carries result 0."""
    return len(answer) >= 4 and (answer[2:4] == bytes(2) if answer[0] == 0 else answer[3] == 0)
