"""What a gateway taught us, and where it was, is of use in the next life."""

from __future__ import annotations

import asyncio

import pytest

from ringthru.portmap import GatewayType, LocalError, NoGateway, PortMapper, Protocol, Wanted
from ringthru.portmap.memory.store_driver import Store

from ...scenarios.waiting import eventually
from .conftest import settled

A, B = 26301, 26302
NOBODY = 9  # a port where no gateway listens


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, 30)


class TestLessons:
    async def test_a_gateway_without_leases_is_asked_for_none_the_next_time(
        self, build, new_mapper, tapped, die
    ):
        """AD01: learned in one process, known in the next, even if the first was killed."""
        house = await build("upnp", rows=frozenset({"AD01"}))
        assert await die(house, [A])
        mapper = new_mapper(house, tap=tapped)
        await settled(mapper, A)
        adds = [ask for ask in tapped.asked if b"#AddPortMapping" in ask]
        assert adds
        assert all(b"<NewLeaseDuration>0<" in ask for ask in adds)
        assert mapper.snapshot().learned

    async def test_what_a_person_decided_is_used_though_nothing_was_learned(self, build, new_mapper, tapped):
        house = await build("upnp")
        first = new_mapper(house)
        await settled(first, A)
        fingerprint = first.snapshot().fingerprint
        await first.stop()
        store = Store(house.store)
        store.save_profile(_by_hand(fingerprint))
        store.close()
        await settled(new_mapper(house, tap=tapped), A)
        adds = [ask for ask in tapped.asked if b"#AddPortMapping" in ask]
        assert all(b"<NewLeaseDuration>0<" in ask for ask in adds)


class TestTheGatewayOfTheLastTime:
    async def test_it_is_found_without_an_answer_to_the_search(self, build, new_mapper):
        house = await build("upnp")
        first = new_mapper(house)
        await settled(first, A)
        await first.stop()
        again = new_mapper(house, ssdp_port=NOBODY)
        again.start()
        assert await soon(again.verdict())
        assert again.snapshot().type is GatewayType.UPNP

    async def test_where_it_is_no_more_the_search_goes_on_without_it(self, build, new_mapper):
        house = await build("upnp")
        first = new_mapper(house)
        await settled(first, A)
        await first.stop()
        await house.gateway.reboot()  # another HTTP port
        again = new_mapper(house)
        await settled(again, A)
        assert house.ours() == {A}

    async def test_another_network_has_no_gateway_of_the_last_time(self, build, new_mapper):
        house, other = await build("upnp"), await build("natpmp")
        first = new_mapper(house)
        await settled(first, A)
        await first.stop()
        elsewhere = new_mapper(other, store=house.store)
        await settled(elsewhere, A)
        assert elsewhere.snapshot().type is GatewayType.NAT_PMP


class TestTheJournalCannotBeUsed:
    async def test_it_is_told_and_everything_else_works(self, build, new_mapper, tmp_path):
        house = await build("natpmp")
        mapper = new_mapper(house, store=tmp_path)  # a directory
        await settled(mapper, A)
        assert house.ours() == {A}
        await mapper.stop()
        assert house.ours() == set()


class TestTheEnd:
    async def test_a_wish_after_the_end_is_refused_in_words(self, build, new_mapper):
        house = await build("natpmp")
        mapper = new_mapper(house)
        await settled(mapper, A)
        await mapper.stop()
        for late in (
            lambda: mapper.want(Wanted(Protocol.UDP, B)),
            lambda: mapper.want_set((Wanted(Protocol.UDP, B),)),
            mapper.start,
        ):
            with pytest.raises(LocalError, match="has been stopped"):
                late()
        assert (await soon(mapper.list_gateway())).complete is False
        await soon(mapper.reinit())
        await soon(mapper.republish())

    async def test_two_stops_end_together(self, build, new_mapper):
        house = await build("natpmp", delay=0.1)
        mapper = new_mapper(house)
        await settled(mapper, A)
        await soon(asyncio.gather(mapper.stop(), mapper.stop(), mapper.reinit(), mapper.verdict()))
        assert (house.ours(), house.journal()) == (set(), [])

    async def test_a_stop_while_a_gateway_is_looked_for_is_quick(self, build, new_mapper):
        house = await build("natpmp", "upnp", mute=True)
        mapper = new_mapper(house, stop_patience=600.0)  # what a stop gives a gateway that hangs
        mapper.start()
        mapping = mapper.want(Wanted(Protocol.UDP, A))
        waiting = asyncio.create_task(mapping.settled())
        await soon(mapper.stop())
        assert await waiting is False

    async def test_a_stop_that_is_cancelled_closes_everything(self, build, new_mapper):
        house = await build("natpmp")
        mapper = new_mapper(house)
        await settled(mapper, A)
        house.gateway.quirks = type(house.gateway.quirks)(mute=True)
        stopping = asyncio.create_task(mapper.stop())
        await eventually(lambda: mapper._stopping)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        assert mapper._closed
        assert house.written() == {A}  # the next life will delete it

    async def test_left_alone_mappings_stay_and_are_taken_over(self, build, new_mapper, short_grace):
        house = await build("natpmp")
        first = new_mapper(house)
        await settled(first, A, B)
        first.leave()
        assert house.ours() == {A, B}
        second = new_mapper(house)
        await settled(second, A)
        await eventually(lambda: house.ours() == {A})

    async def test_as_a_context_it_starts_and_stops(self, build, new_mapper):
        house = await build("natpmp")
        async with new_mapper(house) as mapper:
            assert await soon(mapper.want(Wanted(Protocol.UDP, A)).settled())
        assert house.ours() == set()

    async def test_searching_again_while_it_stops_does_not_bring_it_back(self, build, new_mapper):
        house = await build("natpmp", delay=0.1)
        mapper, heard = new_mapper(house), []
        await settled(mapper, A)
        mapper.subscribe(heard.append)
        stopping = asyncio.create_task(mapper.stop())
        await eventually(lambda: mapper._stopping)
        await soon(mapper.reinit())
        await soon(stopping)
        assert NoGateway() not in heard
        assert house.ours() == set()


class TestImpossibleSettings:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"lease": -1}, "1 to 604800"),
            ({"lease": 604801}, "1 to 604800"),
            ({"budget": 0}, "a budget of 0 mappings: 1 to 65535"),
            ({"natpmp_port": 70000}, "port 70000"),
            ({"ssdp_port": 0}, "port 0"),
            ({"gateway": "router.local"}, "in numbers"),
            ({"description_url": "ftp://x"}, "names no gateway"),
            ({"echo": "nonsense"}, "in numbers"),
        ],
    )
    async def test_each_is_refused_with_what_is_allowed(self, build, new_mapper, settings, words):
        house = await build("natpmp")
        with pytest.raises(LocalError, match=words):
            new_mapper(house, **settings)

    async def test_an_interface_that_does_not_exist(self, new_mapper):
        from ringthru.portmap import PortMapper

        with pytest.raises(LocalError, match="no-such0"):
            PortMapper(interface="no-such0")

    async def test_a_set_of_nothing(self, build, new_mapper):
        house = await build("natpmp")
        with pytest.raises(LocalError, match="name one"):
            new_mapper(house).want_set(())


def _by_hand(fingerprint):
    from ringthru.portmap.memory.profile import GatewayProfile

    return GatewayProfile(fingerprint, permanent_only=True, by_hand=frozenset({"permanent_only"}))


class TestStickyMappings:
    """``sticky``: wanted at the next start too, until somebody gives it back."""

    STICKY = Wanted(Protocol.UDP, A, sticky=True)

    async def lives_once(self, house, new_mapper) -> None:
        mapper = new_mapper(house)
        mapper.start()
        assert mapper.wishes() == []
        held = [mapper.want(self.STICKY), mapper.want(Wanted(Protocol.UDP, B))]
        assert [await soon(each.settled()) for each in held] == [True, True]
        await mapper.stop()

    async def test_are_off_the_gateway_after_a_stop_and_wanted_at_the_next_start(self, build, new_mapper):
        house = await build()
        await self.lives_once(house, new_mapper)
        assert house.ours() == set()
        again = new_mapper(house)
        again.start()
        assert again.wishes() == [self.STICKY]
        assert await soon(again.want(self.STICKY).settled())
        assert house.ours() == {A}

    async def test_end_with_being_given_back(self, build, new_mapper):
        house = await build()
        await self.lives_once(house, new_mapper)
        again = new_mapper(house)
        again.start()
        mapping = again.want(self.STICKY)
        assert await soon(mapping.settled())
        assert await soon(again.release(mapping))
        assert again.wishes() == []

    async def test_what_another_wish_has_made_is_as_sticky_as_that_one(self, build, new_mapper):
        mapper = new_mapper(await build())
        mapper.start()
        mapper.want(Wanted(Protocol.UDP, A))
        mapper.want(self.STICKY)
        assert mapper.wishes() == []

    async def test_without_a_store_there_are_none(self, build):
        house = await build()
        mapper = PortMapper(house.surroundings)
        assert mapper.wishes() == []

    async def test_asking_makes_no_file(self, build, new_mapper):
        house = await build()
        assert new_mapper(house).wishes() == []
        assert not house.store.exists()
