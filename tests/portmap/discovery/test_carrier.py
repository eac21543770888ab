"""PCP at the anycast address (RFC 7723): row PC20, a carrier's NAT without one of our own before it."""

import itertools
import random
from ipaddress import IPv4Network

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.values import GatewayType, MappingState, Protocol, Wanted

ANYCAST = "192.0.0.9"


def make_world(host: str, gateway: str, network: str) -> World:
    clock = ManualClock()
    lan = IPv4Network(network)
    carrier = VirtualGateway(
        clock.read, gateway, network=lan, protocols=("pcp",), quirks=Quirks(rows=frozenset({"PC20"}))
    )
    ports = itertools.count(40000)
    engine = Engine(
        Surroundings(host, lan, gateway),
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(0).randbytes,
    )
    world = World(engine, carrier, clock=clock, host=host)
    world.call("start")
    world.call("want", Wanted(Protocol.UDP, 5060))
    return world


def asked_the_carrier(world: World) -> int:
    return sum(each.peer.host == ANYCAST for each in world.records.requests())


def mapped(world: World) -> bool:
    (mapping,) = world.engine.snapshot(world.now).mappings
    return mapping.state is MappingState.ACCEPTED


def test_behind_the_carrier_s_nat_alone_its_server_maps_for_us_and_forgets_in_the_end():
    world = make_world("100.64.7.7", "100.64.0.1", "100.64.0.0/16")
    assert world.run_until(lambda: mapped(world), 15)
    shown = world.engine.snapshot(world.now)
    assert (shown.type, shown.gateway) == (GatewayType.PCP, ANYCAST)
    (entry,) = world.gateways[0].entries()
    assert entry.internal.host == "100.64.7.7"
    world.run(7200)
    assert mapped(world)
    world.call("stop")
    assert world.run_until(lambda: world.engine.stopped, 30)
    assert world.gateways[0].entries() == ()


def test_it_is_asked_after_everybody_nearer_is_silent_and_once():
    world = make_world("100.64.7.7", "100.64.0.1", "100.64.0.0/16")
    world.gateways[0].power_off()
    world.run(4)
    assert asked_the_carrier(world) == 0
    world.run(3600)
    assert asked_the_carrier(world) == 4  # one probe, as often as any is sent


def test_behind_a_nat_of_our_own_it_is_not_asked():
    world = make_world("192.168.1.103", "192.168.1.1", "192.168.1.0/24")
    world.run(600)
    assert asked_the_carrier(world) == 0
