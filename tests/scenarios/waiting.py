"""Waiting for what must happen, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 5.0  # seconds: what has not come by then will not come
POLL = 0.005

Found = TypeVar("Found")


async def eventually(
    condition: Callable[[], Found | None], what: str = "", patience: float = PATIENCE
) -> Found:
    """The first true value of ``condition``; an AssertionError when there is none in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not (found := condition()):
        assert loop.time() < deadline, what or "it did not happen"
        await asyncio.sleep(POLL)
    return found
