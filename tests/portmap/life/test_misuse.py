"""A program that holds the engine wrongly is told so in words, and what it did not finish leaves nothing."""

from __future__ import annotations

import asyncio
import time
from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import (
    Family,
    LocalError,
    PortMapper,
    Protocol,
    SetRule,
    Wanted,
    WantedPeer,
)

from .conftest import RULES, around

A, B = Wanted(Protocol.UDP, 25060), Wanted(Protocol.UDP, 25062)
MANY = 40  # impatient waits
HERE = Surroundings("127.83.200.10", IPv4Network("127.83.200.0/24"), "127.83.200.1", RULES, multicast=False)


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, 30)


async def lose_patience(waiting) -> None:
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class TestWhatIsGiven:
    @pytest.mark.parametrize("wanted", [None, "5060", 5060, WantedPeer])
    def test_a_wish_is_a_wanted(self, wanted):
        with pytest.raises(LocalError, match="is no Wanted"):
            PortMapper(HERE).want(wanted)

    @pytest.mark.parametrize("wanted", [A, None, 5, (None,), "ab"])
    def test_a_set_is_several_of_them(self, wanted):
        with pytest.raises(LocalError, match="which belongs here"):
            PortMapper(HERE).want_set(wanted)

    def test_a_rule_is_one_of_those_there_are(self):
        with pytest.raises(LocalError, match="SetRule"):
            PortMapper(HERE).want_set((A,), "pair")

    def test_a_flow_is_wanted_as_one(self):
        with pytest.raises(LocalError, match="WantedPeer"):
            PortMapper(HERE).want_peer(A)
        with pytest.raises(LocalError, match="Endpoint"):
            WantedPeer(Protocol.UDP, 5060, "203.0.113.5:5060")

    @pytest.mark.parametrize("options", [{"lease": "x"}, {"lease": 1.5}, {"budget": "x"}, {"budget": None}])
    def test_numbers_are_numbers(self, options):
        with pytest.raises(LocalError, match="make sense"):
            PortMapper(HERE, **options)

    def test_an_outer_gateway_is_an_address(self):
        with pytest.raises(LocalError, match=r"10\.0\.0\.1"):
            PortMapper(HERE, nested=True, outer_gateway="router.local")

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"family": "ipv6"}, r"Family\.IPV6"),
            ({"allow_from": "10.0.0.0/8"}, "a tuple of networks"),
            ({"allow_from": None}, "a tuple of networks"),
            ({"internal_client": 5}, r"192\.168\.1\.5"),
            ({"internal_client": "0.0.0.0"}, "is no machine"),
            ({"internal_client": "ff02::1", "family": Family.IPV6}, "is no machine"),
        ],
    )
    def test_the_rest_of_a_wish(self, wrong, words):
        with pytest.raises(LocalError, match=words):
            Wanted(Protocol.UDP, 5060, **wrong)

    @pytest.mark.parametrize("callback", [None, "print", asyncio.sleep])
    def test_who_listens_can_be_called_and_returns_at_once(self, callback):
        with pytest.raises(LocalError, match="put_nowait"):
            PortMapper(HERE).subscribe(callback)

    async def test_what_is_given_back_is_what_was_given(self, build, new_mapper):
        mapper = new_mapper(await build())
        pair = mapper.want_set((A, Wanted(Protocol.TCP, 25060)), SetRule.SAME_NUMBER)
        for wrong in (None, pair, A):
            with pytest.raises(LocalError, match="want_set several"):
                await mapper.release(wrong)
        with pytest.raises(LocalError, match="want_peer"):
            mapper.release_peer(pair.mappings[0])


class TestWaiting:
    async def test_who_loses_patience_leaves_nothing_behind(self, build, new_mapper):
        house = await build("natpmp", mute=True)
        mapper = new_mapper(house)
        mapper.start()
        mapping = mapper.want(A)
        for _ in range(MANY):
            await lose_patience(mapping.settled())
            await lose_patience(mapper.verdict())
        assert (mapping._waiting, mapper._audience._awaited, mapper._audience._changed) == ([], {}, [])
        house.gateway.quirks = Quirks()
        assert await soon(mapping.settled())

    async def test_one_who_loses_patience_does_not_disturb_another(self, build, new_mapper):
        mapper = new_mapper(await build("natpmp"))
        mapping = mapper.want(A)
        waiting = asyncio.ensure_future(mapping.settled())
        await lose_patience(mapping.settled())
        mapper.start()
        assert await soon(waiting)

    async def test_given_back_twice_both_are_told_when_it_is_gone(self, build, new_mapper):
        house = await build("natpmp")
        mapper = new_mapper(house)
        mapper.start()
        mapping = mapper.want(A)
        assert await soon(mapping.settled())
        assert await soon(asyncio.gather(mapper.release(mapping), mapper.release(mapping))) == [True, True]
        assert house.ours() == set()


class TestListening:
    async def test_a_subscriber_that_is_cancelled_does_not_stop_the_others(self, build, new_mapper):
        mapper = new_mapper(await build("natpmp"))
        heard = []

        def cancelled(event):
            raise asyncio.CancelledError

        mapper.subscribe(cancelled)
        mapper.subscribe(heard.append)
        mapper.start()
        assert await soon(mapper.want(A).settled())
        assert [type(each).__name__ for each in heard] == ["GatewayFound", "MappingAdded"]

    async def test_one_may_want_give_back_and_stop(self, build, new_mapper):
        house = await build("natpmp")
        mapper = new_mapper(house)
        done = asyncio.Event()

        def busy(event):
            if type(event).__name__ == "MappingAdded" and event.internal_port == 25060:
                mapper.want(B)
            elif type(event).__name__ == "MappingAdded":
                asyncio.ensure_future(mapper.stop()).add_done_callback(lambda _: done.set())

        mapper.subscribe(busy)
        mapper.start()
        mapper.want(A)
        await soon(done.wait())
        assert (house.ours(), house.journal()) == (set(), [])


class TestLoops:
    """``asyncio.run`` twice, or a thread with a loop of its own."""

    def test_when_its_loop_has_ended_it_says_so_and_can_be_closed(self, tmp_path):
        async def begin():
            gateway = FakeGateway("127.83.90.1", "127.84.90.1", protocols=("natpmp",), clock=time.monotonic)
            await gateway.start()
            mapper = PortMapper(around(90), log=lambda level, text: None, store=tmp_path / "journal")
            mapper.start()
            assert await soon(mapper.want(A).settled())
            await gateway.stop()
            return mapper

        async def go_on(mapper):
            for call in (mapper.start, lambda: mapper.want(B), lambda: mapper.set_mapping_enabled(False)):
                with pytest.raises(LocalError, match="has ended: begin anew"):
                    call()
            for waiting in (mapper.verdict(), mapper.list_gateway(), mapper.reinit(), mapper.republish()):
                with pytest.raises(LocalError, match="has ended"):
                    await waiting
            await soon(mapper.stop())
            with pytest.raises(LocalError, match="has been stopped"):
                mapper.want(B)

        mapper = asyncio.run(begin())
        with pytest.raises(LocalError, match="has ended"):
            mapper.want(B)
        asyncio.run(go_on(mapper))
        assert mapper.snapshot().mappings

    async def test_another_thread_can_neither_stop_nor_leave(self, build, new_mapper):
        house = await build("natpmp")
        mapper = new_mapper(house)
        mapper.start()
        mapping = mapper.want(A)
        assert await soon(mapping.settled())
        for call in (mapper.stop, mapper.verdict, lambda: mapper.release(mapping)):
            with pytest.raises(LocalError, match="run_coroutine_threadsafe"):
                await asyncio.to_thread(lambda call=call: asyncio.run(call()))
        with pytest.raises(LocalError, match="run_coroutine_threadsafe"):
            await asyncio.to_thread(mapper.leave)
        assert house.ours() == {25060}

    def test_a_wish_from_before_may_be_of_another_loop(self):
        mapper = PortMapper(around(91), log=lambda level, text: None)

        async def wish():
            mapper.want(A)
            await lose_patience(mapper.want(A).settled())

        async def begin():
            async with mapper:
                return await soon(mapper.want(A).settled())

        asyncio.run(wish())
        assert asyncio.run(begin()) is False  # nobody is there
