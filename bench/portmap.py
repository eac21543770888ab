"""``python -m bench portmap``: the port-mapping engine alone, against other engines on the same gateway."""

from __future__ import annotations

from collections.abc import Callable

from . import far_rows, holding, loss_rows, mapping_rows
from .report import Row, run

TITLES = {
    "P3": "P3  discover and map one port, from nothing",
    "P4": "P4  200 mappings one after another, warm",
    "far": "The same at a home's distance: 1 ms (cable), 4 ms (Wi-Fi) there and back; the best of the runs",
    "P6": "P6  power cycle of the gateway",
    "P7": "P7  another public address",
    "hold": "Holding 500 mappings",
}


def measure(only: str | None, runs: int, long: bool, as_data: bool) -> int:
    """Print every row; returns the number of goals that were missed."""
    works: dict[str, Callable[[], list[Row]]] = {
        "P3": lambda: mapping_rows.first_rows(runs),
        "P4": lambda: mapping_rows.many_rows(runs),
        "far": lambda: far_rows.far_rows(runs),
        "P6": lambda: loss_rows.power_rows(runs, long),
        "P7": lambda: loss_rows.address_rows(runs, long),
        "hold": lambda: holding.virtual_rows() + (holding.minute_rows() if long else []),
    }
    return run(works, TITLES, only, as_data)
