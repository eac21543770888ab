"""The 2xx of an INVITE until its ACK comes (RFC 3261 §13.3.1.4).

Lives here: its repetition, its patience, and the moment when its ACK is overdue.
Never here: which ACK is meant, or what to do without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .flow import Flow
from .layer import TransactionLayer

OVERDUE: Final = 8  # × T1, 4 s: the fourth copy of the 2xx went unanswered, so something is wrong


class UnconfirmedAnswer:
    """Repeats a 2xx after T1, doubling to T2, whatever the transport; gives up after 64 × T1."""

    __slots__ = (
        "_deadline",
        "_interval",
        "_layer",
        "_on_overdue",
        "_on_timeout",
        "_overdue_at",
        "_resend_at",
        "_timer",
        "copies",
        "data",
        "flow",
    )

    def __init__(
        self,
        layer: TransactionLayer,
        data: bytes,
        flow: Flow,
        on_overdue: Callable[[UnconfirmedAnswer, float], None],
        on_timeout: Callable[[float], None],
        now: float,
    ) -> None:
        self.data = data
        self.flow = flow
        self.copies = 1
        self._layer = layer
        self._on_overdue = on_overdue
        self._on_timeout = on_timeout
        self._interval = layer.timing.t1
        self._deadline = now + layer.timing.patience
        self._overdue_at: float | None = now + OVERDUE * layer.timing.t1
        self._resend_at = now + self._interval
        self._timer = layer.timers.start(self._resend_at, self._due)

    def stop(self) -> None:
        self._layer.timers.cancel(self._timer)

    def _due(self, now: float) -> None:
        if now >= self._deadline:
            self._on_timeout(now)
            return
        if now >= self._resend_at:
            self._resend(now)
        if self._overdue_at is not None and now >= self._overdue_at:
            self._overdue_at = None
            self._on_overdue(self, now)
        times = (self._resend_at, self._deadline, self._overdue_at or self._deadline)
        self._timer = self._layer.timers.start(min(times), self._due)

    def _resend(self, now: float) -> None:
        self._layer.send(self.data, self.flow)
        self.copies += 1
        self._interval = min(2 * self._interval, self._layer.timing.t2)
        self._resend_at = now + self._interval
