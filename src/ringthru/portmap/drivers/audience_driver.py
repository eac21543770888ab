"""Who hears of what happens: subscribers, holders of mappings, and those who wait for a verdict.

Lives here: callbacks, handles and futures. Never here: what happens, or when.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from ..errors import LocalError
from ..events import Event
from ..mapping.lease import Lease
from ..mapping.peer import Peer
from ..mapping.teller import Released
from .handles_driver import Judge, Mapping, PeerMapping, end, settle

log = logging.getLogger(__name__)

Told = TypeVar("Told")


class Listeners(Generic[Told]):
    """Subscribers, and those who wait for a condition."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Told], None]] = []
        self._changed: list[asyncio.Future[None]] = []  # of those who wait for a condition

    def subscribe(self, callback: Callable[[Told], None]) -> Callable[[], None]:
        """Have ``callback`` called with every event; what is returned ends that, also when called twice.

        Raises:
            LocalError: it cannot be called, or would have to be awaited.
        """
        if not callable(callback) or asyncio.iscoroutinefunction(callback):
            words = "give a function that returns at once, as the put_nowait of a queue"
            raise LocalError(f"{callback!r} cannot be told of events: {words}")
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def publish(self, event: Told) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(event)
            except (Exception, asyncio.CancelledError):  # a subscriber's mistake must not stop the engine
                log.exception("a subscriber failed at %r", event)

    def settle(self) -> None:
        """Something changed: whoever waits for a condition looks again."""
        changed, self._changed = self._changed, []
        for future in changed:
            if not future.done():
                future.set_result(None)

    async def until(self, condition: Callable[[], bool], patience: float | None = None) -> bool:
        """Wait for a condition; False when ``patience`` (seconds) ended before it held."""
        try:
            async with asyncio.timeout(patience):
                while not condition():
                    future = asyncio.get_running_loop().create_future()
                    self._changed.append(future)
                    try:
                        await future
                    finally:  # who waits no longer leaves nothing behind
                        if future in self._changed:
                            self._changed.remove(future)
        except TimeoutError:
            return False
        return True


class Audience(Listeners[Event]):
    """Everybody outside the engine; ``judge`` gives the verdict on a mapping, None while there is none."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self._judge = judge
        self._mappings: dict[Lease, Mapping] = {}
        self._awaited: dict[Mapping, None] = {}  # those that somebody waits for, in order
        self._releasing: dict[Lease, asyncio.Future[bool]] = {}

    def mapping_of(self, lease: Lease) -> Mapping:
        """The handle of a lease, always the same."""
        mapping = self._mappings.get(lease)
        if mapping is None:
            mapping = self._mappings[lease] = Mapping(lease, self._judge, self._awaited)
        return mapping

    def peer_of(self, peer: Peer, hopeless: Callable[[], bool]) -> PeerMapping:
        """A handle of a flow."""
        return PeerMapping(peer, hopeless, self.until)

    def mappings(self) -> list[Mapping]:
        return list(self._mappings.values())

    def being_released(self, lease: Lease) -> asyncio.Future[bool] | None:
        """What somebody waits for who gave that lease back already."""
        return self._releasing.get(lease)

    def until_released(self, lease: Lease) -> asyncio.Future[bool]:
        """Is done when the lease has left the book: True when the gateway agreed. Asked twice, it is one."""
        if lease not in self._releasing:
            self._releasing[lease] = asyncio.get_running_loop().create_future()
        return self._releasing[lease]

    def released(self, event: Released) -> None:
        """A lease has left the book."""
        mapping = self._mappings.pop(event.lease, None)
        if mapping is not None:
            end(mapping)
        future = self._releasing.pop(event.lease, None)
        if future is not None and not future.done():
            future.set_result(event.agreed)

    def release_all(self) -> None:
        """It is over, and whatever is still held is left to its lease."""
        for lease in [*self._mappings, *self._releasing]:
            self.released(Released(lease, False))

    def settle(self) -> None:
        """Something changed: whoever waits for a verdict or for a condition looks again."""
        for mapping in tuple(self._awaited):
            settle(mapping)
        super().settle()
