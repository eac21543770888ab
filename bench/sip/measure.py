"""``python -m bench sip``: calls and registrations of the switch, against named peers on the same machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..report import Row, run
from . import growth, idle, rates, setup

TITLES = {
    "P5": "P5  INVITE → 200, and what NAT adds to it",
    "P8": "P8  calls a second on one core",
    "P9": "P9  registrations with digest a second on one core",
    "P11": "P11  at rest, with 1000 registrations and 100 mappings",
    "growth": "What one more costs: 10 to 10 000 registrations, 10 to 2 000 live calls",
}


# docs/decisions/104
NOTE = """\
FreeSWITCH is in no registry, so it is no named peer: --beside /usr/bin/freeswitch measures one in the same
run. What we measured of its 1.11.3-dev on one machine: 3.4 to 6 ms of processor time for an echo call, some
200 calls a second on one core; sippy bridged 200 a second there, for 3.4 to 4.0 ms each. So its echo call
costs 0.9 to 1.8 times what a bridged call costs sippy. The rows of sippy say what ours costs in that measure.
"""


def measure(only: str | None, runs: int, long: bool, as_data: bool, beside: Path | None = None) -> int:
    """Print every row; returns the number of goals that were missed.

    ``beside`` is one peer more: the path of a switch that takes FreeSWITCH's flags, and reads its tree.
    """
    works: dict[str, Callable[[], list[Row]]] = {
        "P5": lambda: setup.setup_rows(runs, beside),
        "P8": lambda: rates.call_rows(beside),
        "P9": lambda: rates.registration_rows(beside),
        "P11": idle.idle_rows,
        "growth": lambda: growth.growth_rows(long),
    }
    missed = run(works, TITLES, only, as_data)
    if beside is None and not as_data and only in (None, "P8"):
        print(NOTE)
    return missed
