"""A label on a mapping by PCP (RFC 7220): offered when nobody waits, and known from then on."""

from __future__ import annotations

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.recollection import Recollection
from ringthru.portmap.values import Protocol, Wanted

from ..matrix.play import HOME, make_engine

HALF_A_LEASE = 3600 * 5 / 8  # by then it was renewed
REFUSES_LABELS = "PC22"


def mapped(*rows, profile=None):
    """A world with one mapping by PCP."""
    clock = ManualClock()
    gateway = VirtualGateway(clock.read, quirks=Quirks(rows=frozenset(rows)), protocols=("pcp",))
    profile = profile or GatewayProfile("a kind")
    engine = make_engine(HOME, recall=lambda identity: Recollection("a name", profile))
    world = World(engine, gateway, clock=clock)
    world.call("start")
    world.call("want", Wanted(Protocol.UDP, 5060))
    world.run(2.0)
    return world


def labels(world):
    return [entry.description for entry in world.gateways[0].entries()]


class TestLabel:
    def test_it_comes_with_the_first_renewal(self):
        world = mapped()
        assert "Ringthru udp 5060" not in labels(world)
        world.run(HALF_A_LEASE)
        assert labels(world) == ["Ringthru udp 5060"]
        assert [each.takes_labels for each in world.engine.lessons()] == [True]

    def test_mappings_made_after_that_have_theirs_at_once(self):
        world = mapped()
        world.run(HALF_A_LEASE)
        world.call("want", Wanted(Protocol.UDP, 16384))
        world.run(2.0)
        assert "Ringthru udp 16384" in labels(world)

    def test_a_gateway_of_a_kind_that_takes_labels_is_given_one_at_once(self):
        assert labels(mapped(profile=GatewayProfile("a kind", takes_labels=True))) == ["Ringthru udp 5060"]

    @pytest.mark.parametrize("known", [None, False])
    def test_one_that_refuses_them_keeps_the_mapping(self, known):
        world = mapped(REFUSES_LABELS, profile=GatewayProfile("a kind", takes_labels=known))
        world.run(HALF_A_LEASE)
        (mapping,) = world.engine.snapshot(world.now).mappings
        assert mapping.external_port == 5060
        assert [each.takes_labels for each in world.engine.lessons()] == [False][: known is None]
