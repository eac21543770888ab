"""The pool of mapped pairs: ready at once, patient once, never for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringthru.media import MediaEngine, NoFreePorts
from ringthru.portmap import MappingState, Protocol, Wanted
from ringthru.switch.rtp_pool import RtpPool

HOST = "127.41.0.103"


class SlowMapping:
    """A mapping that is granted when the test says so."""

    def __init__(self, wanted: Wanted) -> None:
        self.protocol: Protocol = wanted.protocol
        self.internal_port = wanted.internal_port
        self.external_port: int | None = None
        self.state = MappingState.REQUESTED
        self.reason = ""
        self._granted = asyncio.Event()

    def grant(self, external_port: int) -> None:
        self.external_port, self.state = external_port, MappingState.ACCEPTED
        self._granted.set()

    async def settled(self) -> bool:
        await self._granted.wait()
        return True


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


def pool_of(engine: MediaEngine, mapper: Any, size: int = 2) -> RtpPool:
    pool = RtpPool(engine, mapper, HOST, size)
    pool.fill()
    return pool


async def test_a_mapped_pair_is_taken_at_once_and_then_shown(engine):
    mapper = Mapper()
    pool = pool_of(engine, mapper)
    for mapping in mapper.mappings[2:4]:  # the second pair is ready first
        mapping.grant(mapping.internal_port)
    taken = await pool.take()
    assert taken.mapped
    assert mapper.listed == {taken.pair.rtp_port, taken.pair.rtcp_port}
    assert len(mapper.mappings) == 6  # filled again


async def test_a_call_waits_for_its_own_port_because_its_sdp_must_show_it(engine):
    mapper = Mapper()
    pool = pool_of(engine, mapper, size=1)
    taking = asyncio.ensure_future(pool.take())
    await asyncio.sleep(0)
    for mapping in mapper.mappings[:2]:
        mapping.grant(mapping.internal_port + 10000)
    taken = await taking
    assert taken.external_rtp_port == taken.pair.rtp_port + 10000


async def test_patience_ends_with_a_warning_and_the_next_call_does_not_wait(engine, caplog):
    mapper = Mapper()
    pool = pool_of(engine, mapper)
    first = await pool.take()
    assert not first.mapped
    assert "is not mapped (the gateway has not answered yet)" in caplog.text
    second = asyncio.ensure_future(pool.take())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert second.done()  # the gateway is known to be slow


async def test_a_call_given_up_while_waiting_leaves_its_pair_in_the_pool(engine):
    mapper = Mapper()
    pool = pool_of(engine, mapper, size=1)
    taking = asyncio.ensure_future(pool.take())
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    for mapping in mapper.mappings:
        mapping.grant(mapping.internal_port)
    assert (await pool.take()).mapped


async def test_the_range_used_up_is_said_so_and_comes_back(engine):
    mapper = Mapper()
    pool = pool_of(engine, mapper, size=10)
    for mapping in mapper.mappings:
        mapping.grant(mapping.internal_port)
    taken = [await pool.take() for _ in range(10)]
    with pytest.raises(NoFreePorts):
        await pool.take()
    engine.release(taken[0].pair)
    await pool.give_back(taken[0])
    assert mapper.released == [taken[0].pair.rtp_port, taken[0].pair.rtcp_port]
