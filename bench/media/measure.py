"""``python -m bench media``: what each media engine carries on one core, and what a call costs.

*Sustained* is the highest step of a run in which at most 0.1 % of the packets are lost **and** nine of ten
are delayed by 5 ms at most. Loss alone is a trap: a socket buffer for each leg hides a queue of seconds. The
engine has one processor to itself, the generator the other. All is measured in one run, in turns, and the
ratio is to ``selfone`` of the same run: 1,000 pairs of sockets, one datagram at a time, on one core, which no
relay with a socket for each leg can exceed. rtpengine belongs here too; it is not measured yet.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from ringthru.lab.namespaces.netns import LaboratoryError
from ringthru.net.values import frozen

from ..report import Row, progress, run

TITLES = {"P10": "P10  packets a second on one core, 172 octets, sustained; delay added; memory of a leg"}
ENGINES = ("c", "python", "in-process")
NAMES = {"c": "engine in C", "python": "engine in Python", "in-process": "the same in the switch's loop"}
ENGINE_CPU, LOAD_CPU = "1", "0"
PORT = 19000
PER_LEG = 50  # packets a second
LONGEST = 1.6  # seconds of one step
LOSS, LATE = 0.001, 5_000  # a share, and microseconds
FIRST, COARSE, FINE = 20_000, 1.3, 1.08  # packets a second, and from step to step
MOST = 300_000
CALM = 20_000  # packets a second at which the delay is told: 200 bridged calls
GOALS = {"c": 0.70, "python": 0.40, "in-process": None}
LEG_GOAL = {"c": 20.0, "python": None, "in-process": None}  # KiB
FOLDER = Path(__file__).parent


@frozen
class Step:
    """What became of one rate."""

    sent: int
    received: int
    p50: int  # microseconds, the largest too
    p90: int
    p99: int
    largest: int
    busy: float  # cores

    @property
    def sustained(self) -> bool:
        return self.sent > 0 and 1 - self.received / self.sent <= LOSS and self.p90 <= LATE


@frozen
class Found:
    """What one engine did in one turn."""

    sustained: float  # packets a second
    calm: Step
    leg: float  # KiB


def measure(only: str | None, runs: int, as_data: bool) -> int:
    """Print every row; returns the number of goals that were missed."""
    works: dict[str, Callable[[], list[Row]]] = {"P10": lambda: rows(min(runs, 5))}
    return run(works, TITLES, only, as_data)


def rows(turns: int) -> list[Row]:
    """Each engine in each way, so many times; medians."""
    with TemporaryDirectory() as folder:
        generator = build(Path(folder))
        limits: list[float] = []
        found: dict[tuple[str, str], list[Found]] = {}
        for turn in range(turns):
            for how in ("echo", "bridge"):
                for engine in ENGINES:
                    progress(f"{NAMES[engine]}, {how}, {turn + 1} of {turns}")
                    limits.append(float(output("taskset", "-c", LOAD_CPU, generator, "self", "1")))
                    found.setdefault((engine, how), []).append(one_engine(generator, engine, how))
    limit = median(limits)
    made = [Row("P10", "selfone, the limit", limit, "packets/s")]
    for (engine, how), each in found.items():
        made += engine_rows(f"{NAMES[engine]}, {how}", engine, limit, each)
    return made


def engine_rows(name: str, engine: str, limit: float, found: list[Found]) -> Iterator[Row]:
    sustained = median(each.sustained for each in found)
    goal = GOALS[engine]
    yield Row("P10", f"{name}: sustained", sustained, "packets/s", least=goal and goal * limit)
    yield Row("P10", f"{name}: of the limit", sustained / limit, "", least=goal, peer="selfone")
    for what in ("p50", "p99"):
        yield Row("P10", f"{name}: {what} at {CALM}/s", median(getattr(e.calm, what) for e in found), "µs")
    yield Row("P10", f"{name}: processor at {CALM}/s", median(each.calm.busy for each in found), "cores")
    yield Row("P10", f"{name}: memory", median(each.leg for each in found), "KiB/leg", goal=LEG_GOAL[engine])


def one_engine(generator: Path, engine: str, how: str) -> Found:
    """Search for the highest rate that is sustained: coarse steps up, then fine ones from the last good."""
    legs = MOST // PER_LEG
    with host(engine, legs, how) as (ports, leg, used), load(generator) as send:

        def step(rate: float) -> Step:
            before = used()
            sent, received, p50, p90, p99, largest = send(rate, ports[: max(int(rate / PER_LEG) // 2 * 2, 2)])
            return Step(sent, received, p50, p90, p99, largest, (used() - before) / LONGEST)

        send(
            CALM, ports
        )  # each leg hears its peer once; before that the other leg of its bridge is not sent to
        calm = step(CALM)
        good, rate = 0.0, float(FIRST)
        while rate < MOST and step(rate).sustained:
            good, rate = rate, rate * COARSE
        rate = (good or FIRST / 4) * FINE
        while rate < MOST and step(rate).sustained:
            good, rate = rate, rate * FINE
    return Found(good, calm, leg / 1024)


def build(folder: Path) -> Path:
    program = folder / "generator"
    try:
        output("gcc", "-O2", "-o", program, FOLDER / "generator.c")
    except OSError as error:
        raise LaboratoryError(f"the load generator is not built: {error}; install gcc") from error
    return program


def output(*command: object) -> str:
    return subprocess.run(
        [str(each) for each in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


Send = Callable[[float, list[str]], list[int]]


@contextmanager
def load(generator: Path) -> Iterator[Send]:
    """A generator; call the result to send at a rate to these ports."""
    with talking("nice", "-n", "-20", "taskset", "-c", LOAD_CPU, generator, "bind", PORT) as ask:
        yield lambda rate, ports: [int(each) for each in ask(f"{rate} {LONGEST} {' '.join(ports)}").split()]


@contextmanager
def host(engine: str, legs: int, how: str) -> Iterator[tuple[list[str], float, Callable[[], float]]]:
    """An engine with so many legs: their ports, the octets each took, and the processor time so far."""
    # As a program of the package, so that the process of the engine in Python finds it as we do.
    argv = [sys.executable, FOLDER / "host.py", engine, legs, how, PORT]
    with talking("nice", "-n", "-20", "taskset", "-c", ENGINE_CPU, *argv) as ask:
        leg, *ports = ask("").split()
        yield ports, float(leg), lambda: float(ask("?"))


@contextmanager
def talking(*command: object) -> Iterator[Callable[[str], str]]:
    """A program that answers lines with lines; an empty one is not sent."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([str(each) for each in command], stdin=pipe, stdout=pipe, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    sink, source = process.stdin, process.stdout

    def ask(line: str) -> str:
        if line:
            print(line, file=sink, flush=True)
        answer = source.readline()
        if not answer:
            raise LaboratoryError(f"{command[-5:]} ended: {process.wait(5)}")
        return answer

    try:
        yield ask
    finally:
        sink.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        source.close()
