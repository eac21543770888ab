"""The report of the media bench: its rows as a table, and two drawings as SVG.

Lives here: text. Never here: measuring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, log10
from pathlib import Path

from ringthru.net.values import frozen

from ..report import HEADER, Row, cells
from ..table import table

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 420, 70, 50, 40, 190
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555", "#17a2b8")
Point = tuple[float, float, float, float]  # calls, p50 and p90 in microseconds, cores


@frozen
class Curve:
    """One relay: how it fared at each number of calls."""

    name: str
    points: tuple[Point, ...]


def write_report(folder: Path, curves: Sequence[Curve], rows: Sequence[Row], state: str = "") -> None:
    """``media.md`` and its drawings, in a folder that is made; ``state`` says how far the measuring came."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "media-delay.svg").write_text(delay_plot(curves))
    (folder / "media-processor.svg").write_text(processor_plot(curves))
    lines = table(HEADER, [cells(row) for row in rows])
    pictures = "![added delay](media-delay.svg)\n\n![processor](media-processor.svg)\n"
    (folder / "media.md").write_text(f"# Media\n\n{state}\n\n{pictures}\n```\n{lines}\n```\n")


def delay_plot(curves: Sequence[Curve]) -> str:
    """The delay that nine of ten packets stay below, over calls; it grows by decades."""
    most = max((point[2] for curve in curves for point in curve.points), default=1.0)
    top = max(ceil(log10(max(most, 10.0))), 4)
    marks = [(float(power), f"{10**power:,} µs") for power in range(1, top + 1)]
    return draw(
        "Added delay, p90, over concurrent calls on one core",
        curves,
        lambda point: max(log10(max(point[2], 1.0)), 1.0),
        (1.0, float(top)),
        marks,
    )


def processor_plot(curves: Sequence[Curve]) -> str:
    """The processor's time over calls."""
    marks = [(tenths / 10, f"{tenths / 10:.1f}") for tenths in range(0, 13, 2)]
    title = "Cores used, over concurrent calls"
    return draw(title, curves, lambda point: min(point[3], 1.2), (0.0, 1.2), marks)


def draw(
    title: str,
    curves: Sequence[Curve],
    value: Callable[[Point], float],
    span: tuple[float, float],
    marks: Sequence[tuple[float, str]],
) -> str:
    """Lines over calls, with a legend at the right."""
    most = max((point[0] for curve in curves for point in curve.points), default=1.0)
    step = 10 ** int(log10(most)) / 2
    right, base = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(calls: float) -> float:
        return LEFT + (right - LEFT) * calls / most

    def y(height: float) -> float:
        return base - (base - TOP) * (height - span[0]) / (span[1] - span[0])

    parts = [f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>']
    for height, name in marks:
        parts.append(f'<path d="M{LEFT} {y(height):.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(height) + 4:.1f}" text-anchor="end">{name}</text>')
    for index in range(int(most / step) + 1):
        calls = index * step
        parts.append(f'<text x="{x(calls):.1f}" y="{base + 18}" text-anchor="middle">{calls:.0f}</text>')
    for index, curve in enumerate(curves):
        colour = COLOURS[index % len(COLOURS)]
        line = " ".join(f"{x(point[0]):.1f},{y(value(point)):.1f}" for point in curve.points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = TOP + 20 * index + 10
        parts.append(f'<path d="M{right + 12} {at - 4}h18" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{right + 36}" y="{at}">{escape(curve.name)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return f'{head} font-size="11"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
