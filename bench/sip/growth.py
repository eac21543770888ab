"""What one more registration and one more live call cost, from few to many; drawn as a plot.

Lives here: the steps, the rows and the report. Never here: load, or how a server is started.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from ringthru.lab.namespaces.laboratory import PHONE, Laboratory, Topology

from ..inside_runs import INSIDE, ROOT, peer_python
from ..report import Row, progress
from . import load
from .programs import LOAD_CPU, ringthru_program, running
from .tree import user_names

REGISTRATIONS = (10, 100, 1000, 3000, 10_000)
CALLS = (10, 100, 500, 1000, 2000)
QUICK = 3  # how many of the steps a short run takes
REGISTER_RATE, CALL_RATE = 200, 50  # a second, on the way up
REPEATED = 1000  # registrations that are timed once all are there
HELD = 5.0  # seconds that calls are watched for
REPORT = ROOT / "build" / "bench"


def growth_rows(long: bool) -> list[Row]:
    """``long``: all steps; otherwise the first few."""
    registrations = _registrations(REGISTRATIONS if long else REGISTRATIONS[:QUICK])
    calls = _calls(CALLS if long else CALLS[:QUICK])
    write_report({"registrations": registrations, "calls": calls})
    few, many = registrations[0], registrations[-1]
    per_registration = (many["memory"] - few["memory"]) / (many["count"] - few["count"]) * 1024
    few_calls, many_calls = calls[0], calls[-1]
    per_call = (
        (many_calls["memory"] - few_calls["memory"]) / (many_calls["count"] - few_calls["count"]) * 1024
    )
    return [
        Row("growth", f"memory of one registration, up to {many['count']:.0f}", per_registration, "KiB"),
        Row(
            "growth",
            f"processor time of one, the {many['count']:.0f} against the {few['count']:.0f}",
            many["cpu_ms"],
            "ms",
            ratio=many["cpu_ms"] / few["cpu_ms"],
            peer=f"with {few['count']:.0f}",
        ),
        Row("growth", f"memory of one live call, up to {many_calls['count']:.0f}", per_call, "KiB"),
        Row("growth", f"processor while {many_calls['count']:.0f} calls stand", many_calls["busy"], "%"),
    ]


def _registrations(steps: tuple[int, ...]) -> list[dict[str, float]]:
    """Each step in a switch of its own: how much memory, and how much time the last ones took."""
    found = []
    for count in steps:
        progress(f"growth: {count} registrations")
        with Laboratory(Topology.NONE) as laboratory, running(laboratory, ringthru_program(count)) as server:
            outcome = load.registrations(laboratory, server, user_names(count), REGISTER_RATE, count)
            again = load.registrations(laboratory, server, user_names(count), REGISTER_RATE, REPEATED)
            found.append({"count": outcome.done, "memory": server.memory(), "cpu_ms": again.cpu * 1000})
    return found


def _calls(steps: tuple[int, ...]) -> list[dict[str, float]]:
    """So many calls that stand at the same time; no audio: the media engine is measured elsewhere."""
    found = []
    for count in steps:
        progress(f"growth: {count} live calls")
        with Laboratory(Topology.NONE) as laboratory, running(laboratory, ringthru_program()) as server:
            argv = load.calling("9196", CALL_RATE, count, hold_ms=int((count / CALL_RATE + HELD + 30) * 1000))
            process = laboratory.popen(PHONE, argv, laboratory.directory / "sipp.log")
            time.sleep(count / CALL_RATE + 2.0)
            before, began = server.seconds(), time.monotonic()
            time.sleep(HELD)
            busy = (server.seconds() - before) / (time.monotonic() - began)
            found.append({"count": count, "memory": server.memory(), "busy": busy * 100})
            process.kill()
            process.wait()
    return found


def write_report(measured: dict[str, list[dict[str, float]]]) -> Path:
    """The figures as JSON, and the plot beside it where matplotlib can be had."""
    REPORT.mkdir(parents=True, exist_ok=True)
    figures = REPORT / "growth.json"
    figures.write_text(json.dumps(measured, indent=1))
    python = peer_python("matplotlib")
    if python is None:
        progress("matplotlib cannot be installed from PyPI here: no plot")
        return figures
    plot = REPORT / "growth.png"
    subprocess.run(["taskset", "-c", LOAD_CPU, python, str(INSIDE / "plot.py"), figures, plot], check=True)
    progress(f"drawn: {plot}")
    return plot
