"""Flags: what waits for one of several, with and without a limit, and what is done after."""

from __future__ import annotations

import asyncio

import pytest

from ringthru.switch.waiting import Flag, after_first_of, first_of, first_within

LONG = 30.0  # seconds; nothing here waits for so long


async def turns() -> None:
    """Let the loop go round until all that is due was done."""
    for _ in range(5):
        await asyncio.sleep(0)


class TestWithin:
    async def test_a_flag_that_is_set_already_is_not_waited_for(self) -> None:
        flag = Flag()
        flag.set()
        assert await first_within(0.0, Flag(), flag)

    async def test_any_of_them_ends_the_waiting(self) -> None:
        flags = [Flag(), Flag()]
        waiting = asyncio.ensure_future(first_within(LONG, *flags))
        await turns()
        flags[1].set()
        assert await waiting

    async def test_the_time_ends_it_too(self) -> None:
        flag = Flag()
        assert not await first_within(0.0, flag)
        assert flag._waiters == ()

    async def test_nothing_stays_behind_when_it_is_cancelled(self) -> None:
        flag = Flag()
        waiting = asyncio.ensure_future(first_within(LONG, flag))
        await turns()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert flag._waiters == ()


class TestAfter:
    async def test_it_is_done_once_whatever_is_set(self) -> None:
        done: list[str] = []
        flags = [Flag(), Flag()]
        after_first_of(lambda: done.append("done"), *flags)
        assert done == []
        for flag in flags:
            flag.set()
        await turns()
        assert done == ["done"]
        assert flags[0]._waiters == flags[1]._waiters == ()

    async def test_it_is_done_soon_when_a_flag_is_set_already(self) -> None:
        done: list[str] = []
        flag = Flag()
        flag.set()
        after_first_of(lambda: done.append("done"), flag)
        assert done == []  # not within the call
        await turns()
        assert done == ["done"]

    async def test_not_when_it_was_cancelled(self) -> None:
        done: list[str] = []
        flag = Flag()
        after_first_of(lambda: done.append("done"), flag).cancel()
        await turns()
        flag.set()
        await turns()
        assert done == []
        assert flag._waiters == ()


async def test_first_of_needs_one_alone() -> None:
    flags = [Flag(), Flag()]
    waiting = asyncio.ensure_future(first_of(*flags))
    await turns()
    assert not waiting.done()
    flags[0].set()
    await waiting
