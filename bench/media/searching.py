"""The search for what a relay sustains, step by step.

*Sustained* is the highest rate at which at most 0.1 % of the packets are lost **and** nine of ten are delayed
by 5 ms at most. Loss alone is a trap: a socket buffer for each leg hides a queue of seconds. What fails is
tried twice more, for a neighbour on the same machine may have taken the core.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ringthru.net.values import frozen

from .relays import LONGEST, Relay, load

LOSS, LATE = 0.001, 5_000  # a share, and microseconds
PER_LEG = 50  # packets a second
LOWEST, MOST = 5_000, 400_000  # packets a second
COARSE, FINE = 1.5, 1.08  # from step to step
TRIES = 3
CALM, FULL = 20_000, 100_000  # packets a second of 200 and of 1,000 bridged calls


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

    sustained: float  # packets a second
    calm: Step
    full: Step
    steps: tuple[Step, ...]
    leg: float  # KiB
    set_up: float  # microseconds for a call


def search(generator: Path, relay: AbstractContextManager[Relay]) -> Found:
    """Coarse steps up from 200 bridged calls, then fine ones from the last good."""
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
        return Found(climb(step), calm, full, tuple(steps), there.leg / 1024, there.set_up)


def climb(step: Callable[[float], Step]) -> float:
    good, rate = 0.0, float(CALM)
    while rate < MOST and holds(step, rate):
        good, rate = rate, rate * COARSE
    rate = (good or LOWEST) * FINE
    while rate < MOST and holds(step, rate):
        good, rate = rate, rate * FINE
    return good


def holds(step: Callable[[float], Step], rate: float) -> bool:
    return any(step(rate).sustained for _ in range(TRIES))
