"""What was measured, as rows: shown as tables, plain when piped, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping

from ringthru.net.values import frozen

from .table import table


@frozen
class Row:
    """One measurement. ``ratio`` is to what ``peer`` names, measured in the same run."""

    number: str  # P3 …
    what: str
    value: float
    unit: str
    goal: float | None = None  # at most
    least: float | None = None  # a goal from below, for what should be high
    ratio: float | None = None
    ratio_goal: float | None = None
    peer: str = ""
    trips: float | None = None  # round trips to the gateway, and whatever else is waited for in that unit

    @property
    def met(self) -> bool | None:
        """Whether it reaches its goal, as far as figures are shown; None: it has none."""
        judged = [(self.value, self.goal), (self.ratio, self.ratio_goal), (self.least, self.value)]
        verdicts = [
            float(number(value)) <= float(number(goal))
            for value, goal in judged
            if value is not None and goal is not None
        ]
        return all(verdicts) if verdicts else None


VERDICTS = {True: "yes", False: "NO", None: ""}
HEADER = ("what", "measured", "unit", "goal", "ratio", "ratio ≤", "to", "trips", "met")


def progress(words: str) -> None:
    """For whoever waits; never in the way of what is piped."""
    print(f"… {words}", file=sys.stderr, flush=True)


def run(
    works: Mapping[str, Callable[[], list[Row]]], titles: Mapping[str, str], only: str | None, as_data: bool
) -> int:
    """Measure and print every row, or those of ``only``; returns the number of goals that were missed."""
    measured: list[Row] = []
    for number, work in works.items():
        if only in (None, number):
            rows = work()
            measured += rows
            if not as_data:
                show(titles[number], rows)
    if as_data:
        print(as_json(measured))
    return sum(row.met is False for row in measured)


def show(title: str, rows: Iterable[Row]) -> None:
    lines = [cells(row) for row in rows]
    print(f"{title}\n")
    if not sys.stdout.isatty():
        print(table(HEADER, lines) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    rich = Table()
    for index, name in enumerate(HEADER):
        rich.add_column(name, justify="right" if 0 < index < 6 or name == "trips" else "left")
    for line in lines:
        rich.add_row(*line, style="red" if line[-1] == "NO" else "")
    Console().print(rich)


def cells(row: Row) -> list[str]:
    """A row as a line of a table."""
    return [
        f"{row.number} {row.what}",
        number(row.value),
        row.unit,
        _goal(row),
        number(row.ratio),
        number(row.ratio_goal),
        row.peer,
        number(row.trips),
        VERDICTS[row.met],
    ]


def as_json(rows: Iterable[Row]) -> str:
    names = (
        "number",
        "what",
        "value",
        "unit",
        "goal",
        "least",
        "ratio",
        "ratio_goal",
        "peer",
        "trips",
        "met",
    )
    return json.dumps([{name: getattr(row, name) for name in names} for row in rows], indent=1)


def _goal(row: Row) -> str:
    if row.least is not None:
        return f"≥ {number(row.least)}"
    return f"≤ {number(row.goal)}" if row.goal is not None else ""


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
