"""What an examination of the whole found, made anew now and then while somebody looks.

Lives here: when. Never here: what is examined, or how a finding looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from .view import FindingLike

log = logging.getLogger(__name__)

EVERY: Final = 30.0  # seconds: it may ask the system for more than a glance does
Examine = Callable[[], Awaitable[Sequence[FindingLike]]]


async def nothing() -> tuple[FindingLike, ...]:
    """Where nobody examines anything."""
    return ()


class Examining:
    """The findings of one page."""

    def __init__(self, examine: Examine) -> None:
        self._examine = examine
        self._found: tuple[FindingLike, ...] = ()
        self._began: float | None = None
        self._task: asyncio.Task[None] | None = None

    def latest(self) -> tuple[FindingLike, ...]:
        """What is known; where that is old, a new examination begins beside this look."""
        now = asyncio.get_running_loop().time()
        if self._task is None and (self._began is None or now - self._began >= EVERY):
            self._began = now
            self._task = asyncio.create_task(self._run())
        return self._found

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self._found = tuple(await self._examine())
        except Exception:
            log.exception("An examination failed; the findings are those of the one before")
        finally:
            self._task = None
