"""P3, discover and map one port from nothing; P4, two hundred mappings one after another."""

from __future__ import annotations

from statistics import median

from ringthru.lab.namespaces.laboratory import PBX, Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves

from . import engines
from .inside_runs import ours, run
from .report import Row, progress

GOALS = {Serves.UPNP: 0.15, Serves.NATPMP: 0.010}  # seconds, of the library call
NAMES = {Serves.UPNP: "UPnP", Serves.NATPMP: "PCP"}
COUNT = 200
RATIO = 1.3
OURS, COMMAND = "ringthru", "ringthru nat add"
NEW, KNOWN = "ringthru, with a new journal", "ringthru, which met this gateway before (journal)"
IN_TURN = "ringthru, in turn"
CALL, PROCESS = "seconds", "process"  # what a library call took, and the program from start to end

Times = dict[str, float]


def first_rows(runs: int) -> list[Row]:
    """P3: each run behind a gateway of its own."""
    rows = []
    for serves in (Serves.NATPMP, Serves.UPNP):
        calls = {OURS: engines.first(), NEW: engines.first("STORE"), KNOWN: engines.first("STORE")}
        calls |= engines.libraries(serves, 0)
        processes = engines.commands(serves)
        found = {each: _medians(each, serves, argv, runs) for each, argv in (calls | processes).items()}
        rows += [_call_row(serves, each, found) for each in calls]
        rows += [_process_row(serves, each, found) for each in processes]
    return rows


def _call_row(serves: Serves, name: str, found: dict[str, Times]) -> Row:
    """A library call, beside ours that knew nothing."""
    seconds, first = found[name][CALL], found[OURS][CALL]
    goal = GOALS[serves] * 1000 if name == OURS else None
    what = f"{NAMES[serves]}: {name}, library call"
    return Row("P3", what, seconds * 1000, "ms", goal, **_beside(seconds, first, name == OURS))


def _process_row(serves: Serves, name: str, found: dict[str, Times]) -> Row:
    """A whole command, beside ours."""
    seconds, first = found[name][PROCESS], found[COMMAND][PROCESS]
    what = f"{NAMES[serves]}: {name}, whole process"
    return Row("P3", what, seconds * 1000, "ms", **_beside(seconds, first, name == COMMAND))


def _beside(seconds: float, first: float, is_ours: bool) -> dict[str, float | str]:
    return {} if is_ours else {"ratio": seconds / first, "peer": "ours"}


def many_rows(runs: int) -> list[Row]:
    """P4: the bare exchange sends the very requests that our engine sent, to a fresh gateway."""
    rows = []
    for serves in (Serves.NATPMP, Serves.UPNP):
        found: dict[str, list[Times]] = {}
        for turn in range(runs):
            progress(f"P4 {NAMES[serves]}, run {turn + 1} of {runs}")
            for each, times in _one_round(serves).items():
                found.setdefault(each, []).append(times)
        bare = median(each[CALL] for each in found["bare exchange"])
        for each, measured in found.items():
            rows += _many_rows_of(f"{NAMES[serves]}: {COUNT} mappings, {each}", measured, bare)
    return rows


def _many_rows_of(what: str, measured: list[Times], bare: float) -> list[Row]:
    """The time; and apart from it what others do not do, and the processor's part."""
    seconds = median(times[CALL] for times in measured)
    goal = RATIO if what.endswith(IN_TURN) else None
    row = Row("P4", what, seconds * 1000, "ms", ratio=seconds / bare, ratio_goal=goal, peer="bare")
    rows = [row]
    if "cpu" in measured[0]:
        rows.append(_part_row("processor time", what, measured, "cpu"))
    if "gap" in measured[0]:
        rows.append(_part_row("between an answer and the next request", what, measured, "gap"))
    if "listed" in measured[0]:
        rows.append(_part_row("then reading every one back, which no other does", what, measured, "listed"))
    return rows


def _part_row(name: str, what: str, measured: list[Times], key: str) -> Row:
    whose = what.rpartition("mappings, ")[2]
    start = what.partition(":")[0]
    value = median(times[key] for times in measured) * 1000
    return Row("P4", f"{start}: … {name}, {whose}", value, "ms")


def _one_round(serves: Serves) -> dict[str, Times]:
    """Everybody once, each behind a new gateway: a full table makes miniupnpd slow."""
    done: dict[str, Times] = {}
    with Laboratory(serves=serves) as keeper:  # its directory keeps the record for the bare exchange
        record = keeper.directory / "record"
        ways = {
            IN_TURN: ours("engine", "many", COUNT, "in-turn", record),
            "ringthru, with a journal": ours("engine", "many", COUNT, "in-turn", record, "STORE"),
            "ringthru, wanted at once": ours("engine", "many", COUNT, "together", record),
            "bare exchange": ours("bare", record),
        }
        for name, argv in (ways | engines.libraries(serves, COUNT)).items():
            with Laboratory(serves=serves) as laboratory:
                told, _ = run(laboratory, filled(argv, laboratory))
                done[name] = told if "many" not in told else {CALL: told["many"]}
    return done


def filled(argv: list[str], laboratory: Laboratory) -> list[str]:
    store = str(laboratory.directory / "journal.sqlite")
    return [store if word == "STORE" else word for word in argv]


def _medians(name: str, serves: Serves, argv: list[str], runs: int) -> Times:
    """``process``: from start to end of the program; ``seconds``: what a library call took, if it tells."""
    progress(f"P3 {NAMES[serves]}: {name}, {runs} runs")
    measured = []
    for _ in range(runs):
        with Laboratory(serves=serves) as laboratory:
            environment = ["env", f"XDG_STATE_HOME={laboratory.directory}"]
            program = [*environment, *filled(argv, laboratory)]
            laboratory.run(PBX, ["true"])
            if name == KNOWN:
                run(laboratory, program)  # the time before
            told, process = run(laboratory, program)
            measured.append({PROCESS: process} | {key: told[key] for key in told if key == CALL})
    return {key: median(each[key] for each in measured) for key in measured[0]}
