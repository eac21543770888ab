"""What must be true of every engine on every gateway, however odd: the judge of the virtual world.

Lives here: the five questions, and reading just enough of a request to ask them.
Never here: moving time, or anything an engine could learn from.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ...portmap.snapshots import MappingSnapshot
from ...portmap.values import Family, MappingState, Rung
from ..gateway.mapping_table import Entry
from .gateway import VirtualGateway
from .pinholes import Hole

MOST_RECORDED: Final = 200_000  # exchanges; a bug that sends for ever must not fill the memory
LAST_SECOND: Final = 1.0  # all the time that what may not be closed is given (P603)
SHORTENED: Final = (b"<NewLeaseTime>1</", b"<LeaseTime>1</")  # to that second
IN_FLIGHT: Final = 10.0  # seconds: the longest an answer takes, by which a lease may end before it is told
PERSISTENT: Final = 3  # attempts at a deletion; who tries less has not tried
DELETE_NATPMP: Final = bytes(4)  # where the lifetime is (RFC 6886 §3.4)


@frozen
class Exchange:
    """One thing that crossed the virtual wire; ``way`` is "out" (the engine sent it) or "in"."""

    at: float  # seconds of the world's clock
    way: str
    kind: str  # "pmp", "ssdp", "http", "notice" or "event"
    peer: Endpoint
    data: bytes

    def __str__(self) -> str:
        return f"{self.at:.6f} {self.way} {self.kind} {self.peer} {self.data!r}"


@frozen
class Pace:
    """The most an engine may ask of one gateway; searches by SSDP count like any other request."""

    in_a_second: int = 80  # while nothing like 80 mappings is wanted: each takes one request or two
    in_an_hour: int = 2000
    http_in_flight: int = 1


USUAL: Final = Pace()


class Records:
    """What crossed the wire, and what the judge noticed while it did."""

    def __init__(self) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=MOST_RECORDED)
        self.blamed: list[str] = []  # deletions of what belongs to others
        self.most_http_in_flight = 0
        self.failed_deletions = 0  # refused, or never answered
        self.unheard: Counter[bytes] = Counter()  # deletions that never arrived, and how often they were sent
        self.deleted_at: dict[bytes, float] = {}  # by ``subject``: when the deletion that arrived was sent
        self.overtaken = False  # a request arrived after the deletion that was sent after it

    @property
    def deletions_failed(self) -> bool:
        """Whether an engine that did its part may leave something: it was refused, or the wire failed it."""
        unheard = any(sent >= PERSISTENT for sent in self.unheard.values())
        return self.failed_deletions > 0 or unheard or self.overtaken

    def arrived(self, data: bytes, sent_at: float) -> None:
        """A datagram came to port 5351 of a gateway."""
        if is_deletion(data):
            self.unheard.pop(data, None)
            self.deleted_at[subject(data)] = sent_at
        elif sent_at < self.deleted_at.get(subject(data), 0.0):
            self.overtaken = True

    def requests(self, kind: str = "") -> list[Exchange]:
        """What the engine sent; of one kind if it is named."""
        return [each for each in self.exchanges if each.way == "out" and kind in ("", each.kind)]

    def most_within(self, seconds: float) -> int:
        """The most requests in any stretch of time of that length."""
        times = [each.at for each in self.requests()]
        first = most = 0
        for last, at in enumerate(times):
            while at - times[first] > seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def transcript(self) -> tuple[str, ...]:
        """Everything, as text: equal transcripts are equal runs."""
        return tuple(str(each) for each in self.exchanges)


def is_deletion(data: bytes) -> bool:
    """Whether a request asks to take a mapping away, in any of the protocols."""
    if data[:1] == b"\0" and len(data) == 12:
        return data[8:12] == DELETE_NATPMP
    if data[:2] == b"\x02\x01" and len(data) >= 60:
        return data[4:8] == bytes(4)
    return b"#DeletePortMapping" in data or b"#DeletePinhole" in data


def subject(data: bytes) -> bytes:
    """Which mapping a request on port 5351 is about: PCP's nonce tells, NAT-PMP's protocol and port."""
    return data[24:36] if data[:1] == b"\x02" else data[:2] + data[4:6]


def is_shortening(data: bytes) -> bool:
    """Whether a request leaves a pinhole its last second, which is as good as closing it."""
    return b"Pinhole" in data and any(each in data for each in SHORTENED)


def false_claims(
    mappings: Iterable[MappingSnapshot], gateway: VirtualGateway, host: str, now: float, grace: float
) -> list[str]:
    """(a) Mappings and pinholes that claim more than the gateway has, for longer than ``grace`` seconds."""
    wrong = []
    for each in mappings:
        if each.family is Family.IPV6:
            wrong.append(_false_pinhole(each, gateway, host, now, grace))
        elif each.rung in (Rung.LISTED, Rung.REACHABLE):
            wrong.append(_lie(each, gateway, host, now, grace))
    return [words for words in wrong if words]


def _lie(claim: MappingSnapshot, gateway: VirtualGateway, host: str, now: float, grace: float) -> str:
    if claim.external_port is None:
        return ""
    name, port = claim.protocol.value, claim.external_port
    internal = Endpoint(claim.internal_client or host, claim.internal_port)
    entry = gateway.entry(name, port)
    held = entry is not None and entry.internal == internal
    if held and (claim.rung is not Rung.REACHABLE or gateway.reached_at(name, port) == internal):
        return ""
    closed = max((at for key, at in gateway.closed_at.items() if key == (name, port)), default=None)
    if closed is not None and now - closed < grace:
        return ""  # it was there, and nobody can know yet that it is gone
    return f"{name} {port} is claimed to be {claim.rung.value}; the gateway has {entry}"


def _false_pinhole(
    claim: MappingSnapshot, gateway: VirtualGateway, host: str, now: float, grace: float
) -> str:
    """No firewall says yes and does nothing, so that even "accepted" must be true, or have been."""
    if claim.state is not MappingState.ACCEPTED:
        return ""
    name, internal = claim.protocol.value, Endpoint(claim.internal_client or host, claim.internal_port)
    hole = Hole(name, internal)
    words = f"pinhole {name} {internal} is claimed to be {claim.rung.value}; the gateway has"
    if claim.external_port != internal.port or claim.external_address not in (None, internal.host):
        return f"pinhole {name} {internal} is shown at {claim.external_address} {claim.external_port}"
    closed = gateway.pinholes.closed_at.get(hole)
    if hole not in gateway.pinholes.open():
        if closed is None:
            return f"{words} never had it"
        if hole in gateway.pinholes.ran_out:
            return f"{words} let it run out" if now - closed > IN_FLIGHT else ""
    elif claim.rung is not Rung.REACHABLE or gateway.lets_in(name, internal):
        return ""
    proven = claim.rung in (Rung.LISTED, Rung.REACHABLE)
    excused = closed is not None and now - closed < grace  # nobody can know yet
    return f"{words} it no more, or lets nothing through" if proven and not excused else ""


def left_behind(gateway: VirtualGateway, host: str, now: float) -> list[Entry | Hole]:
    """(c) Mappings that lead to ``host``, and pinholes with more than their last second to live."""
    entries = [entry for entry in gateway.entries() if entry.internal.host == host]
    holes = [
        hole
        for hole, ends_at in gateway.pinholes.open().items()
        if hole.internal.host == host and ends_at - now > LAST_SECOND
    ]
    return [*entries, *holes]


def misplaced(gateway: VirtualGateway, host: str, believed: str | None, now: float) -> list[str]:
    """(e) Trust in a gateway that is none of ours: a second one, a container bridge, a hostile host."""
    name = f"{gateway.address} ({gateway.row}), which is not our gateway"
    words = [f"mapped on {name}: {entry}" for entry in left_behind(gateway, host, now)]
    if believed and believed == gateway.core.reported_address():
        words.append(f"external address {believed} is that of {name}")
    return words


def pace_broken(records: Records, pace: Pace) -> list[str]:
    """(d) More at once, or faster, than a gateway should have to bear."""
    words = []
    if records.most_http_in_flight > pace.http_in_flight:
        words.append(f"{records.most_http_in_flight} HTTP requests in flight at one gateway")
    for seconds, most in ((1.0, pace.in_a_second), (3600.0, pace.in_an_hour)):
        found = records.most_within(seconds)
        if found > most:
            words.append(f"{found} requests within {seconds:g} s; {most} are allowed")
    return words


def foreign_taken(before: Sequence[object], gateway: VirtualGateway, request: bytes) -> list[str]:
    """(b) What of others' a deletion took away; what was ``before`` missing is not blamed on it."""
    gone = [key for key in gateway.missing_foreign() if key not in before]
    return [f"{key} of another host was deleted by {request!r}" for key in gone]
