"""P11: a switch that has much to hold and nothing to do."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ringthru.lab.namespaces.laboratory import PBX, Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves

from ..inside_runs import PYTHONPATH
from ..report import Row, progress
from . import load
from .programs import Program, running
from .tree import user_names, write_tree

REGISTRATIONS, MAPPINGS = 1000, 100
RATE = 100  # registrations a second, on the way there
WATCHED = 30.0  # seconds
CPU_GOAL, MEMORY_GOAL = 1.0, 120.0  # per cent of a core, MiB
REST_GOAL = 45.0  # MiB (P12): before anything came


def idle_rows() -> list[Row]:
    progress(f"P11: {REGISTRATIONS} registrations and {MAPPINGS} mappings, then {WATCHED:g} s at rest")
    with Laboratory(serves=Serves.NATPMP) as laboratory:
        laboratory.run(PBX, ["true"])
        with running(laboratory, _switch_with_mappings()) as server:
            at_rest = server.memory()
            outcome = load.registrations(laboratory, server, user_names(REGISTRATIONS), RATE, REGISTRATIONS)
            rules = len(laboratory.nat_rules())
            before, began = server.seconds(), time.monotonic()
            time.sleep(WATCHED)
            busy = (server.seconds() - before) / (time.monotonic() - began)
            memory = server.memory()
    return [
        Row("P11", f"processor, {outcome.done} registrations, {rules} mappings", busy * 100, "%", CPU_GOAL),
        Row("P11", "resident memory then", memory, "MiB", MEMORY_GOAL),
        Row("P12", "resident memory before", at_rest, "MiB", REST_GOAL),
    ]


def _switch_with_mappings() -> Program:
    def argv(directory: Path) -> list[str]:
        conf = write_tree(directory / "conf", REGISTRATIONS)
        words = ["env", *(f"{name}={value}" for name, value in PYTHONPATH.items())]
        return [*words, sys.executable, "-m", "bench.inside.idle", str(conf), str(directory), str(MAPPINGS)]

    return Program("ringthru with mappings", argv)
