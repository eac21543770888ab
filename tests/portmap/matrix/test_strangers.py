"""Hosts that say they are gateways and are not ours: a second router, a container bridge, a liar.

Our packets leave by our own gateway. What another one maps leads nowhere, and what it tells may be a lie.
"""

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.portmap.discovery.race import SEARCH_PATIENCE

from .play import GATEWAY, HOME, HOST, TCP, UDP, comes_to_hold, held, make_engine, make_world, start, stops

STRANGERS = ["TO01", "TO02", "TO11"]


def used(world):
    return world.engine.snapshot(world.now).gateway


@pytest.mark.parametrize("row", STRANGERS)
class TestAStranger:
    def test_that_is_quicker_is_not_taken_for_our_gateway(self, row):
        world = make_world(protocols=("upnp",), quirks=Quirks(rows=frozenset({row}), delay=2.5))
        start(world, UDP, TCP)
        assert comes_to_hold(world, 2)
        assert used(world) == GATEWAY
        assert world.verdicts() == []

    @pytest.mark.parametrize("refusal", ["AD13", "HT19", "DE18"])
    def test_gets_nothing_when_ours_refuses(self, row, refusal):
        """606 for everybody; redirects to its administration page; a description that must not be read."""
        world = make_world([row, refusal], ("upnp",))
        start(world, UDP, TCP)
        world.run(1800)
        assert held(world) == []
        assert world.verdicts() == []

    def test_does_not_take_over_while_ours_starts_anew(self, row):
        world = make_world([row], ("upnp",))
        start(world, UDP)
        assert comes_to_hold(world)
        world.gateways[0].power_off()
        world.run(700)
        assert world.verdicts() == []
        world.gateways[0].power_on()
        assert comes_to_hold(world, 1, 1000)
        assert used(world) == GATEWAY
        assert stops(world)
        assert world.verdicts() == []


@pytest.mark.parametrize("row", STRANGERS)
def test_an_answer_on_port_5351_speaks_for_our_gateway_too(row):
    """It speaks NAT-PMP, and refuses: that is an answer."""
    world = make_world([row, "NP09", "AD13"], ("natpmp", "upnp"))
    start(world, UDP)
    world.run(600)
    assert held(world) == []
    assert world.verdicts() == []


def test_where_two_routers_share_our_gateways_address_a_stranger_still_has_to_wait():
    """SD02: ours answers from another address, which names that one."""
    world = make_world(["SD02", "TO01"], ("upnp",))
    start(world, UDP)
    assert comes_to_hold(world)
    assert used(world) == GATEWAY
    assert world.verdicts() == []


def test_the_last_resort_is_a_stranger_where_ours_never_says_a_word():
    clock = ManualClock()
    mute = VirtualGateway(clock.read, quirks=Quirks(mute=True))
    other = VirtualGateway(clock.read, "192.168.1.2", "11.0.113.2", protocols=("upnp",))
    world = World(make_engine(HOME), mute, other, clock=clock, host=HOST)
    began = world.now
    start(world, UDP)
    assert comes_to_hold(world)
    assert used(world) == "192.168.1.2"
    assert world.now - began >= SEARCH_PATIENCE
