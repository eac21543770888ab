"""The search for what a relay sustains, step by step.

*Sustained* is the highest rate at which at most 0.1 % of the packets are lost **and** nine of ten are delayed
by 5 ms at most. Loss alone is a trap: a socket buffer for each leg hides a queue of seconds. What fails is
tried twice more, for a neighbour on the same machine may have taken the core.

The rates are rungs of one ladder, 8 % apart, the same for all relays and all turns. From a rung that holds
the search goes up by half as much again, until one fails, and then halves what is between: a dozen steps of a
second. A relay that is 1 % beyond what it bears has a queue of 10 ms after that second: no longer step
is needed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ringthru.net.values import frozen

from .relays import LONGEST, Relay, load

LOSS, LATE = 0.001, 5_000  # a share, and microseconds
PER_LEG = 50  # packets a second
CALM, FULL = 20_000, 100_000  # packets a second of 200 and of 1,000 bridged calls
LOWEST, MOST = 5_000, 400_000  # packets a second
FINE = 1.08  # from rung to rung
STRIDE = 5  # rungs at once while nothing has failed: half as much again
TRIES = 3
RUNGS = tuple(CALM * FINE**number for number in range(-18, 39))
assert LOWEST <= RUNGS[0] < RUNGS[-1] <= MOST


@frozen
class Step:
    """What became of one rate. Delays are in microseconds."""

    rate: float  # packets a second, asked for
    sent: int
    received: int
    p50: int
    p90: int
    p99: int
    largest: int
    busy: float  # cores

    @property
    def loss(self) -> float:
        return 1 - self.received / self.sent if self.sent else 1.0

    @property
    def sustained(self) -> bool:
        return self.loss <= LOSS and self.p90 <= LATE and self.sent >= 0.98 * self.rate * LONGEST


@frozen
class Found:
    """What one relay did in one turn."""

    sustained: float  # packets a second; 0: not even the lowest rung
    calm: Step
    full: Step
    steps: tuple[Step, ...]
    leg: float  # KiB
    set_up: float  # microseconds for a call


def search(generator: Path, relay: AbstractContextManager[Relay], guess: float = 0.0) -> Found:
    """What one relay sustains. ``guess``: packets a second to begin at, from the turn before."""
    steps: list[Step] = []
    with relay as there, load(generator) as send:

        def step(rate: float) -> Step:
            before = there.used()
            # A leg sends 50 packets a second, as a phone does; a bridge's two legs are next to one another.
            legs = there.ports[: max(int(rate / PER_LEG) // 2 * 2, 2)]
            values = send(rate, legs)
            steps.append(Step(rate, *values, (there.used() - before) / LONGEST))
            return steps[-1]

        # Each leg hears its peer once; before that the other leg of its bridge is not sent to.
        send(CALM, there.ports)
        calm, full = step(CALM), step(FULL)
        found = climb(step, guess or (FULL if full.sustained else CALM))
        return Found(found, calm, full, tuple(steps), there.leg / 1024, there.set_up)


def climb(step: Callable[[float], Step], begin: float = CALM) -> float:
    """The rate of the highest rung that holds, where the ones above do not; begun at or below ``begin``."""
    good, bad = -1, len(RUNGS)
    rung = max((number for number, rate in enumerate(RUNGS) if rate <= begin), default=0)
    while bad - good > 1:
        if holds(step, RUNGS[rung]):
            good = rung
        else:
            bad = rung
        rung = min(max(good, 0) + STRIDE, (good + bad) // 2) if good >= 0 else bad // 2
    return RUNGS[good] if good >= 0 else 0.0


def holds(step: Callable[[float], Step], rate: float) -> bool:
    return any(step(rate).sustained for _ in range(TRIES))
