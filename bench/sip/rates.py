"""P8 and P9: the highest rate that is sustained on one core, and the processor time of one call there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringthru.lab.namespaces.laboratory import Laboratory, Topology
from ringthru.lab.namespaces.netns import LaboratoryError
from ringthru.net.values import replace

from ..report import Row, progress
from . import load
from .load import Outcome
from .programs import Program, Server, core_program, peers, ringthru_program, running
from .tree import user_names

STEPS = (50, 100, 200, 300, 400, 600, 800, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 6000, 8000)  # a second
SECONDS = 5  # of each step
TRIES = 3  # of a step: the machine may have had something else to do
CALLS_GOAL, REGISTRATIONS_GOAL = 1000.0, 1500.0  # a second
CALL_CPU_GOAL = 0.8  # ms
USERS = 1000
BARE = ("aiosipua", "sippy")  # libraries whose programs do what has to be seen on the wire, and nothing else

Step = Callable[[Laboratory, Server, float], Outcome]


def call_rows(beside: Path | None) -> list[Row]:
    """``beside``: another switch than the named peers, by its program."""
    others = peers(beside)
    programs = [ringthru_program(), *others]
    rows = _rows("P8", "echo", [each for each in programs if each.echo], _echo, CALLS_GOAL, CALL_CPU_GOAL)
    rows += _rows(
        "P8", "bridge", [each for each in programs if each.bridge], _bridge, CALLS_GOAL, CALL_CPU_GOAL
    )
    bare = _bare(others)
    rows += _rows("P8", "SIP alone", bare, _echo, None, None)
    return rows + _rows("P8", "bridge, SIP alone", bare, _bridge, None, None)


def registration_rows(beside: Path | None) -> list[Row]:
    others = [each for each in peers(beside, USERS) if each.registers]
    rows = _rows("P9", "REGISTER", [ringthru_program(USERS), *others], _register, REGISTRATIONS_GOAL, None)
    return rows + _rows("P9", "REGISTER, SIP alone", _bare(others), _register, None, None)


def _bare(others: list[Program]) -> list[Program]:
    """The same work on both sides: no media, dialplan, log or record of the call."""
    return [core_program(), *(each for each in others if each.name in BARE)]


def _echo(laboratory: Laboratory, server: Server, rate: float) -> Outcome:
    return load.calls(laboratory, server, "9196", rate, int(rate * SECONDS))


def _bridge(laboratory: Laboratory, server: Server, rate: float) -> Outcome:
    with load.called_side(laboratory):
        return load.calls(laboratory, server, "called", rate, int(rate * SECONDS))


def _register(laboratory: Laboratory, server: Server, rate: float) -> Outcome:
    return load.registrations(laboratory, server, user_names(USERS), rate, int(rate * SECONDS))


def _rows(
    number: str, what: str, programs: list[Program], step: Step, goal: float | None, cpu_goal: float | None
) -> list[Row]:
    """A row of the rate and one of the cost for each; ratios say how many times the peer's ours is."""
    best = {program.name: _highest(program, what, step) for program in programs}
    ours = best[programs[0].name]
    rows = []
    for name, outcome in best.items():
        if outcome is None:
            rows.append(Row(number, f"{what}: {name}", 0.0, "/s"))
            continue
        mine = name == programs[0].name
        rate_ratio = None if mine or ours is None or not outcome.rate else ours.rate / outcome.rate
        cpu_ratio = None if mine or ours is None else ours.cpu / outcome.cpu
        least, peer = goal if mine else None, "" if mine else "ours ÷ it"
        rows.append(
            Row(
                number,
                f"{what}: {name}, sustained",
                outcome.rate,
                "/s",
                least=least,
                ratio=rate_ratio,
                peer=peer,
            )
        )
        rows.append(
            Row(
                number,
                f"{what}: {name}, processor time of one",
                outcome.cpu * 1000,
                "ms",
                goal=cpu_goal if mine else None,
                ratio=cpu_ratio,
                peer=peer,
            )
        )
    return rows


def _highest(program: Program, what: str, step: Step) -> Outcome | None:
    """Up the steps until one is not sustained; None: it served nobody.

    Where not even the first is sustained, the rate is 0, and what was served tells what one costs.
    """
    best = None
    with Laboratory(Topology.NONE) as laboratory:
        for rate in STEPS:
            progress(f"{what}: {program.name} at {rate} a second")
            outcome = _try(laboratory, program, step, rate)
            if outcome is None or not outcome.sustained:
                return best or (replace(outcome, rate=0.0) if outcome is not None else None)
            best = outcome
    return best


def _try(laboratory: Laboratory, program: Program, step: Step, rate: float) -> Outcome | None:
    """The first try that is sustained, else the last that served anybody.

    A server of its own for each: what the last one left unfinished is not this one's burden.
    """
    found = None
    for _ in range(TRIES):
        try:
            with running(laboratory, program) as server:
                outcome = step(laboratory, server, rate)
        except LaboratoryError as error:
            progress(f"{program.name}: {error}")
            continue
        if outcome.sustained:
            return outcome
        found = outcome if outcome.done else found
    return found
