"""Applications that somebody outside the dialplan orders a leg to run (``sendmsg`` of the event socket).

They run one after another, beside what the leg does already. Those that end only with the call (``park``,
``echo``, a ``bridge``) hold up none that come after them, unless they were ordered with a lock.

Lives here: their queue. Never here: what an application does, who may order it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from ...net.values import frozen
from ..waiting import Flag

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

MOST_WAITING: Final = 200  # orders for one leg; more are refused
MOST_LOOPS: Final = 10_000
ENDLESS: Final = frozenset(
    ("park", "echo", "delay_echo", "bridge", "socket", "att_xfer", "conference", "valet_park", "intercept")
)


@frozen
class AppOrder:
    """One application to run; ``serial`` is how its events are known (Application-UUID)."""

    application: str
    data: str = ""
    loops: int = 1
    serial: str = ""
    locked: bool = False  # nothing else runs before it has ended


class Orders:
    """The orders for one leg."""

    def __init__(self, calls: Calls, channel: Channel) -> None:
        self.idle = Flag()  # set while nothing is to be done
        self.idle.set()
        self._calls = calls
        self._channel = channel
        self._waiting: deque[AppOrder] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()

    def add(self, order: AppOrder) -> bool:
        """Have it run as soon as may be; False: too many wait, or the leg is gone."""
        if len(self._waiting) >= MOST_WAITING or self._channel.gone.is_set():
            return False
        self._waiting.append(order)
        self.idle.clear()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
            self._calls.keep(self._worker)
        return True

    def forget(self) -> None:
        """What has not begun yet does not count any more."""
        self._waiting.clear()

    def cancel(self) -> None:
        """The leg goes elsewhere: what was ordered before does not count any more."""
        self._waiting.clear()
        current = asyncio.current_task()
        for task in (self._worker, *self._beside):
            if task is not None and task is not current:
                task.cancel()

    async def _work(self) -> None:
        try:
            while self._waiting and not self._channel.gone.is_set():
                order = self._waiting.popleft()
                if order.application in ENDLESS and not order.locked:
                    self._run_beside(order)
                else:
                    await self._run(order)
        finally:
            self._worker = None
            self._rest()

    def _run_beside(self, order: AppOrder) -> None:
        task = asyncio.create_task(self._run(order))
        self._beside.add(task)
        task.add_done_callback(self._ended)
        self._calls.keep(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        self._rest()

    def _rest(self) -> None:
        if self._worker is None and not self._beside:
            self.idle.set()

    async def _run(self, order: AppOrder) -> None:
        channel = self._channel
        for _ in range(min(order.loops, MOST_LOOPS)):
            await self._calls.router.execute(channel, order.application, order.data, order.serial)
            if channel.gone.is_set():
                return
            if channel.rerouted:  # nobody's dialplan is here to see it: begin it anew
                self._calls.transfers.transfer(channel, channel.destination, channel.context)
                return
