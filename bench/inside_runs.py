"""Running the programs of ``inside`` in a laboratory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ringthru
from ringthru.lab.namespaces.laboratory import PBX, Laboratory
from ringthru.lab.namespaces.netns import LaboratoryError

ROOT = Path(__file__).parents[1]
SOURCE = Path(ringthru.__file__).parents[1]
INSIDE = Path(__file__).parent / "inside"
PEERS = ROOT / "build" / "bench-peers"  # the virtual environment of peers from PyPI
PYTHONPATH = {"PYTHONPATH": f"{ROOT}:{SOURCE}"}
LIMIT = 120.0  # seconds for one run


def peer_python(module: str, package: str = "") -> str | None:
    """The Python that has a peer of ours, installed from PyPI the first time; None: it cannot be had."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        venv.create(PEERS, with_pip=True)
    has = [str(python), "-c", f"import {module}"]
    get = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", package or module]
    if subprocess.run(has, capture_output=True).returncode:
        subprocess.run(get, capture_output=True, timeout=LIMIT)
    return None if subprocess.run(has, capture_output=True).returncode else str(python)


def ours(program: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"bench.inside.{program}", *map(str, arguments)]


def run(laboratory: Laboratory, argv: Sequence[str]) -> tuple[dict[str, Any], float]:
    """Run a program to its end: the last JSON object it printed, and the seconds it took."""
    environment = [f"{name}={value}" for name, value in PYTHONPATH.items()]
    began = time.monotonic()
    result = laboratory.run(PBX, ["env", *environment, *argv], timeout=LIMIT)
    seconds = time.monotonic() - began
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}, seconds


class Watching:
    """``engine watch`` in a laboratory; its events with their instants."""

    def __init__(self, laboratory: Laboratory, count: int) -> None:
        self._laboratory = laboratory
        self._output = laboratory.directory / "watch"
        self._process = laboratory.popen(PBX, ours("engine", "watch", count), self._output, PYTHONPATH)

    def wait(self, event: str, after: float = 0.0, limit: float = LIMIT) -> dict[str, Any]:
        """The first event of that name after an instant.

        Raises:
            LaboratoryError: none within ``limit`` seconds.
        """
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            for told in self._told():
                if told["event"] == event and told["at"] > after:
                    return told
            time.sleep(0.005)
        raise LaboratoryError(f"no {event} within {limit:g} s: {self._output.read_text()[-500:]}")

    def end(self) -> None:
        self._laboratory.end(self._process)

    def _told(self) -> list[dict[str, Any]]:
        lines = self._output.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
