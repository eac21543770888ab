"""Waiting for one of several things to happen, without a task for each.

Lives here: a flag that can be waited for, alone or beside others. Never here: what the flags mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence


class Flag:
    """What `asyncio.Event` is, but cheap to wait for together with others (``first_of``).

    A leg has nine of them, and most are never touched: what holds at first is the class's.
    """

    _set = False
    _waiters: Sequence[asyncio.Future[None]] = ()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        self._set = False

    async def wait(self) -> None:
        await first_of(self)


async def first_of(*flags: Flag) -> None:
    """Wait until one of the flags is set."""
    waiter = _waiter(flags)
    if waiter.done():
        return
    try:
        await waiter
    finally:
        _forget(waiter, flags)


async def first_within(seconds: float, *flags: Flag) -> bool:
    """Wait until one of the flags is set, but no longer than so; whether one is."""
    waiter = _waiter(flags)
    if waiter.done():
        return True
    timer = waiter.get_loop().call_later(seconds, _give_up, waiter)
    try:
        await waiter
    finally:
        timer.cancel()
        _forget(waiter, flags)
    return any(flag.is_set() for flag in flags)


def after_first_of(action: Callable[[], None], *flags: Flag) -> asyncio.Future[None]:
    """Do something soon after one of the flags is set, unless what is returned is cancelled before."""
    waiter = _waiter(flags)

    def done(_: asyncio.Future[None]) -> None:
        _forget(waiter, flags)
        if not waiter.cancelled():
            action()

    waiter.add_done_callback(done)
    return waiter


def _waiter(flags: tuple[Flag, ...]) -> asyncio.Future[None]:
    """A future that is done when one of the flags is set."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for flag in flags:
        if flag._set:
            waiter.set_result(None)
            return waiter
    for flag in flags:
        flag._waiters = (*flag._waiters, waiter)
    return waiter


def _give_up(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _forget(waiter: asyncio.Future[None], flags: tuple[Flag, ...]) -> None:
    for flag in flags:
        if waiter in flag._waiters:
            flag._waiters = tuple(each for each in flag._waiters if each is not waiter)
