"""A group that is held wrongly: the same words as of one port mapper alone."""

from __future__ import annotations

import asyncio

import pytest

from ringthru.portmap import LocalError, MapperGroup, Protocol, SetRule, Wanted

from .conftest import line

WEB = Wanted(Protocol.TCP, 8080)


def group() -> MapperGroup:
    return MapperGroup(places=lambda: {"dsl": line(77)})


@pytest.mark.parametrize("wanted", [None, "8080", (WEB,)])
def test_what_is_no_wish(wanted):
    with pytest.raises(LocalError, match="is no Wanted"):
        group().want(wanted)


@pytest.mark.parametrize(("wanted", "rule"), [(WEB, SetRule.PAIR), ((None,), SetRule.PAIR), ((WEB,), "pair")])
def test_what_is_no_set(wanted, rule):
    with pytest.raises(LocalError, match="which belongs here"):
        group().want_set(wanted, rule)


def test_without_a_loop():
    with pytest.raises(LocalError, match="running event loop"):
        group().start()


def test_when_its_loop_has_ended_it_can_be_closed_and_nothing_else():
    town = group()

    async def begin():
        town.start()
        town.want(WEB)

    async def go_on():
        for call in (town.start, lambda: town.want(Wanted(Protocol.TCP, 8081))):
            with pytest.raises(LocalError, match="has ended: begin anew"):
                call()
        await town.stop()
        with pytest.raises(LocalError, match="has been stopped"):
            town.want(WEB)

    asyncio.run(begin())
    asyncio.run(go_on())


async def test_another_thread_cannot_stop_it():
    async with group() as town:
        with pytest.raises(LocalError, match="run_coroutine_threadsafe"):
            await asyncio.to_thread(lambda: asyncio.run(town.stop()))
