"""What shall be done later (``sched_api`` and its kin): numbered, in groups, listed, taken back.

Lives here: the book of it. Never here: what is done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ..net.values import frozen

log = logging.getLogger(__name__)

MOST: Final = 10_000  # tasks that wait; more are refused
LONGEST: Final = 366 * 86400.0  # seconds

Work = Callable[[], Coroutine[Any, Any, object]]


@frozen
class Entry:
    """One task; ``due`` is a moment of the wall clock."""

    number: int
    due: float
    description: str
    group: str


class Schedule:
    """One switch's."""

    def __init__(self) -> None:
        self._last = 0
        self._tasks: dict[int, tuple[Entry, asyncio.Task[None]]] = {}

    def entries(self) -> list[Entry]:
        return [entry for entry, _ in self._tasks.values()]

    def add(
        self, seconds: float, work: Work, description: str, group: str, *, every: float = 0.0
    ) -> int | None:
        """Do ``work`` in so many seconds, and again each time ``every`` more have gone by (0: once).

        Returns its number; None: too many wait already.
        """
        if len(self._tasks) >= MOST:
            return None
        self._last += 1
        number, seconds = self._last, min(max(seconds, 0.0), LONGEST)
        entry = Entry(number, time.time() + seconds, description, group)
        task = asyncio.create_task(self._run(number, seconds, work, every))
        self._tasks[number] = entry, task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))
        return number

    async def _run(self, number: int, seconds: float, work: Work, every: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:  # one that fails takes no other with it
                log.exception("scheduled task %d failed", number)
            if every <= 0:
                return
            seconds = min(every, LONGEST)
            entry, task = self._tasks[number]
            self._tasks[number] = Entry(number, time.time() + seconds, entry.description, entry.group), task

    def remove(self, number: int) -> bool:
        """Take one back, also while it is done."""
        found = self._tasks.pop(number, None)
        if found is not None:
            found[1].cancel()
        return found is not None

    def remove_group(self, group: str) -> int:
        """How many of them there were."""
        return sum(self.remove(each.number) for each in self.entries() if each.group == group)

    def close(self) -> None:
        for entry in self.entries():
            self.remove(entry.number)
