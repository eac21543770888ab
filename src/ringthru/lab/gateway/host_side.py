"""What stands between a gateway and its client at the client's end: rows TO03, TO04 and TO06.

Lives here: what never arrives, what the client's firewall lets in, and when the client's machine sleeps.
Never here: sockets, a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from .replies import Reply

SSDP_GROUP: Final = "239.255.255.250"
GROUPS: Final = frozenset({SSDP_GROUP, "224.0.0.1", "ff02::c", "ff02::1"})
STATE: Final = 30.0  # seconds a firewall remembers what was sent (Linux: nf_conntrack_udp_timeout)
MOST_STATES: Final = 256  # remembered; the oldest goes
FIRST_NAP: Final = 240.0  # seconds until the machine sleeps for the first time
NAP: Final = 3600.0  # seconds it sleeps
AWAKE: Final = 3600.0  # seconds until it sleeps again


class Firewall:
    """TO04: an answer gets in where something was sent to its very address and port from there before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[tuple[Endpoint, str], float] = {}

    def sees(self, source: Endpoint, to: str) -> None:
        """The client sent a search from ``source`` to a host or a group."""
        self._sent.pop((source, to), None)
        if len(self._sent) >= MOST_STATES:
            self._sent.pop(next(iter(self._sent)))
        self._sent[source, to] = self._clock()

    def let_in(self, answers: list[Reply], client: Endpoint, here: str) -> list[Reply]:
        """Those answers to ``client`` that pass; ``here`` is the host that answers, where none is named."""
        return [each for each in answers if self._passes(each, client, here)]

    def _passes(self, answer: Reply, client: Endpoint, here: str) -> bool:
        sent_at = self._sent.get((client, answer.source_host or here))
        return answer.source_port is None and sent_at is not None and self._clock() - sent_at <= STATE


class Naps:
    """TO06: when the machine sleeps. Ask ``next_at`` again and again; tell when it ``slept``."""

    def __init__(self) -> None:
        self._next_at: float | None = None

    def next_at(self, now: float, sleeps: bool) -> float | None:
        """When it falls asleep; ``sleeps`` False: it stays awake."""
        if not sleeps:
            self._next_at = None
        elif self._next_at is None:
            self._next_at = now + FIRST_NAP
        return self._next_at

    def slept(self, now: float) -> None:
        """It has woken up."""
        self._next_at = now + AWAKE


class LeapingClock:
    """TO06 where the client's machine cannot be put to sleep: the gateway's clock leaps an hour ahead.

    Leases run out and the epoch jumps, as a client finds them that has slept.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.leaps: Callable[[], bool] = lambda: False
        self._clock = clock
        self._ahead = 0.0  # seconds
        self._naps = Naps()

    def read(self) -> float:
        now = self._clock()
        due = self._naps.next_at(now, self.leaps())
        if due is not None and now >= due:
            self._ahead += NAP
            self._naps.slept(now)
        return now + self._ahead
