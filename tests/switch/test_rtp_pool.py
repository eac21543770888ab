"""The pool of mapped pairs: ready at once, and no call ever waits for the gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from ringthru.media import NoFreePorts, PortPair
from ringthru.media.engine.driver import MediaEngine
from ringthru.portmap import MappingState, Protocol, Rung, Wanted
from ringthru.switch.addresses import rtp_pool
from ringthru.switch.addresses.rtp_pool import MappedPair, RtpPool

HOST = "127.41.0.103"


class SlowMapping:
    """A mapping that is granted when the test says so."""

    def __init__(self, wanted: Wanted) -> None:
        self.protocol: Protocol = wanted.protocol
        self.internal_port = wanted.internal_port
        self.external_port: int | None = None
        self.state = MappingState.REQUESTED
        self.reason = ""
        self.rung, self.disproved = Rung.REQUESTED, False
        self._granted = asyncio.Event()

    def refuse(self, reason: str) -> None:
        self.state, self.reason = MappingState.REFUSED, reason
        self._granted.set()

    def grant(self, external_port: int) -> None:
        self.external_port, self.state = external_port, MappingState.ACCEPTED
        self.rung = Rung.ACCEPTED
        self._granted.set()

    async def settled(self) -> bool:
        await self._granted.wait()
        return self.state is MappingState.ACCEPTED


class Mapper:
    """Stands for the mapping engine: what was wanted, listed and released."""

    def __init__(self) -> None:
        self.mappings: list[SlowMapping] = []
        self.listed: set[int] = set()
        self.released: list[int] = []

    def want(self, wanted: Wanted) -> SlowMapping:
        self.mappings.append(SlowMapping(wanted))
        return self.mappings[-1]

    def set_listed(self, mapping: SlowMapping, listed: bool) -> None:
        self.listed.add(mapping.internal_port)

    async def release(self, mapping: SlowMapping) -> bool:
        self.released.append(mapping.internal_port)
        return True


@pytest.fixture
async def engine() -> AsyncIterator[MediaEngine]:
    engine = MediaEngine(30000, 30019)  # ten pairs
    yield engine
    await engine.close()


class Beside:
    """Tasks that the pool starts."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Future[None]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def done(self) -> None:
        await asyncio.gather(*self.tasks)


@pytest.fixture
async def beside() -> AsyncIterator[Beside]:
    made = Beside()
    yield made
    for task in made.tasks:
        task.cancel()


@pytest.fixture
def pool_of(engine: MediaEngine, beside: Beside) -> Any:
    def make(mapper: Any, least: int = 2, most: int = 8) -> RtpPool:
        pool = RtpPool(engine, mapper, HOST, beside.spawn, least, most)
        pool.fill()
        return pool

    return make


def mapped(pair: MappedPair | PortPair) -> MappedPair:
    assert isinstance(pair, MappedPair)
    return pair


async def test_a_mapped_pair_is_taken_at_once_and_then_shown(pool_of):
    mapper = Mapper()
    pool = pool_of(mapper)
    for mapping in mapper.mappings[2:4]:  # the second pair is ready first
        mapping.grant(mapping.internal_port + 10000)
    assert pool.ready == 1
    taken = mapped(pool.take())
    assert taken.mapped
    assert taken.external_rtp_port == taken.pair.rtp_port + 10000
    assert mapper.listed == {taken.pair.rtp_port, taken.pair.rtcp_port}
    assert len(mapper.mappings) == 4  # the call goes first
    await asyncio.sleep(0)
    assert len(mapper.mappings) == 6  # filled again


class TestProof:
    """Accepted is not reachable: what is proven goes first."""

    @pytest.fixture
    def pairs(self, pool_of) -> tuple[RtpPool, list[list[SlowMapping]]]:
        mapper = Mapper()
        pool = pool_of(mapper, least=3)
        for mapping in mapper.mappings:
            mapping.grant(mapping.internal_port)
        return pool, [mapper.mappings[at : at + 2] for at in (0, 2, 4)]

    async def test_the_pair_that_was_reached_is_taken_before_one_that_is_listed(self, pairs):
        pool, (first, second, third) = pairs
        for each in second:
            each.rung = Rung.LISTED
        for each in third:
            each.rung = Rung.REACHABLE
        assert [mapped(pool.take()).rtp for _ in range(3)] == [third[0], second[0], first[0]]

    async def test_the_weaker_of_the_two_ports_counts(self, pairs):
        pool, (first, second, _) = pairs
        first[0].rung = Rung.REACHABLE
        second[0].rung = second[1].rung = Rung.LISTED
        assert mapped(pool.take()).rtp is second[0]

    async def test_one_that_the_gateway_does_not_list_goes_last(self, pairs):
        pool, (first, second, third) = pairs
        first[1].disproved = True
        assert [mapped(pool.take()).rtp for _ in range(3)] == [second[0], third[0], first[0]]


class TestTheGatewayHasNotAnsweredYet:
    async def test_the_call_goes_on_with_the_ports_asked_for(self, pool_of, beside, caplog):
        mapper = Mapper()
        taken = mapped(pool_of(mapper).take())
        assert taken.external_ports == (taken.pair.rtp_port, taken.pair.rtcp_port)
        for mapping in mapper.mappings:
            mapping.grant(mapping.internal_port)
        await beside.done()
        assert taken.mapped
        assert not caplog.records

    async def test_another_port_granted_later_is_told(self, pool_of, beside, caplog):
        mapper = Mapper()
        taken = mapped(pool_of(mapper).take())
        for mapping in mapper.mappings:
            mapping.grant(mapping.internal_port + 10000)
        await beside.done()
        assert taken.external_rtp_port == taken.pair.rtp_port + 10000
        assert "after a call was told of" in caplog.text

    async def test_a_refusal_later_is_a_warning(self, pool_of, beside, caplog):
        mapper = Mapper()
        taken = mapped(pool_of(mapper).take())
        for mapping in mapper.mappings:
            mapping.refuse("the table is full")
        await beside.done()
        assert (
            f"RTP port {taken.pair.rtp_port} is not mapped (the table is full); the call relies on latching"
            in caplog.text
        )

    async def test_so_is_silence(self, pool_of, beside, caplog, monkeypatch):
        monkeypatch.setattr(rtp_pool, "PATIENCE", 0.01)
        pool_of(Mapper()).take()
        await beside.done()
        assert "is not mapped (the gateway has not answered yet)" in caplog.text

    async def test_a_burst_takes_as_many_as_there_are_calls(self, pool_of):
        mapper = Mapper()
        pool = pool_of(mapper)
        ports = {mapped(pool.take()).pair.rtp_port for _ in range(6)}
        assert len(ports) == 6


class TestTheGatewayRefuses:
    async def test_a_pair_that_was_refused_is_never_shown_to_a_peer(self, pool_of, caplog):
        mapper = Mapper()
        pool = pool_of(mapper, least=2, most=2)
        for mapping in mapper.mappings:
            mapping.refuse("the table is full")
        taken = pool.take()
        assert isinstance(taken, PortPair)
        assert taken.rtp_port not in {mapping.internal_port for mapping in mapper.mappings}
        assert "is not mapped (the table is full); the call relies on latching" in caplog.text
        await pool.give_back(taken)
        assert mapper.released == []

    async def test_one_that_is_mapped_is_found_among_those_that_are_not(self, pool_of):
        mapper = Mapper()
        pool = pool_of(mapper)
        for mapping in mapper.mappings[:2]:
            mapping.refuse("the table is full")
        for mapping in mapper.mappings[2:]:
            mapping.grant(mapping.internal_port)
        assert mapped(pool.take()).rtp is mapper.mappings[2]

    async def test_what_the_gateway_grants_after_all_is_used_again(self, pool_of):
        mapper = Mapper()
        pool = pool_of(mapper)
        for mapping in mapper.mappings:
            mapping.refuse("no")
        for mapping in mapper.mappings:
            mapping.grant(mapping.internal_port)
        assert mapped(pool.take()).mapped


class TestATableWithRoomForHalfAPair:
    """The gateway had one place left: RTP is mapped and RTCP is not, and the audio need not suffer for it."""

    async def test_it_is_better_than_none(self, pool_of, beside, caplog):
        caplog.set_level(logging.INFO)
        mapper = Mapper()
        pool = pool_of(mapper)
        first, second = mapper.mappings[:2], mapper.mappings[2:]
        second[0].grant(second[0].internal_port + 10000)
        for each in (*first, second[1]):
            each.refuse("the table is full")
        taken = mapped(pool.take())
        assert taken.rtp is second[0]
        assert taken.external_ports == (second[0].external_port, taken.pair.rtcp_port)
        assert f"RTCP port {taken.pair.rtcp_port} is not mapped (the table is full)" in caplog.text
        assert "relies on latching" not in caplog.text
        await pool.give_back(taken)
        assert second[0].internal_port in mapper.released

    async def test_a_whole_one_goes_first(self, pool_of):
        mapper = Mapper()
        pool = pool_of(mapper)
        half, whole = mapper.mappings[:2], mapper.mappings[2:]
        half[0].grant(half[0].internal_port)
        half[1].refuse("the table is full")
        for each in whole:
            each.grant(each.internal_port)
        assert mapped(pool.take()).rtp is whole[0]
        assert mapped(pool.take()).rtp is half[0]

    async def test_where_audio_has_no_port_reports_alone_are_of_no_use(self, pool_of):
        mapper = Mapper()
        pool = pool_of(mapper, most=2)
        for rtp, rtcp in zip(mapper.mappings[::2], mapper.mappings[1::2], strict=True):
            rtp.refuse("the table is full")
            rtcp.grant(rtcp.internal_port)
        assert isinstance(pool.take(), PortPair)


class TestSize:
    async def test_each_shortage_doubles_it_and_quiet_takes_it_back(self, pool_of, beside):
        mapper = Mapper()
        pool = pool_of(mapper, least=1, most=3)

        async def settle() -> None:
            await asyncio.sleep(0)  # it fills itself when the call has gone on
            for mapping in mapper.mappings:
                mapping.grant(mapping.internal_port)

        used = [mapped(pool.take())]  # nothing was ready: now two are held
        await settle()
        assert pool.ready == 2
        used += [mapped(pool.take()) for _ in range(3)]  # the third finds none: now three
        await settle()
        assert pool.ready == 3
        for each in used:
            await pool.give_back(each)
        assert len(mapper.released) == 2 * len(used)
        pool._shrink()  # what a quiet minute does
        pool._shrink()
        assert (pool.ready, pool.size) == (1, 1)
        await beside.done()
        assert len(mapper.released) == 2 * (len(used) + 2)
        assert pool._timer is None

    async def test_the_range_used_up_is_said_so_and_comes_back(self, engine, pool_of):
        mapper = Mapper()
        pool = pool_of(mapper, least=10, most=10)
        for mapping in mapper.mappings:
            mapping.grant(mapping.internal_port)
        taken = [mapped(pool.take()) for _ in range(10)]
        with pytest.raises(NoFreePorts):
            pool.take()
        engine.release(taken[0].pair)
        await pool.give_back(taken[0])
        assert mapper.released == [taken[0].pair.rtp_port, taken[0].pair.rtcp_port]
