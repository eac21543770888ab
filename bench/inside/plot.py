"""Draws what growth costs; runs in the peers' environment, which has matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib  # type: ignore[import-not-found]

matplotlib.use("Agg")
from matplotlib import pyplot

PANELS = (
    ("registrations", "memory", "registrations", "resident memory, MiB"),
    ("registrations", "cpu_ms", "registrations", "processor time of one REGISTER, ms"),
    ("calls", "memory", "live calls", "resident memory, MiB"),
    ("calls", "busy", "live calls", "processor while they stand, %"),
)


def main(figures: Path, plot: Path) -> None:
    measured = json.loads(figures.read_text())
    _, axes = pyplot.subplots(1, len(PANELS), figsize=(16, 4), constrained_layout=True)
    for axis, (kind, value, horizontal, vertical) in zip(axes, PANELS, strict=True):
        rows = measured[kind]
        axis.plot([row["count"] for row in rows], [row[value] for row in rows], marker="o")
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_xlabel(horizontal)
        axis.set_title(vertical)
        axis.grid(alpha=0.3)
    pyplot.savefig(plot, dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
