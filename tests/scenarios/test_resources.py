"""Fifty calls and twenty failures later everything that they held has been given back."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from typing import Any

import pytest

from ringthru.media import Codec
from ringthru.switch.calls.channel import Channel

from .home import PASSWORD, Home, tasks_besides_this
from .phones import hear_each_other, hears_itself
from .waiting import eventually

G729 = Codec("G729", 18)


def sockets() -> int:
    return len(os.listdir("/proc/self/fd"))


async def nothing_left(home: Home) -> None:
    calls = home.switch.calls
    await home.quiet()
    assert calls._by_call == {}
    assert list(home.switch._engine.legs()) == []
    assert calls.ports.pool is not None
    pool = calls.ports.pool  # two pairs, and more for a while after a burst of calls
    await eventually(lambda: home.switch._engine.reserved() == pool.size, "the idle pool is not full")
    assert home.gateway is not None
    gateway = home.gateway
    await eventually(lambda: len(gateway.mappings()) == 4 + 2 * pool.size, "mappings are left")
    for profile in calls.profiles.values():
        await eventually(lambda: profile.agent.calls == (), "a dialog is left")  # noqa: B023
        assert profile.counters.sessions == 0


@pytest.fixture(autouse=True)
def unlimited(home: Home) -> None:
    home.switch.calls.pace.limit = 10_000  # calls a second, not what is tried here


class TestNothingIsLeft:
    async def test_after_fifty_calls(self, home: Home) -> None:
        phone = home.far_phone()
        at = home.reached_at("external")
        tasks = tasks_besides_this()
        open_ones = 0
        for number in range(50):
            call = phone.invite("9196", at)
            await call.answered()
            await hears_itself(call, frames=1)
            call.hang_up()
            await call.over()
            call.audio.close()
            if number == 4:  # what the first ones opened for good is there now
                await nothing_left(home)
                open_ones = sockets()
        await nothing_left(home)
        await eventually(lambda: tasks_besides_this() <= tasks, "tasks are left")
        assert sockets() <= open_ones + 50  # the gateway keeps a flow per peer for two minutes
        assert home.switch.snapshot().profiles[0].calls_in == 50

    async def test_after_fifty_bridged_calls(self, home: Home) -> None:
        caller, callee = home.far_phone(), await home.registered_phone()
        at = home.reached_at("external")
        pool = home.switch.calls.ports.pool
        assert pool is not None
        for number in range(1, 26):
            await eventually(lambda: pool.ready, "no mapped ports")  # else the first frame may be too early
            call = caller.invite("1000", at)
            rung = await callee.rung(number)
            rung.answer()
            await call.answered()
            await hear_each_other(call, rung, frames=1)
            (call if number % 2 else rung).hang_up()
            await call.over()
            await rung.over()
            call.audio.close()
            rung.audio.close()
        await nothing_left(home)

    async def test_after_twenty_failures_of_every_kind(self, home: Home) -> None:
        phone, callee = home.far_phone(), await home.registered_phone()
        external, internal = home.reached_at("external"), home.reached_at("internal")
        for number in range(1, 5):
            assert (await phone.invite("9196", external, codecs=(G729,)).refused()).status == 488
            assert (await phone.invite("0800", external).refused()).status == 404
            assert (await phone.invite("9196", internal, password="guess").refused()).status == 407
            busy = phone.invite("1000", external)
            (await callee.rung(2 * number - 1)).reject(486)
            assert (await busy.refused()).status == 486
            given_up = phone.invite("1000", external)
            (await callee.rung(2 * number)).ring()
            given_up.hang_up()
            assert (await given_up.refused()).status == 487
        assert await home.switch.originate("sofia/internal/sip:a b@x", "&echo") == "-ERR INVALID_URL"
        await nothing_left(home)

    async def test_after_fifty_registrations_of_one_phone(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        for number in range(1, 51):
            response = await phone.register(home.internal, PASSWORD, call_id="one", number=2 * number)
            assert response.status == 200
        assert len(home.switch.snapshot().registrations) == 1

    async def test_many_calls_at_once(self, home: Home) -> None:
        phones = [home.far_phone() for _ in range(20)]
        at = home.reached_at("external")
        calls = [each.invite("9196", at) for each in phones]
        await asyncio.gather(*(each.answered() for each in calls))
        assert home.gateway is not None
        gateway = home.gateway  # which maps two ports a call; the pool had but two pairs ready
        await eventually(lambda: len(gateway.mappings()) >= 4 + 2 * len(calls))
        await asyncio.gather(*(hears_itself(each) for each in calls))
        for each in calls:
            each.hang_up()
        await nothing_left(home)

    async def test_a_finished_call_is_not_kept_in_memory(self, home: Home) -> None:
        call = home.lan_phone().invite("9196", home.external)
        await call.answered()
        (channel,) = home.switch.calls.channels.values()
        uuid = channel.uuid
        del channel
        call.hang_up()
        await nothing_left(home)
        gc.collect()
        kept = [each for each in gc.get_objects() if isinstance(each, Channel) and each.uuid == uuid]
        assert kept == []

    async def test_its_legs_go_without_the_collector(self, home: Home) -> None:
        """Objects that refer to each other in a circle cost the collector time, in the midst of calls."""
        caller, callee = home.far_phone(), await home.registered_phone()
        gc.disable()
        try:
            call = caller.invite("1000", home.reached_at("external"))
            rung = await callee.rung(1)
            rung.answer()
            await call.answered()
            await hear_each_other(call, rung, frames=1)
            legs = [weakref.ref(each) for each in home.switch.calls.channels.values()]
            assert len(legs) == 2
            call.hang_up()
            await nothing_left(home)
            await eventually(lambda: all(leg() is None for leg in legs), "a leg waits for the collector")
        finally:
            gc.enable()


class TestAfterTheEnd:
    async def test_a_stop_leaves_no_task_and_no_timer_of_the_switch(self, found: Any) -> None:
        before = tasks_besides_this()
        home: Home = await found()
        await home.switch.start()
        await home.mapped()
        await home.far_phone().invite("9196", home.reached_at("external")).answered()
        await home.switch.stop()
        await eventually(lambda: tasks_besides_this() <= before, "tasks are left")
        assert not home.switch.calls.channels
        assert home.switch._engine.reserved() == 0
        assert home.gateway is not None
        assert home.gateway.mappings() == ()
