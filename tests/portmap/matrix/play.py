"""One engine on one fake gateway in the virtual world, from the first search to the last deletion.

Lives here: the play, and what is held against it: the oracle, and what each row lets a client reach.
Never here: which rows are played together.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.core import PROTOCOLS
from ringthru.lab.gateway.quirks import ROWS
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.wire import Wire
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.discovery.site import Site, site_of
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.snapshots import MappingSnapshot
from ringthru.portmap.values import GatewayType, MappingState, Protocol, Rung, Wanted

LAN = IPv4Network("192.168.1.0/24")
HOST, GATEWAY = "192.168.1.103", "192.168.1.1"
LAN6 = IPv6Network("2001:db8:1::/64")
HOST6, GATEWAY6 = "2001:db8:1::5", "2001:db8:1::1"
HOME = site_of(Surroundings(HOST, LAN, GATEWAY))
HOME6 = Site(HOST6, LAN6, GATEWAY6, HOST6, interface="eth0", interface_index=2)
UDP, TCP = Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060)
PATIENCE = 150.0  # seconds until a mapping must be there, on the slowest and moodiest of gateways
STAY = 330.0  # seconds that are watched: all early looks, and one regular one
SPOKEN = {GatewayType.PCP: "pcp", GatewayType.NAT_PMP: "natpmp", GatewayType.UPNP: "upnp"}
# What a row does to one of the two mappings, or in this network, and its expectation cannot say:
NO_UDP = "AD21"
NO_OTHER_NAT = "PC20"  # the carrier's NAT is asked only by who has no NAT of his own
OVERWRITES = "AD20"
REMAKES = "AD34"
NEVER_THERE = "AD17"  # a look shows it, perhaps before the next mapping is granted
KEPT_BY_THE_GATEWAY = "TO10"  # port 5060 as asked, and nothing comes through


def make_engine(site: Site, seed: int = 0, **options: object) -> Engine:
    ports = itertools.count(40001, 2)  # odd: rows AD05, AD08 and AD30 have the multiples of four
    return Engine(
        site,
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(seed).randbytes,
        **options,
    )


def make_world(
    rows: Iterable[str] = (),
    protocols: Iterable[str] = PROTOCOLS,
    *,
    quirks: Quirks | None = None,
    wire: Wire | None = None,
    seed: int = 0,
    **options: object,
) -> World:
    """A gateway with two mappings of somebody else's, and an engine that has not begun."""
    clock = ManualClock()
    character = quirks or Quirks(rows=frozenset(rows))
    gateway = VirtualGateway(clock.read, quirks=character, protocols=protocols, seed=seed)
    gateway.seed_foreign(2)
    engine = make_engine(HOME, seed, **options)
    return World(engine, gateway, clock=clock, host=HOST, wire=wire, seed=seed)


def start(world: World, *wanted: Wanted) -> list[Lease]:
    world.call("start")
    return [world.call("want", each) for each in wanted or (UDP,)]


def start_early(world: World, *wanted: Wanted) -> list[Lease]:
    """Wanted before the start: the first mapping is what PCP is looked for with."""
    leases = [world.call("want", each) for each in wanted or (UDP,)]
    world.engine.start(world.now, early=True)
    world.pump()
    return leases


def mappings(world: World) -> tuple[MappingSnapshot, ...]:
    return world.engine.snapshot(world.now).mappings


def held(world: World) -> list[MappingSnapshot]:
    return [each for each in mappings(world) if each.state is MappingState.ACCEPTED]


def comes_to_hold(world: World, count: int = 1, limit: float = PATIENCE) -> bool:
    return world.run_until(lambda: len(held(world)) >= count, limit)


def arrives(world: World, mapping: MappingSnapshot) -> bool:
    """Whether what comes from outside arrives."""
    gateway = world.gateways[0]
    assert mapping.external_port is not None
    internal = Endpoint(world.host, mapping.internal_port)
    return gateway.reached_at(mapping.protocol.value, mapping.external_port) == internal


def knocks(world: World, leases: list[Lease]) -> None:
    """What an echo host does: it tries each mapping from outside, and says so."""
    for lease in leases:
        shown = lease.snapshot(world.now)
        if shown.external_port is not None:
            came_through = arrives(world, shown)
            world.call("reached" if came_through else "unreachable", lease, "tried from outside")


def stops(world: World, limit: float = 90.0) -> bool:
    world.call("stop")
    return world.run_until(lambda: world.engine.stopped, limit)


def is_settled(mapping: MappingSnapshot) -> bool:
    """Whether a look was tried, and did not miss it."""
    return any(each.rung is Rung.LISTED and each.holds is not False for each in mapping.evidence)


def is_at_rest(world: World, quirks: Quirks) -> bool:
    """Whether all is looked at, and nobody is just about to make anew what he has deleted (AD34)."""
    between = REMAKES in quirks.rows and world.engine.busy
    return not between and all(is_settled(each) for each in held(world))


def is_listed(mapping: MappingSnapshot) -> bool:
    return any(each.rung is Rung.LISTED and bool(each.holds) for each in mapping.evidence)


def complaints(
    quirks: Quirks,
    protocols: tuple[str, ...],
    seed: int = 0,
    patience: float = PATIENCE,
    begin: Callable[..., list[Lease]] = start,
    twist: Callable[[VirtualGateway], object] = lambda gateway: None,
) -> list[str]:
    """Play one gateway to the end, after ``twist`` was done to it; what went wrong, in words."""
    world = make_world(protocols=protocols, quirks=quirks, seed=seed)
    twist(world.gateways[0])
    leases = begin(world, UDP, TCP)
    wrong = _judge_start(world, quirks, protocols, patience)
    world.run(30)
    world.run_until(lambda: is_at_rest(world, quirks), patience)
    knocks(world, leases)
    wrong += _judge_heights(world, quirks)
    wrong += world.verdicts()
    world.run(STAY)
    wrong += world.verdicts()
    if all(quirks.expectation(each).listed for each in protocols):  # else it may have been given up by then
        wrong += [f"in the end: {words}" for words in _judge_start(world, quirks, protocols, patience)]
    if not stops(world):
        wrong.append("it does not come to an end")
    wrong += world.verdicts()
    return list(dict.fromkeys(wrong))


def _judge_start(world: World, quirks: Quirks, protocols: tuple[str, ...], patience: float) -> list[str]:
    able = {each for each in protocols if quirks.expectation(each).accepted}
    if NO_OTHER_NAT in quirks.rows:
        able.discard("pcp")
    expected = 2 if able else 0
    if "upnp" in able and not quirks.rows.isdisjoint((NO_UDP, NEVER_THERE)):
        expected = 1  # at least: it depends on who is asked first
    if comes_to_hold(world, expected or 1, patience) is bool(expected):
        return []
    reasons = [f"{each.protocol.value}: {each.state.value} {each.reason}" for each in mappings(world)]
    return [f"{len(held(world))} mappings are held where {expected} can be: {'; '.join(reasons)}"]


def _judge_heights(world: World, quirks: Quirks) -> list[str]:
    """Whether each mapping has climbed as far as the rows allow, and not further."""
    kind = world.engine.snapshot(world.now).type
    if kind is None:
        return []
    expected, wrong = quirks.expectation(SPOKEN[kind]), []
    through = expected.reachable and KEPT_BY_THE_GATEWAY not in quirks.rows
    through = through and (expected.listed or OVERWRITES not in quirks.rows)  # which only looking shows
    for each in held(world):
        name = f"{each.protocol.value} {each.external_port}"
        if through and not arrives(world, each):
            wrong.append(f"{name} is not forwarded, and could be")
        if (each.rung is Rung.REACHABLE) is not arrives(world, each):
            wrong.append(f"{name} is claimed to be {each.rung.value}, and that is wrong")
        if kind is GatewayType.UPNP and expected.listed and not is_listed(each):
            wrong.append(f"{name} is not seen to be listed: {each.evidence}")
    return wrong


def may_be_together(rows: Iterable[str], row: str) -> bool:
    """Whether a row can be played beside others."""
    return not any(row in ROWS[each].excludes or each in ROWS[row].excludes for each in rows)
