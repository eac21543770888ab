"""One engine and one IPv6 firewall in the virtual world, from the first search to the last pinhole closed.

Lives here: the play of pinholes, by PCP and by UPnP, and what is held against it: the oracle, and what each
row lets a client reach. Never here: which rows are played together.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.quirks import ROWS
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.wire import Wire
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap import MappingSnapshot
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.values import Family, GatewayType, Protocol, Rung, Wanted

from .play import (
    GATEWAY6,
    HOME6,
    HOST6,
    KEPT_BY_THE_GATEWAY,
    LAN6,
    PATIENCE,
    STAY,
    comes_to_hold,
    held,
    is_listed,
    make_engine,
    mappings,
    start,
    stops,
)

UDP6 = Wanted(Protocol.UDP, 5060, family=Family.IPV6)
TCP6 = Wanted(Protocol.TCP, 5060, family=Family.IPV6)
LINK_LOCAL = "fe80::1%eth0"  # the gateway's, as the routing table has it
WAYS = (("pcp",), ("upnp",), ("pcp", "upnp"))
SECTIONS = ("SSDP", "HTTP", "descriptions", "IPv6 pinholes", "PCP", "topology")
LIVES_AT_LINK_LOCAL = "PC18"  # hopeless over IPv4; here it is what a client must find


def rows_of(protocols: Iterable[str]) -> list[str]:
    """Rows that can show when these protocols are asked for pinholes."""
    kinds = {"pcp": ("pcp",), "upnp": ("upnp", "pinholes")}
    spoken = {kind for each in protocols for kind in kinds[each]} | {"world"}
    return [row.id for row in ROWS.values() if row.section in SECTIONS and row.protocol in spoken]


def make_firewall(
    rows: Iterable[str] = (),
    protocols: Iterable[str] = ("pcp", "upnp"),
    *,
    wire: Wire | None = None,
    seed: int = 0,
    **options: object,
) -> World:
    """A gateway with pinholes of somebody else's, and an engine that has not begun."""
    clock, chosen = ManualClock(), frozenset(rows)
    address = LINK_LOCAL if LIVES_AT_LINK_LOCAL in chosen else GATEWAY6
    gateway = VirtualGateway(
        clock.read,
        quirks=Quirks(rows=chosen, igd_version=2),
        protocols=protocols,
        inside_v6=LAN6,
        address_v6=address,
        seed=seed,
    )
    gateway.seed_foreign(2)
    engine = make_engine(replace(HOME6, gateway=address), seed, **options)
    return World(engine, gateway, clock=clock, host=HOST6, wire=wire, seed=seed)


def ours(world: World) -> list[str]:
    """What of ours the gateway lets in, whether anything comes through or not."""
    return [each.protocol for each in world.gateways[0].pinholes.open() if each.internal.host == HOST6]


def arrives(world: World, lease: Lease) -> bool:
    """Whether what comes from outside arrives."""
    internal = Endpoint(HOST6, lease.wanted.internal_port)
    return world.gateways[0].lets_in(lease.wanted.protocol.value, internal)


def knocks(world: World, leases: list[Lease]) -> None:
    """What an echo host does: it tries each pinhole from outside, and says so."""
    for lease in leases:
        if lease.snapshot(world.now).external_port is not None:
            word = "reached" if arrives(world, lease) else "unreachable"
            world.call(word, lease, "tried from outside")


def complaints(
    rows: Iterable[str], protocols: tuple[str, ...], seed: int = 0, patience: float = PATIENCE
) -> list[str]:
    """Play one gateway to the end, a restart of its UPnP daemon included; what went wrong, in words."""
    chosen = frozenset(rows)
    world = make_firewall(chosen, protocols, seed=seed)
    leases = start(world, UDP6, TCP6)
    wrong = _judge_start(world, chosen, protocols, patience)
    world.run(60)
    knocks(world, leases)
    wrong += _judge_heights(world, chosen, leases)
    wrong += world.verdicts()
    world.gateways[0].restart_upnp()
    world.run(STAY)
    wrong += world.verdicts()
    wrong += _judge_start(world, chosen, protocols, patience)
    if not stops(world):
        wrong.append("it does not come to an end")
    wrong += world.verdicts()
    world.run(2)  # where closing is forbidden a pinhole is given one second more to live (P603)
    wrong += [f"left open: {each}" for each in ours(world) if not world.records.deletions_failed]
    return list(dict.fromkeys(wrong))


def is_named(shown: MappingSnapshot) -> bool:
    """Whether something bears its name at a gateway that may tell anybody, which is no proof."""
    looked = [each for each in shown.evidence if each.rung is Rung.LISTED]
    return any(each.holds is None and "by its name alone" in each.words for each in looked)


def able(rows: frozenset[str], protocols: Iterable[str]) -> set[str]:
    """The protocols that can open a pinhole under these rows."""
    chosen = [ROWS[each] for each in rows if each != LIVES_AT_LINK_LOCAL]
    kinds = {"pcp": ("pcp", "world"), "upnp": ("upnp", "pinholes", "world")}
    return {
        each
        for each in protocols
        if all(row.expectation.accepted for row in chosen if row.protocol in kinds[each])
        and not (each == "pcp" and "PC20" in rows)  # it is about the carrier's NAT, and IPv6 has none
    }


def _judge_start(
    world: World, rows: frozenset[str], protocols: tuple[str, ...], patience: float
) -> list[str]:
    expected = 2 if able(rows, protocols) else 0
    if comes_to_hold(world, expected or 1, patience if expected else 1.0) is bool(expected):
        return []
    reasons = [f"{each.protocol.value}: {each.state.value} {each.reason}" for each in mappings(world)]
    return [f"{len(held(world))} pinholes are held where {expected} can be: {'; '.join(reasons)}"]


def _judge_heights(world: World, rows: frozenset[str], leases: list[Lease]) -> list[str]:
    """Whether each pinhole has climbed as far as the rows allow, and not further."""
    wrong = []
    kind = world.engine.snapshot(world.now).type
    for lease, shown in ((each, each.snapshot(world.now)) for each in leases):
        if lease.held_port is None:
            continue
        name = f"{shown.protocol.value} {shown.external_port}"
        if not arrives(world, lease) and KEPT_BY_THE_GATEWAY not in rows:
            wrong.append(f"{name} is not let in, and could be")
        if (shown.rung is Rung.REACHABLE) is not arrives(world, lease):
            wrong.append(f"{name} is claimed to be {shown.rung.value}, and that is wrong")
        if kind is GatewayType.UPNP and not (is_listed(shown) or is_named(shown)):
            wrong.append(f"{name} is not seen to be there: {shown.evidence}")
    return wrong
