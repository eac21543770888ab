"""What is on its way in the virtual world: happenings in the order of their time, datagrams among them.

Lives here: delay, loss, reordering and duplication, all from one seed. Never here: what arrives.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from ...net.values import frozen
from ..clock import ManualClock


@frozen
class Wire:
    """How datagrams travel; probabilities are 0 to 1, times are seconds, for each direction anew.

    TCP has the delay only: what is lost there is sent again by the system.
    """

    delay: float = 0.001
    jitter: float = 0.0  # up to so much more: datagrams overtake each other
    loss: float = 0.0
    duplication: float = 0.0


class Schedule:
    """Happenings to come; those of one instant happen in the order they were planned."""

    def __init__(self, clock: ManualClock, wire: Wire, seed: int) -> None:
        self.wire = wire
        self._clock = clock
        self._random = Random(seed)
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def happen(self) -> None:
        """Let everything that is due now happen."""
        while self._due and self._due[0][0] <= self._clock.now:
            heappop(self._due)[2]()

    def later(self, seconds: float, happening: Callable[[], object]) -> None:
        heappush(self._due, (self._clock.now + seconds, next(self._numbers), happening))

    def delay(self) -> float:
        """Seconds one way."""
        return self.wire.delay + self.wire.jitter * self._random.random()

    def travel(self, arrive: Callable[[], None], later: float = 0.0) -> None:
        """One datagram, sent ``later`` seconds from now; lost or doubled as the wire has it."""
        if self.wire.loss and self._random.random() < self.wire.loss:
            return
        self.later(later + self.delay(), arrive)
        if self.wire.duplication and self._random.random() < self.wire.duplication:
            self.later(later + self.delay(), arrive)
