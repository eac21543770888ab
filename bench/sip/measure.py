"""``python -m bench sip``: calls and registrations of the switch, against named peers on the same machine."""

from __future__ import annotations

from collections.abc import Callable

from ..report import Row, run
from . import growth, idle, rates, setup

TITLES = {
    "P5": "P5  INVITE → 200, and what NAT adds to it",
    "P8": "P8  calls a second on one core",
    "P9": "P9  registrations with digest a second on one core",
    "P11": "P11  at rest, with 1000 registrations and 100 mappings",
    "growth": "What one more costs: 10 to 10 000 registrations, 10 to 2 000 live calls",
}


def measure(only: str | None, runs: int, long: bool, as_data: bool) -> int:
    """Print every row; returns the number of goals that were missed."""
    works: dict[str, Callable[[], list[Row]]] = {
        "P5": lambda: setup.setup_rows(runs),
        "P8": rates.call_rows,
        "P9": rates.registration_rows,
        "P11": idle.idle_rows,
        "growth": lambda: growth.growth_rows(long),
    }
    return run(works, TITLES, only, as_data)
