"""``python -m bench media``: what each media engine carries on one core, and what a call costs.

The engine has one processor to itself, the generator the other. All is measured in one run, shuffled, several
times; medians, and ratios to what was measured in the same run:

- ``selfone``: 1,000 pairs of sockets, one datagram at a time, sendto and recv on one core. Its sockets fit
  into the core's own cache, which those of thousands of legs do not; so there is the same with 4,000 pairs.
- the barest relay, in C and in Python: epoll, recvfrom and sendto for each leg, and no thought at all.
- rtpengine in user space with one thread, where it is installed (``make bench`` installs it as root).

What SRTP adds to a packet is measured without sockets (``srtp``).

With ``--report DIR`` the added delay and the processor's time over the number of calls are drawn there, anew
after each search. A turn takes three minutes; whoever breaks it off (Ctrl-C, SIGTERM) gets what was measured
by then.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from ringthru.net.values import frozen

from ..report import Row, progress, run
from . import relays, srtp
from .plot import Curve, write_report
from .relays import Relay, build, limit
from .searching import CALM, FULL, MOST, PER_LEG, Found, Step, search

TITLES = {"P10": "P10  packets a second on one core, 172 octets, sustained; delay added; what a call costs"}
LEGS = 8000  # of what is fast; they bear MOST packets a second
FEWER = 3000  # of what is slow, or takes long to set up
SIP_RATE = 500.0  # messages a second beside 200 calls
PAIRS = 1000
TURNS = 3  # at most: nine minutes
BELOW = 1.25  # by how much less than what it did in the last turn a relay is tried with first
Start = Callable[[Path], AbstractContextManager[Relay]]


@frozen
class Measured:
    """One relay in one way: an echo is one leg and 50 packets a second, a bridged call two and 100."""

    name: str
    how: str
    start: Start
    of_limit: float | None = None  # goal: least share of selfone
    leg: float | None = None  # goal: most KiB of a call
    set_up: float | None = None  # goal: most microseconds
    calls: float | None = None  # goal: least
    floor: str = "barest relay, echo"  # whose title it is compared with

    @property
    def title(self) -> str:
        return f"{self.name}, {self.how}"

    @property
    def per_call(self) -> int:
        return PER_LEG * (2 if self.how == "bridge" else 1)


def ours(name: str, how: str, legs: int, sip: float = 0.0) -> Start:
    return lambda generator: relays.engine(name, legs, how, sip)


BARE = Measured("barest relay", "echo", lambda generator: relays.bare(generator, "relay", legs=LEGS))
BARE_PYTHON = Measured(
    "barest relay in Python",
    "echo",
    lambda _: relays.bare(sys.executable, "-m", "bench.media.bare", legs=FEWER),
)
FLOORS = (BARE, BARE_PYTHON)
C = Measured("engine in C", "bridge", ours("c", "bridge", LEGS), 0.70, 20.0, 50.0, 1500)
ECHO = Measured("engine in C", "echo", ours("c", "echo", LEGS), 0.70, 20.0, 50.0, 2600)
TWIN = Measured(
    "engine in Python", "bridge", ours("python", "bridge", FEWER), 0.40, calls=400, floor=BARE_PYTHON.title
)
ASYNCIO = Measured("asyncio alone", "bridge", ours("asyncio", "bridge", FEWER), floor=BARE_PYTHON.title)
THEIRS = Measured("rtpengine", "bridge", lambda generator: relays.rtpengine(FEWER))


def measure(only: str | None, runs: int, as_data: bool, report: Path | None = None) -> int:
    """Print every row; returns the number of goals that were missed."""
    works: dict[str, Callable[[], list[Row]]] = {"P10": lambda: rows(min(runs, TURNS), report)}
    return run(works, TITLES, only, as_data)


class Campaign:
    """Everything so many times, in another order each time; and what came of it so far."""

    def __init__(self, todo: Sequence[Measured], turns: int) -> None:
        self.todo, self.turns, self.done = todo, turns, 0  # turns that are over
        self.found: dict[str, list[Found]] = {each.title: [] for each in todo}
        self.limits: dict[int, list[float]] = {PAIRS: [], LEGS // 2: []}
        self.beside: list[Step] = []

    def turn(self, generator: Path, tell: Callable[[str], None], keep: Callable[[], None]) -> None:
        """Every relay once; ``tell`` is told what comes next, ``keep`` is called when something is found."""
        for each in random.sample(self.todo, len(self.todo)):
            tell(each.title)
            for pairs, values in self.limits.items():
                values.append(limit(generator, pairs))
            before = self.found[each.title]
            guess = before[-1].sustained / BELOW if before else 0.0
            before.append(search(generator, each.start(generator), guess))
            keep()
        tell(f"engine in C with {SIP_RATE:.0f} SIP messages a second")
        self.beside.append(with_sip(generator))
        self.done += 1
        keep()

    def rows(self) -> list[Row]:
        """Medians of what there is; nothing of what was never measured."""
        there = [each for each in self.todo if self.found[each.title]]
        shown = [row for each in there for row in relay_rows(each, self.found, self.limits)]
        limits = limit_rows(self.limits) if there else ()
        return [*limits, *shown, *ratio_rows(self.found), *(sip_rows(self.beside) if self.beside else ())]

    def write(self, report: Path | None, more: Sequence[Row]) -> None:
        if report is None:
            return
        curves = [curve(each, self.found[each.title]) for each in self.todo]
        write_report(report, curves, [*self.rows(), *more], f"{self.done} of {self.turns} turns.")


def rows(turns: int, report: Path | None) -> list[Row]:
    """All rows; of what was measured until then, where somebody breaks it off."""
    there = relays.is_there()
    if not there:
        progress("rtpengine is not installed, and not measured (make bench installs it, as root)")
    campaign = Campaign([*FLOORS, C, ECHO, TWIN, ASYNCIO, *([THEIRS] if there else [])], turns)
    ahead = Ahead(turns * (len(campaign.todo) + 1) + 1)
    more: list[Row] = []
    try:
        with stopped_politely(), TemporaryDirectory() as folder:
            generator = build(Path(folder))
            ahead.tell("SRTP without sockets")
            more += srtp.rows()
            for _ in range(turns):
                campaign.turn(generator, ahead.tell, lambda: campaign.write(report, more))
    except KeyboardInterrupt:
        progress(
            f"broken off in turn {campaign.done + 1} of {turns}: what follows is of what was measured by then"
        )
    return [*campaign.rows(), *more]


class Ahead:
    """Says what is being measured, and how long the rest will take if it goes on like this."""

    def __init__(self, parts: int) -> None:
        self._parts, self._begun, self._since = parts, 0, time.monotonic()

    def tell(self, what: str) -> None:
        passed = time.monotonic() - self._since
        rest = passed / self._begun * (self._parts - self._begun) if self._begun > 1 else None
        left = "" if rest is None else f", about {rest / 60:.0f} min to go"
        self._begun += 1
        progress(f"{self._begun} of {self._parts}: {what}; {passed / 60:.1f} min so far{left}")


@contextmanager
def stopped_politely() -> Iterator[None]:
    """SIGTERM is as Ctrl-C here, so that ``timeout`` loses nothing."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def with_sip(generator: Path) -> Step:
    """200 bridged calls, while the engine's process has SIP to do on the same core."""
    legs = CALM // PER_LEG
    with relays.engine("c", legs, "bridge", SIP_RATE) as there, relays.load(generator) as send:
        send(CALM, there.ports)
        before = there.used()
        return Step(CALM, *send(CALM, there.ports), (there.used() - before) / relays.LONGEST)


def limit_rows(limits: dict[int, list[float]]) -> Iterator[Row]:
    for pairs, values in limits.items():
        yield Row("P10", f"selfone with {pairs} pairs {spread(values)}", median(values), "packets/s")


def relay_rows(
    each: Measured, all_found: dict[str, list[Found]], limits: dict[int, list[float]]
) -> Iterator[Row]:
    found, title = all_found[each.title], each.title
    values = [one.sustained for one in found]
    sustained, selfone, as_many = median(values), *(median(limits[pairs]) for pairs in limits)
    kind = "calls" if each.how == "bridge" else "echo calls"
    yield Row("P10", f"{title}: sustained {spread(values)}", sustained, "packets/s")
    yield Row("P10", f"{title}: concurrently", sustained / each.per_call, kind, least=each.calls)
    yield Row("P10", f"{title}: ÷ selfone", sustained / selfone, "", least=each.of_limit, peer="selfone")
    yield Row("P10", f"{title}: ÷ selfone with as many sockets", sustained / as_many, "")
    if each not in FLOORS and all_found[each.floor]:
        bare = median(one.sustained for one in all_found[each.floor])
        yield Row("P10", f"{title}: ÷ {each.floor}", sustained / bare if bare else 0.0, "")
    for what in ("p50", "p99"):
        yield Row("P10", f"{title}: {what} at {CALM}/s", median(getattr(e.calm, what) for e in found), "µs")
    yield Row("P10", f"{title}: processor at {FULL}/s", median(e.full.busy for e in found), "cores")
    if each not in FLOORS:
        legs = each.per_call // PER_LEG
        yield Row("P10", f"{title}: memory", legs * median(e.leg for e in found), "KiB/call", goal=each.leg)
        yield Row("P10", f"{title}: set up", median(e.set_up for e in found), "µs/call", goal=each.set_up)


def ratio_rows(found: Mapping[str, list[Found]]) -> Iterator[Row]:
    ours, theirs = found[C.title], found.get(THEIRS.title)
    if not ours or not theirs:
        return
    sustained = [median(each.sustained for each in values) for values in (ours, theirs)]
    busy = [median(each.full.busy for each in values) for values in (ours, theirs)]
    yield Row("P10", "engine in C ÷ rtpengine: sustained", sustained[0] / (sustained[1] or 1), "", least=1.5)
    yield Row("P10", "engine in C ÷ rtpengine: processor at 1,000 calls", busy[0] / busy[1], "", goal=0.70)


def sip_rows(beside: list[Step]) -> Iterator[Row]:
    title = f"engine in C, 200 calls, {SIP_RATE:.0f} SIP messages/s on its core"
    for what, goal in (("p50", 50.0), ("p99", 2_000.0), ("largest", 10_000.0)):
        yield Row("P10", f"{title}: {what}", median(getattr(each, what) for each in beside), "µs", goal=goal)


def curve(each: Measured, found: list[Found]) -> Curve:
    """Medians of the steps at each rate, over the calls that they are."""
    rates = sorted({step.rate for one in found for step in one.steps})
    points = []
    for rate in rates:
        steps = [step for one in found for step in one.steps if step.rate == rate]
        middle = [median(getattr(step, what) for step in steps) for what in ("p50", "p90", "busy")]
        points.append((rate / each.per_call, middle[0], middle[1], middle[2]))
    return Curve(each.title, tuple(points))


def spread(values: list[float]) -> str:
    return f"[{min(values) / 1000:.0f}–{max(values) / 1000:.0f} k]"


assert LEGS * PER_LEG >= MOST
