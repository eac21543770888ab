"""P3, discover and map one port from nothing; P4, two hundred mappings one after another."""

from __future__ import annotations

from statistics import median

from ringthru.lab.namespaces.laboratory import PBX, Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves

from .inside_runs import libraries, ours, run
from .report import Row, progress

GOALS = {Serves.UPNP: 0.15, Serves.NATPMP: 0.010}  # seconds, of the library call
NAMES = {Serves.UPNP: "UPnP", Serves.NATPMP: "PCP"}
TOOLS = {
    Serves.UPNP: ("upnpc", ["upnpc", "-a", "192.168.1.103", "30000", "30000", "udp"]),
    Serves.NATPMP: ("natpmpc (NAT-PMP)", ["natpmpc", "-a", "30000", "30000", "udp", "3600"]),
}
COUNT = 200
RATIO = 1.3


def first_rows(runs: int) -> list[Row]:
    """P3: each run behind a gateway of its own."""
    rows = []
    for serves in (Serves.NATPMP, Serves.UPNP):
        name, (tool, argv) = NAMES[serves], TOOLS[serves]
        programs = {"ringthru": ours("engine", "first", 30000), tool: argv}
        if serves is Serves.UPNP:
            programs |= libraries(0)
        found = {each: _medians(each, serves, argv, runs) for each, argv in programs.items()}
        process = found["ringthru"]["process"]
        for each, times in found.items():
            if "seconds" in times:
                goal = GOALS[serves] * 1000 if each == "ringthru" else None
                rows.append(Row("P3", f"{name}: {each}, library call", times["seconds"] * 1000, "ms", goal))
            ratio, peer = (None, "") if each == "ringthru" else (times["process"] / process, "ours")
            rows.append(
                Row(
                    "P3",
                    f"{name}: {each}, cold process",
                    times["process"] * 1000,
                    "ms",
                    ratio=ratio,
                    peer=peer,
                )
            )
    return rows


def many_rows(runs: int) -> list[Row]:
    """P4: the bare exchange sends the very requests that our engine sent, to a fresh gateway."""
    rows = []
    for serves in (Serves.NATPMP, Serves.UPNP):
        name = NAMES[serves]
        found: dict[str, list[dict[str, float]]] = {}
        for turn in range(runs):
            progress(f"P4 {name}, run {turn + 1} of {runs}")
            for each, times in _one_round(serves).items():
                found.setdefault(each, []).append(times)
        bare = median(each["seconds"] for each in found["bare exchange"])
        for each, measured in found.items():
            seconds = median(times["seconds"] for times in measured)
            goal = RATIO if each == "ringthru, in turn" else None
            rows.append(
                Row(
                    "P4",
                    f"{name}: {COUNT} mappings, {each}",
                    seconds * 1000,
                    "ms",
                    ratio=seconds / bare,
                    ratio_goal=goal,
                    peer="bare",
                )
            )
            if "cpu" in measured[0]:
                cpu = median(times["cpu"] for times in measured)
                rows.append(Row("P4", f"{name}: … processor time, {each}", cpu * 1000, "ms"))
    return rows


def _one_round(serves: Serves) -> dict[str, dict[str, float]]:
    """Everybody once, each behind a new gateway: a full table makes miniupnpd slow."""
    done: dict[str, dict[str, float]] = {}
    with Laboratory(serves=serves) as keeper:  # its directory keeps the record for the bare exchange
        record = keeper.directory / "record"
        ways = {
            "ringthru, in turn": ours("engine", "many", COUNT, "in-turn", record),
            "ringthru, with a journal": ours("engine", "many", COUNT, "in-turn", record, "JOURNAL"),
            "ringthru, wanted at once": ours("engine", "many", COUNT, "together", record),
            "bare exchange": ours("bare", record),
        }
        if serves is Serves.UPNP:
            ways |= libraries(COUNT)
        for name, argv in ways.items():
            with Laboratory(serves=serves) as laboratory:
                journal = str(laboratory.directory / "journal.sqlite")
                told, _ = run(laboratory, [journal if word == "JOURNAL" else word for word in argv])
                done[name] = told if "many" not in told else {"seconds": told["many"]}
    return done


def _medians(name: str, serves: Serves, argv: list[str], runs: int) -> dict[str, float]:
    """``process``: from start to end of the program; ``seconds``: what a library call took, if it tells."""
    progress(f"P3 {NAMES[serves]}: {name}, {runs} runs")
    measured = []
    for _ in range(runs):
        with Laboratory(serves=serves) as laboratory:
            laboratory.run(PBX, ["true"])
            told, process = run(laboratory, argv)
            measured.append({"process": process} | {key: told[key] for key in told if key == "seconds"})
    return {key: median(each[key] for each in measured) for key in measured[0]}
