"""The outside echo, as the host on the Internet plays it: whom it answers, and at which port it knocks.

An echo host must be of no use to an attacker. It keeps nothing of an asker that has not shown, by bringing
back a cookie, that it is where its datagrams say; until then it sends one datagram of the same size for
each it gets. It knocks at the asker's own address alone, once for each token, and not often.

Lives here: cookies, limits, what is answered. Never here: sockets, clocks, sending the probe.
"""

from __future__ import annotations

import hmac
from collections import Counter
from hashlib import sha256
from ipaddress import IPv4Address
from struct import pack
from typing import Final

from ...net.address import Endpoint, parse_address
from ...net.values import frozen, record
from ..errors import MalformedMessage
from ..values import Protocol
from ..wire.echo import COOKIE_SIZE, NUMBERS, Kind, Message, Outcome, decode

SLOT: Final = 30.0  # seconds; a cookie is good in its own slot and the next
COOKIE_LIFE: Final = 2 * SLOT
CHALLENGES_A_SECOND: Final = 500.0  # to everybody; beyond that nobody is answered
PROBES_A_SECOND: Final = 50.0  # to everybody
PROBES_A_SECOND_EACH: Final = 1 / 3  # to one address, or one IPv6 /64
PROBES_AT_ONCE_EACH: Final = 20.0
MOST_SOURCES: Final = 4096
MOST_TOKENS: Final = 4096  # more than PROBES_A_SECOND × COOKIE_LIFE: no cookie outlives the memory of its use


@frozen
class ProbeOrder:
    """Knock at ``to`` from a fresh socket, with ``datagram``; tell ``EchoHost.done`` what came of it."""

    protocol: Protocol
    to: Endpoint
    datagram: bytes
    asker: Endpoint
    asked: Message


@record
class _Bucket:
    """So many at once, and so many a second in the long run."""

    capacity: float
    rate: float  # per second
    level: float
    filled_at: float

    def take(self, now: float) -> bool:
        self.level = min(self.capacity, self.level + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True


@record
class _Used:
    """A token that was knocked with: what came of it, None while nobody knows."""

    at: float
    outcome: Outcome | None = None


class EchoHost:
    """The host, driven from outside; it has no timers. ``secret`` (32 random bytes) makes its cookies."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._challenges = _Bucket(CHALLENGES_A_SECOND, CHALLENGES_A_SECOND, CHALLENGES_A_SECOND, 0.0)
        self._probes = _Bucket(PROBES_A_SECOND, PROBES_A_SECOND, PROBES_A_SECOND, 0.0)
        self._sources: dict[bytes, _Bucket] = {}  # the latest used last
        self._used: dict[bytes, _Used] = {}  # by cookie: it names the asker and the token; oldest first
        self._to_send: list[tuple[bytes, Endpoint]] = []
        self._orders: list[ProbeOrder] = []
        self._counters: Counter[str] = Counter()

    def receive_datagram(self, data: bytes, source: Endpoint, now: float) -> None:
        """Take a datagram of anybody; what is no question is counted and not answered."""
        try:
            message = decode(data)
        except MalformedMessage:
            self._counters["malformed"] += 1
            return
        if message.kind is Kind.HELLO:
            self._challenge(message, source, now)
        elif message.kind is Kind.PROVE:
            self._prove(message, source, now)
        else:
            self._counters["malformed"] += (
                1  # a host's words, sent to a host: never answered, or two would talk
            )

    def done(self, order: ProbeOrder, outcome: Outcome, now: float) -> None:
        """What came of a probe."""
        used = self._used.get(order.asked.cookie)
        if used is not None:
            used.outcome = outcome
        self._counters[outcome.name.lower()] += 1
        self._report(order.asked, order.asker, outcome)

    def datagrams_to_send(self) -> list[tuple[bytes, Endpoint]]:
        datagrams, self._to_send = self._to_send, []
        return datagrams

    def probes(self) -> list[ProbeOrder]:
        """What to knock at, now."""
        orders, self._orders = self._orders, []
        return orders

    def counters(self) -> dict[str, int]:
        """By name: malformed, challenged, dropped, forged, repeated, limited, and each outcome."""
        return dict(self._counters)

    def _challenge(self, message: Message, source: Endpoint, now: float) -> None:
        if not self._challenges.take(now):
            self._counters["dropped"] += 1
            return
        self._counters["challenged"] += 1
        cookie = self._cookie(message, source, int(now // SLOT))
        self._answer(message, source, Kind.CHALLENGE, cookie)

    def _prove(self, message: Message, source: Endpoint, now: float) -> None:
        slot = int(now // SLOT)
        if not any(
            hmac.compare_digest(message.cookie, self._cookie(message, source, s)) for s in (slot, slot - 1)
        ):
            self._counters["forged"] += 1  # or too old; the asker begins again by itself
            return
        used = self._used.get(message.cookie)
        if used is not None:
            self._counters["repeated"] += 1
            if used.outcome is not None:
                self._report(message, source, used.outcome)
        elif self._source(source, now).take(now) and self._probes.take(now):
            self._order(message, source, now)
        else:
            self._counters["limited"] += 1
            self._report(message, source, Outcome.LIMITED)

    def _order(self, message: Message, source: Endpoint, now: float) -> None:
        self._forget_tokens(now)
        self._used[message.cookie] = _Used(now)
        knock = Message(Kind.PROBE, message.protocol, message.port, message.token).encode()
        self._orders.append(
            ProbeOrder(message.protocol, Endpoint(source.host, message.port), knock, source, message)
        )

    def _forget_tokens(self, now: float) -> None:
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest].at > now - COOKIE_LIFE and len(self._used) < MOST_TOKENS:
                return
            del self._used[oldest]

    def _source(self, source: Endpoint, now: float) -> _Bucket:
        """The allowance of an address; the one that asked longest ago makes room for a new one."""
        packed = _packed(source.host)
        key = packed if len(packed) == 4 else packed[:8]  # an IPv6 host has a whole /64 to itself
        bucket = self._sources.pop(key, None)
        if bucket is None:
            bucket = _Bucket(PROBES_AT_ONCE_EACH, PROBES_A_SECOND_EACH, PROBES_AT_ONCE_EACH, now)
            if len(self._sources) >= MOST_SOURCES:
                del self._sources[next(iter(self._sources))]
        self._sources[key] = bucket
        return bucket

    def _report(self, message: Message, asker: Endpoint, outcome: Outcome) -> None:
        self._answer(message, asker, Kind.REPORT, message.cookie, outcome)

    def _answer(
        self, message: Message, to: Endpoint, kind: Kind, cookie: bytes, outcome: Outcome = Outcome.NONE
    ) -> None:
        answer = Message(kind, message.protocol, message.port, message.token, cookie, to.host, outcome)
        self._to_send.append((answer.encode(), to))

    def _cookie(self, message: Message, source: Endpoint, slot: int) -> bytes:
        """Good for one asker, one question and one time; nothing need be remembered to know it again."""
        about = pack("!QHHB", slot, source.port, message.port, NUMBERS[message.protocol])
        said = about + message.token + _packed(source.host)
        return hmac.digest(self._secret, said, sha256)[:COOKIE_SIZE]


def _packed(host: str) -> bytes:
    address = parse_address(host.partition("%")[0])
    return (address or IPv4Address(0)).packed
