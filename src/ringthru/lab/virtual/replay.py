"""Playing a transcript to an engine: the recorded gateway answers again, under a manual clock.

What the engine asks need not be what was asked then: ports, nonces and times may differ, and so may the
order. A request gets the answer of the most similar recorded one that has not been used; the last of its
kind answers for ever, as polls go on. A request that nobody recorded is counted and stays without answer.

Lives here: who gets which answer, and when. Never here: sockets, redaction, what the engine makes of it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable
from ipaddress import IPv4Network
from typing import Any, Final

from ...net.address import INTERNET, AddressRules, Endpoint
from ...net.surroundings import Surroundings
from ...net.values import frozen
from ...portmap.capture.recorder import concluded
from ...portmap.capture.transcript import Exchange, Kind, Outcome, Transcript
from ...portmap.engine.engine import Engine
from ...portmap.events import Event
from ...portmap.gateway.upnp_values import FailureKind, HttpFailure, Reply
from ...portmap.mapping.book import Released
from ...portmap.mapping.lease import Lease
from ...portmap.snapshots import MapperSnapshot
from ...portmap.values import GatewayListing, GatewayType, MappingState, Rung, Wanted
from ...portmap.wire.http import Response
from ..clock import ManualClock

PATIENCE: Final = 60.0  # seconds of the engine's time for each step
LINGER: Final = 1.5  # seconds that a look at the gateway's table is waited for, as when it was recorded
SOAP_ACTION: Final = re.compile(rb'(?im)^soapaction:\s*"?[^"\r\n]*#(\w+)')
ELEMENT: Final = re.compile(rb"<(New(?:ExternalPort|Protocol|PortMappingIndex|LeaseDuration))>([^<]*)<")
NONCE: Final = slice(24, 36)  # of PCP's MAP and PEER (RFC 6887 §11.1, §12.1)
PCP: Final = 2
WITH_NONCE: Final = frozenset((1, 2))  # PCP opcodes
MOST_STEPS: Final = 20_000  # more, and the engine spins


@frozen
class Replayed:
    """How it went: what the engine concluded this time, and the requests that the transcript did not know."""

    outcome: Outcome
    unknown: tuple[str, ...]
    events: tuple[Event, ...]


class Replay:
    """One transcript against one engine: the same steps that made it (detect, map, list, remove).

    ``make_engine`` is given surroundings and must make an ``Engine`` on them, which looks for the UPnP side
    of a gateway at once (``witness_after`` 0), as the one did that was recorded.
    """

    def __init__(self, transcript: Transcript, make_engine: Callable[[Surroundings], Engine]) -> None:
        self._transcript = transcript
        self._clock = ManualClock()
        place = transcript.place
        self._engine = make_engine(
            Surroundings(
                place.address, IPv4Network(place.network), place.gateway, _rules(transcript), place.multicast
            )
        )
        self._answers = _Answers(transcript.exchanges)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._unknown: list[str] = []
        self._events: list[Event] = []
        self._gone: list[Released] = []
        self._searched = False

    def run(self) -> Replayed:
        """Play it to its end."""
        transcript, engine = self._transcript, self._engine
        engine.start(self._clock.now)
        self._until(lambda: engine.verdict_known)
        if not engine.has_gateway:
            outcome = concluded(engine.snapshot(self._clock.now), None, None, False)
            return Replayed(outcome, tuple(self._unknown), tuple(self._events))
        wanted = Wanted(transcript.protocol, transcript.port, label=LABEL, lifetime=transcript.lifetime)
        lease = engine.want(wanted, self._clock.now)
        self._until(lambda: lease.state is not MappingState.REQUESTED)
        if lease.state is MappingState.ACCEPTED:
            self._until(lambda: lease.ladder.holds(Rung.LISTED) is not None, LINGER)
        listing = self._listing()
        snapshot = engine.snapshot(self._clock.now)
        removed = self._remove(lease)
        outcome = concluded(snapshot, _of(snapshot, wanted), listing, removed)
        return Replayed(outcome, tuple(self._unknown), tuple(self._events))

    def _listing(self) -> GatewayListing | None:
        """As the command does it: where the protocol has no list, the UPnP side is waited for."""
        self._until(self._can_list, LINGER)
        asked = self._engine.list_gateway(LISTED, self._clock.now)
        self._until(lambda: asked.result is not None)
        return asked.result

    def _can_list(self) -> bool:
        services = self._engine.snapshot(self._clock.now).services
        return not services or any(each.type is GatewayType.UPNP for each in services)

    def _remove(self, lease: Lease) -> bool:
        gone = self._gone = []
        if self._engine.release(lease, self._clock.now):
            self._until(lambda: bool(gone))
        return any(each.agreed for each in gone)

    def _until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Let time pass from one thing that happens to the next until the condition holds."""
        limit = self._clock.now + patience
        for _ in range(MOST_STEPS):
            self._carry()
            if condition():
                return
            times = [each[0] for each in self._due[:1]]
            if (timeout := self._engine.next_timeout()) is not None:
                times.append(timeout)
            if not times or min(times) > limit:
                return
            self._clock.advance_to(max(self._clock.now, min(times)))
            if self._due and self._due[0][0] <= self._clock.now:
                self._due.pop(0)[2]()
            else:
                self._engine.handle_timeout(self._clock.now)
        raise RuntimeError(f"{MOST_STEPS} steps without an end: the engine spins")

    def _carry(self) -> None:
        """Take what the engine wants to send, and plan the answers."""
        for event in self._engine.events():
            if isinstance(event, Released):
                self._gone.append(event)
            else:
                self._events.append(event)
        for datagram in self._engine.pmp_to_send():
            self._asked_5351(datagram)
        for datagram, to in self._engine.ssdp_to_send():
            self._searched_for(datagram, to)
        for request in self._engine.http_to_send():
            self._asked_http(request.number, request.ask.data)

    def _asked_5351(self, datagram: bytes) -> None:
        recorded = self._answers.take(_key_5351(datagram))
        if recorded is None:
            self._unknown.append(f"port 5351: {datagram.hex()}")
            return
        request, answers = recorded
        for each in answers:
            delay = each.at - request.at
            if each.kind is Kind.PMP_REFUSED:
                self._plan(delay, lambda: self._engine.pmp_refused(self._clock.now))
            else:
                data = _fitted(each.data, request.data, datagram)
                self._plan(delay, lambda data=data: self._engine.receive_pmp(data, self._clock.now))  # type: ignore[misc]

    def _searched_for(self, datagram: bytes, to: Endpoint) -> None:
        """The answers to all searches of a round came together: each comes once, as late as it came then."""
        if self._searched:
            return
        self._searched = True
        for delay, each in self._answers.search_answers():
            source = each.peer or Endpoint(self._transcript.place.gateway or to.host, to.port)
            self._plan(
                delay,
                lambda data=each.data, source=source: self._engine.receive_ssdp(
                    data, source, self._clock.now
                ),  # type: ignore[misc]
            )

    def _asked_http(self, number: int, data: bytes) -> None:
        recorded = self._answers.take(_key_http(data))
        if recorded is None or not recorded[1]:
            self._unknown.append(f"HTTP: {data.splitlines()[0].decode('latin-1')} {_action(data)}".rstrip())
            reply: Reply = HttpFailure(FailureKind.BROKEN, "the transcript has no answer to this")
            delay = 0.0
        else:
            request, (answer, *_) = recorded
            reply, delay = _reply(answer), answer.at - request.at
        self._plan(delay, lambda: self._engine.receive_http(number, reply, self._clock.now))

    def _plan(self, delay: float, action: Callable[[], None]) -> None:
        self._due.append((self._clock.now + max(0.0, delay), len(self._due), action))
        self._due.sort(key=lambda each: each[0])  # stable: what came first comes first


class _Answers:
    """The recorded requests with their answers, by what makes two requests alike."""

    def __init__(self, exchanges: tuple[Exchange, ...]) -> None:
        self._by_key: dict[Hashable, deque[tuple[Exchange, list[Exchange]]]] = {}
        self._searches: list[Exchange] = []
        self._search_answers: list[Exchange] = []
        by_number: dict[int, list[Exchange]] = {}
        in_flight: dict[int | None, list[Exchange]] = {}  # port 5351: the latest question of each version
        for each in exchanges:
            if each.kind is Kind.PMP_OUT:
                in_flight[each.data[0] if each.data else None] = in_flight[None] = self._add(
                    _key_5351(each.data), each
                )
            elif each.kind in (Kind.PMP_IN, Kind.PMP_REFUSED):
                in_flight.get(each.data[0] if each.data else None, in_flight.get(None, [])).append(each)
            elif each.kind is Kind.HTTP_OUT:
                by_number[each.number] = self._add(_key_http(each.data), each)
            elif each.kind is Kind.HTTP_IN:
                by_number.get(each.number, []).append(each)
            else:
                (self._searches if each.kind is Kind.SSDP_OUT else self._search_answers).append(each)

    def take(self, key: Hashable) -> tuple[Exchange, list[Exchange]] | None:
        """The next recorded request of this kind; the last one again and again."""
        recorded = self._by_key.get(key)
        if not recorded:
            return None
        return recorded.popleft() if len(recorded) > 1 else recorded[0]

    def search_answers(self) -> list[tuple[float, Exchange]]:
        began = self._searches[0].at if self._searches else 0.0
        return [(each.at - began, each) for each in self._search_answers]

    def _add(self, key: Hashable, request: Exchange) -> list[Exchange]:
        answers: list[Exchange] = []
        self._by_key.setdefault(key, deque()).append((request, answers))
        return answers


LABEL: Final = "Ringthru capture"
LISTED: Final = 64  # entries of the gateway's table read in a capture


def _rules(transcript: Transcript) -> AddressRules:
    """Redaction put documentation addresses where public ones were."""
    return AddressRules((*INTERNET.also_public, IPv4Network("203.0.113.0/24")))


def _of(snapshot: MapperSnapshot, wanted: Wanted) -> Any:
    same = (wanted.protocol, wanted.internal_port)
    return next((m for m in snapshot.mappings if (m.protocol, m.internal_port) == same), None)


def _key_5351(datagram: bytes) -> Hashable:
    """Version, opcode, protocol, and whether it is a deletion; no ports, no nonce."""
    if len(datagram) >= 24 and datagram[0] == PCP:
        protocol = datagram[36:37] if datagram[1] in WITH_NONCE else b""
        return ("pcp", datagram[1], protocol, datagram[4:8] == bytes(4))
    return ("pmp", datagram[:2], datagram[8:12] == bytes(4))


def _key_http(data: bytes) -> Hashable:
    """Method and path, or the action and the arguments that tell apart its purposes."""
    action = _action(data)
    if not action:
        return tuple(data.split(b" ", 2)[:2])
    arguments = dict(ELEMENT.findall(data))
    permanent = arguments.get(b"NewLeaseDuration") == b"0"
    place = arguments.get(b"NewPortMappingIndex", arguments.get(b"NewProtocol", b""))
    return (action, place, permanent)


def _action(data: bytes) -> str:
    found = SOAP_ACTION.search(data)
    return found[1].decode() if found else ""


def _fitted(answer: bytes, asked_then: bytes, asked_now: bytes) -> bytes:
    """The recorded answer with the nonce and internal port of this request, where it echoed those of that."""
    if answer[:1] == bytes((PCP,)) and len(answer) >= 60 and asked_now[:1] == answer[:1]:
        fitted = bytearray(answer)
        for field in (NONCE, slice(40, 42), slice(42, 44)):
            if answer[field] == asked_then[field]:
                fitted[field] = asked_now[field]
        return bytes(fitted)
    if answer[:1] == b"\0" and len(answer) >= 16 and len(asked_now) >= 12 and len(asked_then) >= 12:
        fitted = bytearray(answer)
        for there, here in ((slice(8, 10), slice(4, 6)), (slice(10, 12), slice(6, 8))):
            if answer[there] == asked_then[here]:
                fitted[there] = asked_now[here]
        return bytes(fitted)
    return answer


def _reply(answer: Exchange) -> Reply:
    if answer.failure:
        return HttpFailure(FailureKind(answer.failure), answer.words)
    return Response(answer.status, answer.data, answer.server)
