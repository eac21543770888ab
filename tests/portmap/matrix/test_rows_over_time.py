"""Rows that show late, or with many mappings: what ``test_rows_alone`` is too short and too small to see."""

import pytest

from ringthru.lab.gateway.quirks import Quirks
from ringthru.portmap.events import GatewayLost, MappingFell
from ringthru.portmap.values import MappingState, Protocol, Rung, Wanted

from .play import comes_to_hold, held, make_world, mappings, start, stops

HOUR = 3600.0


def hold(row, count, protocols=("upnp",), **options):
    quirks = Quirks(rows=frozenset([row]))
    world = make_world(quirks=quirks, protocols=protocols, budget=count, **options)
    start(world, *[Wanted(Protocol.UDP, port) for port in range(20000, 20000 + count)])
    return world


def verdicts(world):
    """Without the pace, whose limit is for two mappings: these are as many as there are rows in a table."""
    return [each for each in world.verdicts() if "requests within" not in each]


@pytest.mark.parametrize(("row", "size"), [("AD15", 32), ("AD16", 160)])
def test_of_a_table_that_is_full_no_more_is_claimed_than_it_holds(row, size):
    world = hold(row, size + 6)
    world.run(600)
    ours = [each for each in world.gateways[0].entries() if each.internal.host == world.host]
    assert len(held(world)) <= len(ours) <= size
    refused = [each for each in mappings(world) if each.state is MappingState.REFUSED]
    assert len(held(world)) + len(refused) == size + 6
    assert any("table" in each.reason for each in refused)
    assert any("holds" in words for words in world.engine.snapshot(world.now).learned)
    assert verdicts(world) == []
    assert stops(world)
    assert verdicts(world) == []


def test_LI08_one_that_dies_after_two_hours_is_told_of_asked_ever_more_rarely_and_found_again():
    world = hold("LI08", 2)
    assert comes_to_hold(world, 2)
    world.run(3 * HOUR)
    assert any(isinstance(each, GatewayLost) for each in world.events)
    assert held(world) == []
    before = len(world.records.exchanges)
    world.run(HOUR)  # four rounds of the search, of some fifty datagrams each
    assert len(world.records.exchanges) - before < 250
    world.gateways[0].reboot()
    assert comes_to_hold(world, 2, 900 + 60)


def test_LI09_a_table_that_is_purged_when_it_is_long_is_filled_again_and_looked_at_more_often():
    world = hold("LI09", 24)
    assert comes_to_hold(world, 24)
    world.run(HOUR)
    assert verdicts(world) == []
    assert any("forgets mappings" in words for words in world.engine.snapshot(world.now).learned)
    assert any(isinstance(each, MappingFell) for each in world.events)
    assert stops(world)
    assert verdicts(world) == []


EVERY = {"natpmp": 10, "pcp": 10, "upnp": 60, "natpmp+pcp+upnp": 10}  # seconds: UPnP announces no address


@pytest.mark.parametrize("spoken", EVERY)
@pytest.mark.parametrize("mishap", ["reboot", "another address"])
def test_LI10_what_went_with_a_reboot_or_another_address_is_back(spoken, mishap):
    world = hold("LI10", 4, tuple(spoken.split("+")))
    assert comes_to_hold(world, 4)
    world.run(60)
    gateway = world.gateways[0]
    if mishap == "reboot":
        gateway.reboot()
    else:
        gateway.change_external_address("11.0.113.77")
    assert not any(each.internal.host == world.host for each in gateway.entries())

    def back():
        return sum(each.internal.host == world.host for each in gateway.entries()) == 4

    assert world.run_until(back, EVERY[spoken])
    assert world.verdicts() == []
    assert stops(world)


def test_TO06_a_sleep_longer_than_the_lease_is_mended_when_the_machine_wakes_up():
    world = hold("LI10", 2, ("natpmp",))
    assert comes_to_hold(world, 2)
    world.sleep(2 * HOUR)
    assert world.run_until(lambda: len(held(world)) == 2, 10)
    world.run(5)
    assert {each.internal.host for each in world.gateways[0].entries() if each.made_by != "static"} == {
        world.host
    }
    assert world.verdicts() == []


def test_TO10_a_port_that_the_gateway_keeps_for_itself_is_never_said_to_be_reachable():
    world = make_world(["TO10"], ("upnp",))
    (sip,) = start(world, Wanted(Protocol.UDP, 5060))
    assert comes_to_hold(world)
    for _ in range(5):
        world.run(60)
        world.call("unreachable", sip, "tried from outside in vain")
    (shown,) = held(world)
    assert shown.rung is Rung.LISTED
    assert [each.words for each in shown.evidence if each.rung is Rung.REACHABLE] == [
        "tried from outside in vain"
    ]
