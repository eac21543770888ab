"""What crosses the wire of a virtual world: the engine's questions, the gateways' answers and announcements.

Lives here: who hears what was sent, what became of it on the way, and the record of both.
Never here: time and mishaps (world), what a gateway answers (gateway's core), judgement (oracle).
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
from ..gateway.hostile_host import hostile_host
from ..gateway.replies import Reply as Datagram
from .engine_io import EngineIo
from .gateway import VirtualGateway
from .http import read_script
from .neighbourhood import Neighbourhood, is_group
from .oracle import Exchange, Records, foreign_taken, is_deletion, is_shortening
from .wire import Schedule

SOURCE_PORT: Final = 50000  # of the engine's datagrams
ANY_PORT: Final = 49152  # what "from any port" (SD01) is here


class Crossing:
    """The way between one engine and the gateways around it.

    Port 5351 is asked at the address ``to``; "" is the first gateway. While the machine is ``asleep`` what
    comes to it is lost.
    """

    def __init__(
        self, io: EngineIo, around: Neighbourhood, schedule: Schedule, clock: ManualClock, to: str
    ) -> None:
        self.records = Records()
        self.asleep = False
        self._io = io
        self._around = around
        self._schedule = schedule
        self._clock = clock
        self._to = to
        self._asked_by_http: tuple[int, VirtualGateway | None] | None = None  # and not answered yet

    @property
    def now(self) -> float:
        return self._clock.now

    def pump(self) -> None:
        """Send what everybody wants to send."""
        for data, to in self._io.pmp_to_send():
            self.send_pmp(data, to)
        for data, group in self._io.ssdp_to_send():
            self._send_ssdp(data, group)
        for request in self._io.http_to_send():
            self._send_http(request.number, request.ask)
        self.pump_gateways()

    def pump_gateways(self) -> None:
        """Send what the gateways want to send of themselves: announcements, events."""
        for gateway in self._around.gateways:
            for notice in gateway.notices_to_send():
                if self._around.is_heard(gateway):
                    self.send_notice(notice)
            for delivery in gateway.core.upnp.events_to_send():
                source = Endpoint(gateway.address, ANY_PORT)
                event = self._heard("event", source, delivery.data)
                self._schedule.later(
                    self._schedule.delay(), self._taken(event, self._io.receive_event, delivery, source)
                )

    def send_pmp(self, data: bytes, to: str) -> None:
        address = (
            to
            or self._to
            or (self._around.gateways[0].address_for(self._around.host) if self._around.gateways else "")
        )
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
        here = gateway.address_for(self._around.host) if is_group(to) else to
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
            source = Endpoint(reply.source_host or gateway.address_for(self._around.host), port)
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
        here = [each.open_connections for each in self._around.gateways]
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

    def lose_what_was_asked(self) -> None:
        """A connection does not outlive our sleep."""
        if self._asked_by_http is not None:
            number = self._asked_by_http[0]
            self._hang_up()
            self._io.receive_http(number, HttpFailure(FailureKind.BROKEN, "connection reset"), self.now)

    def _told(self, number: int, ask: Any, reply: Reply) -> None:
        if self.asleep or self._asked_by_http is None or self._asked_by_http[0] != number:
            return  # given up by the engine, or it comes to nobody
        self._hang_up()
        words = reply.reason.encode() if isinstance(reply, HttpFailure) else reply.body
        self._record("in", "http", ask.endpoint, words)
        self._io.receive_http(number, reply, self.now)

    def send_notice(self, notice: Notice) -> None:
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
            if self.asleep:
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
