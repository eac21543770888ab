"""Waiting for what must happen, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 30.0  # seconds: what has not come by then will not come, on the slowest of machines
POLL = 0.005
AGAIN = 0.2  # seconds until a datagram that nobody has heard is sent once more

Found = TypeVar("Found")


async def eventually(
    condition: Callable[[], Found | None],
    what: str = "",
    patience: float = PATIENCE,
    again: Callable[[], object] = lambda: None,
) -> Found:
    """The first true value of ``condition``; an AssertionError when there is none in time.

    ``again`` is done at once, and every 0.2 s from then on: it sends what UDP may lose, or what may come
    before the other side is ready.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    turns = 0
    while True:
        if loop.time() >= began + turns * AGAIN:
            again()
            turns += 1
        if found := condition():
            return found
        assert loop.time() < began + patience, what or "it did not happen"
        await asyncio.sleep(POLL)


async def uuid_of(asked: Awaitable[str]) -> str:
    """The leg that ``originate`` made, once it says so."""
    word, _, uuid = (await asked).partition(" ")
    assert word == "+OK"
    return uuid
