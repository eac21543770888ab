"""The 2xx of an INVITE until its ACK comes (RFC 3261 §13.3.1.4).

Lives here: its repetition, and its patience.
Never here: which ACK is meant, or what to do without one.
"""

from __future__ import annotations

from collections.abc import Callable

from .flow import Flow
from .layer import TransactionLayer


class UnconfirmedAnswer:
    """Repeats a 2xx after T1, doubling to T2, whatever the transport; gives up after 64 × T1."""

    __slots__ = ("_data", "_deadline", "_flow", "_interval", "_layer", "_on_timeout", "_timer")

    def __init__(
        self,
        layer: TransactionLayer,
        data: bytes,
        flow: Flow,
        on_timeout: Callable[[float], None],
        now: float,
    ) -> None:
        self._layer = layer
        self._data = data
        self._flow = flow
        self._on_timeout = on_timeout
        self._interval = layer.timing.t1
        self._deadline = now + layer.timing.patience
        self._timer = layer.timers.start(now + self._interval, self._due)

    def stop(self) -> None:
        self._layer.timers.cancel(self._timer)

    def _due(self, now: float) -> None:
        if now >= self._deadline:
            self._on_timeout(now)
            return
        self._layer.send(self._data, self._flow)
        self._interval = min(2 * self._interval, self._layer.timing.t2)
        self._timer = self._layer.timers.start(min(now + self._interval, self._deadline), self._due)
