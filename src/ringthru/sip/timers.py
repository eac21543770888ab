"""One heap of timers for a whole user agent.

Lives here: instants and what is due at them.
Never here: clocks; the caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count

WORTH_SWEEPING = 256  # cancelled entries; fewer are left to fall out when they come due


class Timer:
    """Something to do at an instant; ``action`` is None once it was done or cancelled."""

    __slots__ = ("action", "at", "what")

    def __init__(self, at: float, action: Callable[..., None], what: object) -> None:
        self.at = at
        self.what = what
        self.action: Callable[..., None] | None = action


class Timers:
    """Timers by instant; cancelled ones neither keep their owner alive nor pile up in the heap."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()  # equal instants run in the order they were started
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def start(self, at: float, action: Callable[..., None], what: object = None) -> Timer:
        """Call ``action(now)`` at the instant ``at`` (seconds, monotonic) or soon after.

        ``action(what, now)`` where there is a ``what``: no function has to be made to remember it.
        """
        timer = Timer(at, action, what)
        heappush(self._heap, (at, next(self._order), timer))
        return timer

    def put_off(self, timer: Timer, at: float, what: object) -> None:
        """Let a timer that waits be about ``what``, and due at ``at``, which is no sooner than it was.

        In the heap it stays where it is until its old instant comes, which saves an insertion.
        """
        timer.at, timer.what = at, what

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer; None, one that ran and one already cancelled are all right."""
        if timer is None or timer.action is None:
            return
        timer.action = None
        self._cancelled += 1
        if self._cancelled > WORTH_SWEEPING and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapify(self._heap)
            self._cancelled = 0

    def next_at(self) -> float | None:
        """When ``run`` should be called next; None when nothing is waiting."""
        heap = self._heap
        while heap:
            at, _, timer = heap[0]
            if timer.action is None:
                heappop(heap)
                self._cancelled -= 1
            elif timer.at > at:
                heapreplace(heap, (timer.at, next(self._order), timer))
            else:
                return at
        return None

    def run(self, now: float) -> None:
        """Do everything that is due."""
        while (at := self.next_at()) is not None and at <= now:
            timer = heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is None:
                continue
            if timer.what is None:
                action(now)
            else:
                action(timer.what, now)
