"""Many mappings at a gateway that can list them all at once: looked at together, and still told apart."""

import pytest

from ringthru.lab.gateway.quirks import Quirks
from ringthru.portmap.values import Protocol, Rung, Wanted

from .play import comes_to_hold, held, make_world, start, stops

ROWS = ("", "LI01", "LI03", "LI04", "LI06", "LI07", "LI09", "LI15", "LI17", "LI18", "HT15", "AD17", "AD38")
COUNT, LONG = 12, 140


def hold(row: str, count: int):
    quirks = Quirks(rows=frozenset([row] if row else []), igd_version=2)
    world = make_world(quirks=quirks, protocols=("upnp",), budget=count)
    start(world, *[Wanted(Protocol.UDP, port) for port in range(20000, 20000 + count)])
    return world


@pytest.mark.parametrize("row", ROWS)
def test_under_each_row_of_listing_nothing_false_is_claimed(row):
    world = hold(row, COUNT)
    world.run(200)
    assert world.verdicts() == []
    assert stops(world)
    assert world.verdicts() == []


def test_LI18_a_gateway_that_dies_of_long_lists_is_asked_for_short_ones():
    world = hold("LI18", LONG)
    assert comes_to_hold(world, LONG)
    world.run(60)
    assert {each.rung for each in held(world)} == {Rung.LISTED}
    assert any("GetListOfPortMappings" in line for line in world.transcript())


def test_few_requests_see_that_all_are_there():
    world = hold("", LONG)
    assert comes_to_hold(world, LONG)
    world.run(5)
    before = len(world.records.exchanges)
    world.run(200)
    assert len(world.records.exchanges) - before < LONG


def test_a_restart_between_two_listings_is_noticed():
    world = hold("", COUNT)
    assert comes_to_hold(world, COUNT)
    world.run(16)
    world.gateways[0].reboot()
    world.run(60)
    assert {each.rung for each in held(world)} == {Rung.LISTED}
    assert len(held(world)) == COUNT
    assert world.verdicts() == []
