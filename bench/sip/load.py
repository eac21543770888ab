"""Load by sipp: so many calls or registrations a second for so long, and how they went.

Lives here: running sipp and reading what it counted. Never here: what is good enough.
"""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ringthru.lab.namespaces.laboratory import PBX_ADDRESS, PHONE, PHONE_ADDRESS, Laboratory
from ringthru.net.values import frozen

from .programs import CALLED_PORT, FIRST, LOAD_CPU, SERVER_PORT, Server
from .tree import PASSWORD

SCENARIOS = Path(__file__).parent / "scenarios"
LOAD_PORT = 5070
SLACK = 20.0  # seconds that a run may take longer than its calls are given out in
MOST_REPEATED = 0.001  # of all messages: more retransmissions, and the rate is not sustained


@frozen
class Outcome:
    """What came of one run. ``cpu`` is processor seconds of the server for one call or registration."""

    rate: float  # asked for, a second
    done: int
    failed: int
    repeated: int
    cpu: float
    answer_ms: float  # mean time from the INVITE to its 200

    @property
    def sustained(self) -> bool:
        """As good as no message was repeated, and none failed."""
        return self.failed == 0 and self.done > 0 and self.repeated <= self.done * MOST_REPEATED


def calls(
    laboratory: Laboratory, server: Server, number: str, rate: float, count: int, hold_ms: int = 0
) -> Outcome:
    """``count`` calls to ``number``, ``rate`` of them a second, each held for so long."""
    return _run(laboratory, server, "uac.xml", number, rate, count, ["-d", str(hold_ms)])


def registrations(
    laboratory: Laboratory, server: Server, users: Sequence[str], rate: float, count: int
) -> Outcome:
    """``count`` registrations with digest, the users taking turns."""
    book = laboratory.directory / "users.csv"
    rows = [f"{user};[authentication username={user} password={PASSWORD}]" for user in users]
    book.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
    return _run(laboratory, server, "register.xml", "registrar", rate, count, ["-inf", str(book)])


def calling(number: str, rate: float, count: int, hold_ms: int) -> list[str]:
    """The command that makes these calls, for whoever looks at the server meanwhile."""
    return [*_calling("uac.xml", number, rate, count), "-d", str(hold_ms)]


@contextmanager
def called_side(laboratory: Laboratory) -> Iterator[None]:
    """A sipp that answers every call, for the far leg of bridges."""
    argv = [*_sipp("uas.xml", CALLED_PORT), "-mp", "6100"]
    process = laboratory.popen(PHONE, argv, laboratory.directory / "called.log")
    try:
        yield
    finally:
        laboratory.end(process)


def _run(
    laboratory: Laboratory,
    server: Server,
    scenario: str,
    number: str,
    rate: float,
    count: int,
    more: Sequence[str],
) -> Outcome:
    statistics = laboratory.directory / "statistics.csv"
    statistics.unlink(missing_ok=True)
    argv = [*_calling(scenario, number, rate, count), "-recv_timeout", "10000"]
    argv += ["-trace_stat", "-stf", str(statistics), "-fd", "1", *more]
    before = server.seconds()
    process = laboratory.popen(PHONE, argv, laboratory.directory / "sipp.log")
    try:
        process.wait(count / rate + SLACK)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    server.check()
    used = server.seconds() - before
    last = _last_row(statistics)
    done, failed = int(last.get("SuccessfulCall(C)", 0)), int(last.get("FailedCall(C)", 0))
    return Outcome(
        rate,
        done,
        failed + max(0, count - done - failed),
        int(last.get("Retransmissions(C)", 0)),
        used / max(done, 1),
        _milliseconds(last.get("ResponseTime1(C)", "")),
    )


def _calling(scenario: str, number: str, rate: float, count: int) -> list[str]:
    argv = [*_sipp(scenario, LOAD_PORT), f"{PBX_ADDRESS}:{SERVER_PORT}", "-s", number]
    return [*argv, "-r", str(rate), "-m", str(count), "-l", "100000"]


def _sipp(scenario: str, port: int) -> list[str]:
    argv = [*FIRST, "taskset", "-c", LOAD_CPU, "sipp", "-sf", str(SCENARIOS / scenario), "-i", PHONE_ADDRESS]
    return [*argv, "-p", str(port), "-mi", PHONE_ADDRESS, "-nostdin", "-nd", "-buff_size", "8000000"]


def _last_row(path: Path) -> dict[str, str]:
    """sipp writes a row a second, of totals (C) and of the second (P)."""
    if not path.exists():
        return {}
    with path.open() as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row.get("SuccessfulCall(C)")]
    return rows[-1] if rows else {}


def _milliseconds(text: str) -> float:
    """``00:00:00:003000``: hours, minutes, seconds, microseconds."""
    parts = text.split(":")
    if len(parts) != 4:
        return 0.0
    hours, minutes, seconds, microseconds = map(int, parts)
    return (hours * 3600 + minutes * 60 + seconds) * 1000 + microseconds / 1000
