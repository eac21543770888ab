"""``kill -9`` in the middle of anything loses nothing and leaves nothing.

A life in another process is killed at every step of its talk with the gateway: before a request goes out,
after it, and when an answer has come that nobody has looked at yet. The next life wants some of the same
ports again, under the eyes of somebody else's mapping and of another engine of the same machine.
"""

from __future__ import annotations

import random
from functools import partial

import pytest

from ringthru.lab import Quirks
from ringthru.portmap import GatewayType, Rung

from ...scenarios.waiting import eventually
from .conftest import settled

A, B, C = 26001, 26002, 26003  # wanted by the one that dies, by both, by the next one
LIVING, OTHERS = 26010, 26011  # held by an engine that lives, and by another host
GATEWAYS = {
    "NAT-PMP": (("natpmp",), {}),
    "PCP": (("pcp",), {"rows": frozenset({"PC01"})}),
    "UPnP": (("upnp",), {}),
    "UPnP without leases": (("upnp",), {"rows": frozenset({"AD01"})}),
    "UPnP IGD:2": (("upnp",), {"igd_version": 2}),
}
pytestmark = pytest.mark.usefixtures("short_grace")


async def recover(house, mapper, wanted, untouched):
    """The next life: what is wanted is had at its port, the rest is gone, and what is not ours stays."""
    mappings = await settled(mapper, *wanted)
    assert [mapping.external_port for mapping in mappings] == list(wanted)
    await eventually(
        lambda: set(house.table()) == {*wanted, *untouched},
        f"{house.table()} for {wanted}: {house.journal()}",
    )
    await mapper.stop()
    assert set(house.table()) == set(untouched)
    assert house.written() == set(untouched) - {OTHERS}


@pytest.mark.parametrize("name", [name for name in GATEWAYS if name != "UPnP IGD:2"])
@pytest.mark.parametrize("when", ["before", "after", "answered"])
class TestKilledAtEachStep:
    async def test_the_next_life_cleans_up_exactly(self, build, new_mapper, die, name, when):
        protocols, quirks = GATEWAYS[name]
        house = await build(*protocols, **quirks)
        house.hold_for_others(OTHERS)
        await settled(new_mapper(house), LIVING)
        steps = 0
        while await die(house, [A, B], steps + 1, when):
            steps += 1
            await recover(house, new_mapper(house), (B, C), (LIVING, OTHERS))
        assert steps >= 5
        assert set(house.table()) == {LIVING, OTHERS}


@pytest.mark.parametrize("name", GATEWAYS)
class TestKilledAgainAndAgain:
    @pytest.mark.parametrize("seed", range(3))
    async def test_lives_that_want_now_this_now_that(self, build, new_mapper, die, name, seed):
        chance = random.Random(f"{name} {seed}")
        protocols, quirks = GATEWAYS[name]
        house = await build(*protocols, **quirks)
        house.hold_for_others(OTHERS)
        for _ in range(8):
            ports = chance.sample([A, B, C, OTHERS], chance.randrange(1, 4))
            await die(
                house, ports, chance.randrange(1, 16), chance.choice(["before", "after", "answered", "held"])
            )
            assert house.table()[OTHERS] != f"{house.us}:{OTHERS}"
        await recover(house, new_mapper(house), (B,), (OTHERS,))

    async def test_a_mapping_wanted_again_is_the_same_one(self, build, new_mapper, die, name):
        """The same external port and nonce, and not a moment without it."""
        protocols, quirks = GATEWAYS[name]
        house = await build(*protocols, **quirks)
        assert await die(house, [A])
        (before,) = house.journal()
        mapper = new_mapper(house)
        (mapping,) = await settled(mapper, A)
        await eventually(lambda: house.journal()[0].owner != before.owner)
        (after,) = house.journal()
        assert mapping.external_port == A
        assert after.holding.nonce == before.holding.nonce
        assert house.gateway.mappings()[0].forwarding
        await mapper.stop()
        assert house.table() == {}
        assert house.journal() == []


OTHER_PROTOCOLS = {  # PCP is there, and disabled, at first
    "NAT-PMP": (("pcp", "natpmp"), frozenset()),
    "UPnP": (("pcp", "upnp"), frozenset()),
    "UPnP without leases": (("pcp", "upnp"), frozenset({"AD01"})),
}


def speaks(mapper, name):
    """Whether the protocol of yesterday has answered today: only UPnP can list a mapping."""
    snapshot = mapper.snapshot()
    if name == "NAT-PMP":
        return GatewayType.NAT_PMP in [each.type for each in snapshot.services]
    return any(each.rung is Rung.LISTED for each in snapshot.mappings)


@pytest.mark.parametrize("name", OTHER_PROTOCOLS)
@pytest.mark.parametrize("when", ["before", "after", "answered"])
class TestAnotherProtocolIsSpokenNow:
    """Killed over NAT-PMP or UPnP, and alive again over PCP, which cannot delete what those made."""

    async def test_the_next_life_cleans_up_exactly(self, build, new_mapper, die, name, when):
        protocols, rows = OTHER_PROTOCOLS[name]
        disabled = Quirks(rows=rows | {"PC07"})
        house = await build(*protocols)
        house.hold_for_others(OTHERS)
        house.gateway.quirks = disabled
        steps = 0
        while await die(house, [A, B], steps + 1, when):
            steps += 1
            house.gateway.quirks = Quirks(rows=rows)
            mapper = new_mapper(house, witness_after=0.0)
            await settled(mapper, B, C)
            assert mapper.snapshot().type is GatewayType.PCP
            await eventually(partial(speaks, mapper, name))
            await eventually(lambda: A not in {*house.table(), *house.written()}, f"{house.table()}")
            await mapper.stop()
            assert set(house.table()) == {OTHERS}
            assert house.journal() == []
            house.gateway.quirks = disabled
        assert steps >= 5

    async def test_somebody_else_at_its_port_is_left_alone(self, build, new_mapper, die, name, when):
        """The gateway lost the mapping, and gave its port away."""
        protocols, rows = OTHER_PROTOCOLS[name]
        house = await build(*protocols)
        house.gateway.quirks = Quirks(rows=rows | {"PC07"})
        assert await die(house, [A])
        await house.gateway.reboot()
        house.hold_for_others(A)
        house.gateway.quirks = Quirks(rows=rows)
        mapper = new_mapper(house, witness_after=0.0)
        await settled(mapper, C)
        await eventually(lambda: A not in house.written(), f"{house.journal()}")
        await mapper.stop()
        assert set(house.table()) == {A}


class TestAnotherProtocolTakesOver:
    """What the first one refused is not left in the journal under its name."""

    async def test_the_journal_is_empty_in_the_end(self, build, new_mapper):
        house = await build("pcp", "natpmp", rows=frozenset({"PC03"}))
        mapper = new_mapper(house)
        await settled(mapper, A, B)
        assert {entry.gateway.type for entry in house.journal()} == {GatewayType.NAT_PMP}
        await mapper.stop()
        assert (house.table(), house.journal()) == ({}, [])
