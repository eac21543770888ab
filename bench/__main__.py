"""``python -m bench [start|portmap|sip|media]``: measurements, as tables. Progress goes to standard error."""

from __future__ import annotations

import argparse
import compileall
import sys
from pathlib import Path

import ringthru
from ringthru.lab.namespaces.laboratory import Topology
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import LaboratoryError, obstacles

from . import portmap, startup
from .media import measure as media
from .sip import measure as sip
from .table import table

PEERS = {
    Serves.NATPMP: ("natpmpc -a, four times", startup.NATPMPC),
    Serves.UPNP: ("upnpc -i -r, four ports", startup.UPNPC),
}
GOALS = {Serves.NATPMP: 0.200, Serves.UPNP: 0.300}  # seconds
SERVING_GOAL = 0.200
NAMES = {Serves.NATPMP: "NAT-PMP only", Serves.UPNP: "UPnP only"}
PROGRAMS = ("natpmpc", "upnpc", "sipp", "taskset", "gcc")
NEEDED = {"media": ("taskset", "gcc")}  # else all of them
GATEWAYS = {Topology.NONE: "no gateway service (port closed)", Topology.DEAD: "dead gateway (silence)"}


def main() -> int:
    arguments = read_arguments()
    if reasons := obstacles(NEEDED.get(arguments.what, PROGRAMS)):
        print("cannot measure here: " + ", ".join(reasons), file=sys.stderr)
        return 1
    compileall.compile_dir(Path(ringthru.__file__).parent, quiet=1)  # as an installation would have done
    try:
        if arguments.what in ("start", "all"):
            measure_start(arguments.only, arguments.runs)
        if arguments.what in ("portmap", "all"):
            portmap.measure(arguments.only, arguments.runs, arguments.long, arguments.json)
        if arguments.what in ("sip", "all"):
            sip.measure(arguments.only, arguments.runs, arguments.long, arguments.json, arguments.beside)
        if arguments.what in ("media", "all"):
            media.measure(arguments.only, arguments.runs, arguments.json, arguments.report)
    except (LaboratoryError, TimeoutError) as error:
        print(f"the measurement failed: {error}", file=sys.stderr)
        return 1
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    whats = ["all", "start", "portmap", "sip", "media"]
    parser.add_argument("what", nargs="?", choices=whats, default="all", help="a part instead of all")
    rows = ["P1", "P2", *portmap.TITLES, *sip.TITLES, *media.TITLES]
    parser.add_argument("--only", choices=rows, help="one row instead of all")
    parser.add_argument("--runs", type=int, default=startup.RUNS, help="runs of each; the median counts")
    parser.add_argument("--long", action="store_true", help="the rows that take minutes too (15 minutes)")
    parser.add_argument("--json", action="store_true", help="the rows of portmap, sip and media as JSON")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="media: the rows and two drawings as files"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="PROGRAM",
        help="sip: one more switch, which takes FreeSWITCH's flags and reads its tree (/usr/bin/freeswitch)",
    )
    return parser.parse_args()


def measure_start(only: str | None, runs: int) -> None:
    if only in (None, "P1"):
        print_start(runs)
    if only in (None, "P2"):
        print_serving(runs)


def print_start(runs: int) -> None:
    rows = []
    for serves, (peer, argv) in PEERS.items():
        ours = startup.start_behind_miniupnpd(serves, runs)
        theirs = startup.peer_behind_miniupnpd(serves, argv, runs)
        name, goal = NAMES[serves], f"{GOALS[serves] * 1000:.0f}"
        for what, time, limit in (
            ("mapped", ours.mapped, ""),
            ("mapped and advertised", ours.advertised, goal),
        ):
            row = [f"{name}: ringthru, {what}", ms(time), limit, f"{time / theirs:.2f}"]
            rows.append([*row, f"{time / ours.asyncio:.2f}"])
        rows += floor_rows(f"{name}: ", ours)
        rows.append([f"{name}: {peer}", ms(theirs), "", "", ""])
    print(f"P1  start of the process → four SIP ports mapped, medians of {runs}\n")
    print(table(["real miniupnpd", "ms", "goal ≤", "÷ peer", "÷ floor"], rows) + "\n")


def print_serving(runs: int) -> None:
    rows = []
    for topology, name in GATEWAYS.items():
        found = startup.answer_without_gateway(topology, runs)
        goal, ratio = f"{SERVING_GOAL * 1000:.0f}", f"{found.answered / found.asyncio:.2f}"
        rows.append([f"{name}: ringthru", ms(found.answered), goal, ratio])
        rows += [[*row[:3], row[-1]] for row in floor_rows(f"{name}: ", found)]
    print(f"P2  start of the process → first SIP answer on the LAN, medians of {runs}\n")
    print(table(["without a gateway", "ms", "goal ≤", "÷ floor"], rows) + "\n")


def floor_rows(name: str, found: startup.Start | startup.Serving) -> list[list[str]]:
    """How fast this machine was in the same runs: the same work takes twice as long on a busy one."""
    times = {
        "… of which the process was running": found.processor,
        "python3 -c pass": found.python,
        "python3 -c 'import asyncio' (the floor)": found.asyncio,
    }
    return [[name + what, ms(time), "", "", ""] for what, time in times.items()]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


if __name__ == "__main__":
    sys.exit(main())
