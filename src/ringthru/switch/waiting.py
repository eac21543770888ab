"""Waiting for one of several things to happen, without a task for each.

Lives here: a flag that can be waited for, alone or beside others. Never here: what the flags mean.
"""

from __future__ import annotations

import asyncio


class Flag:
    """What `asyncio.Event` is, but cheap to wait for together with others (``first_of``)."""

    __slots__ = ("_set", "_waiters")

    def __init__(self) -> None:
        self._set = False
        self._waiters: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        self._set = False

    async def wait(self) -> None:
        await first_of(self)


async def first_of(*flags: Flag) -> None:
    """Wait until one of the flags is set."""
    if any(flag._set for flag in flags):
        return
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for flag in flags:
        flag._waiters.append(waiter)
    try:
        await waiter
    finally:
        for flag in flags:
            if waiter in flag._waiters:
                flag._waiters.remove(waiter)
