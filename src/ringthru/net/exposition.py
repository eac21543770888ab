"""Numbers as text that Prometheus reads (exposition format 0.0.4).

Lives here: the format, for whoever has numbers to show. Never here: which numbers there are, or a server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from .values import frozen

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # for whoever serves it

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]  # of the metric of that name


@frozen
class Metric:
    """One metric: its name without the prefix, its type, and what it is, in words."""

    name: str
    kind: str  # "gauge", or "counter", whose name ends in _total
    help: str


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """A table of them, in the order in which they are shown."""
    return {each.name: each for each in metrics}


def exposition(
    metrics: Mapping[str, Metric], samples: Iterable[Sample], prefix: str, without: Collection[str] = ()
) -> str:
    """Metrics with their samples in the text format; one without samples is not named.

    Those ``without`` a meaning for the caller are left out.
    """
    lines: dict[str, list[str]] = {}
    for name, labels, value in samples:
        lines.setdefault(name, []).append(f"{prefix}{name}{_braced(labels)} {value:.10g}\n")
    told = (each for name, each in metrics.items() if name in lines and name not in without)
    return "".join(_head(each, prefix) + "".join(lines[each.name]) for each in told)


def _head(metric: Metric, prefix: str) -> str:
    name = prefix + metric.name
    return f"# HELP {name} {_plain(metric.help)}\n# TYPE {name} {metric.kind}\n"


def _braced(labels: Labels) -> str:
    """Label values are what gateways and peers said, too: quotes, backslashes and line ends are escaped."""
    inside = ",".join('{}="{}"'.format(name, _plain(text).replace('"', '\\"')) for name, text in labels)
    return f"{{{inside}}}" if inside else ""


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
