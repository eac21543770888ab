"""The places that one request may go to (RFC 3263 §4.3).

Lives here: in which order they are tried, and how long one of several is waited for.
Never here: which places there are (`locating.py`), or what else a failure means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...net.address import Endpoint
from ..flow import Flow

# What we chose: 64 × T1 for each of several servers is longer than anybody waits for a call to begin.
QUICK: Final = 8  # × T1: how long one of several places may be silent; the last one as long as always
REMEMBERED: Final = 60.0  # seconds that a place that failed is tried last
MOST_REMEMBERED: Final = 256


class Places:
    """Which places failed lately: nobody answered, no connection could be made, or the answer was 503."""

    def __init__(self) -> None:
        self._failed: dict[tuple[str, Endpoint], float] = {}  # until when that is remembered

    def note_failure(self, flow: Flow, now: float) -> None:
        place = flow.transport, flow.remote
        self._failed.pop(place, None)
        while len(self._failed) >= MOST_REMEMBERED:
            del self._failed[next(iter(self._failed))]
        self._failed[place] = now + REMEMBERED

    def in_order(self, flows: Iterable[Flow], now: float) -> list[Flow]:
        """Those that failed lately come last; else the order stays."""
        return sorted(flows, key=lambda flow: self._failed.get((flow.transport, flow.remote), 0.0) > now)
