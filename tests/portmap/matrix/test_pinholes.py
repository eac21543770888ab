"""IPv6 pinholes, by PCP (MAP at a firewall) and WANIPv6FirewallControl: rows alone, in pairs, at random."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.lab.virtual.world import World
from ringthru.net.values import replace
from ringthru.portmap.memory.recollection import Recollection
from ringthru.portmap.values import GatewayType, Rung

from .chance import WIRES, row_sets
from .covering import covering_sets, sets_around
from .play import HOME6, HOST6, comes_to_hold, held, make_engine, start, stops
from .play6 import TCP6, UDP6, WAYS, able, complaints, is_named, knocks, make_firewall, ours, rows_of

SIZE = 8  # rows in a set
SIZE_OF_BOTH = 14  # where the other protocol mostly hides what a row does
PATIENCE = 900.0  # seconds: eight bad habits take their time
ALONE = [pytest.param(row, way, id=f"{row}-{'+'.join(way)}") for way in WAYS for row in rows_of(way)]


@pytest.mark.parametrize("way", WAYS, ids="+".join)
def test_a_firewall_without_any_row_has_nothing_to_complain_of(way):
    assert complaints((), way) == []


@pytest.mark.parametrize(("row", "way"), ALONE)
def test_under_each_row_what_can_be_had_is_had_and_nothing_else_is_claimed(row, way):
    assert complaints([row], way) == []


@pytest.mark.parametrize("way", WAYS, ids="+".join)
def test_under_every_pair_of_rows_the_truth_is_told(way):
    rows = rows_of(way)
    working = [each for each in rows if able(frozenset({each}), way)]
    size = SIZE if len(way) == 1 else SIZE_OF_BOTH
    sets = covering_sets(working, size)
    for row in rows:
        if row not in working:
            sets += sets_around(row, working, size)
    found = {
        tuple(sorted(each)): wrong
        for seed, each in enumerate(sets)
        if (wrong := complaints(each, way, seed, PATIENCE))
    }
    assert found == {}


BOTH = rows_of(("pcp", "upnp"))
MISHAPS = st.sampled_from(["reboot", "forget", "flush", "restart_upnp", ""])


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(rows=row_sets(BOTH), way=st.sampled_from(WAYS), wire=WIRES, mishap=MISHAPS, seed=st.integers(0, 2**16))
def test_whatever_comes_together_the_oracle_has_nothing_to_say(rows, way, wire, mishap, seed):
    world = make_firewall(rows, way, wire=wire, seed=seed)
    leases = start(world, UDP6, TCP6)
    world.run(100)
    knocks(world, leases)
    if mishap:
        getattr(world.gateways[0], mishap)()
    world.run(340)
    knocks(world, leases)
    world.run(460)
    assert world.verdicts() == []
    assert stops(world, 300)
    assert world.verdicts() == []


class TestLoss:
    @pytest.mark.parametrize("way", WAYS, ids="+".join)
    def test_after_a_power_cycle_both_are_open_again(self, way):
        world = make_firewall(protocols=way)
        start(world, UDP6, TCP6)
        assert comes_to_hold(world, 2)
        world.run(60)  # or the epoch of a gateway that was only just turned on would look the same
        world.gateways[0].reboot()
        assert ours(world) == []
        assert world.run_until(lambda: len(ours(world)) == 2, 330)
        assert stops(world)
        assert world.verdicts() == []

    def test_an_announcement_to_ff02_1_brings_them_back_within_seconds(self):
        world = make_firewall(protocols=("pcp",))
        start(world, UDP6, TCP6)
        assert comes_to_hold(world, 2)
        world.run(60)
        world.gateways[0].reboot()
        assert world.run_until(lambda: len(ours(world)) == 2, 7)

    @pytest.mark.parametrize("way", WAYS, ids="+".join)
    def test_what_was_reachable_and_is_not_is_closed_and_opened_anew(self, way):
        world = make_firewall(protocols=way)
        leases = start(world, UDP6)
        assert comes_to_hold(world)
        world.run(20)
        knocks(world, leases)
        assert held(world)[0].rung is Rung.REACHABLE
        world.gateways[0].flush()
        knocks(world, leases)
        world.run(30)
        knocks(world, leases)
        assert held(world)[0].rung is Rung.REACHABLE
        assert world.verdicts() == []

    def test_P612_names_that_others_bear_after_a_restart_are_not_taken_for_ours(self):
        world = make_firewall(["P612"], ("upnp",))
        gateway = world.gateways[0]
        start(world, UDP6, TCP6)
        assert comes_to_hold(world, 2)
        gateway.reboot()
        gateway.seed_foreign(4)  # others come back sooner, and get the names that ours had
        assert world.run_until(lambda: len(ours(world)) == 2, 330)
        assert stops(world)
        assert ours(world) == []
        assert world.verdicts() == []
        assert not gateway.missing_foreign()

    @pytest.mark.parametrize("way", WAYS, ids="+".join)
    def test_what_an_earlier_run_left_open_for_somebody_else_is_closed(self, way):
        world = make_firewall(protocols=way)
        (crashed,) = start(world, replace(UDP6, allow_from=("2001:db8:9::1",)))
        assert comes_to_hold(world)
        left = Recollection(holdings=((crashed.holding(), 3600.0),))
        engine = make_engine(HOME6, recall=lambda identity: left)
        again = World(engine, *world.gateways, clock=world.clock, host=HOST6)
        start(again, replace(UDP6, allow_from=("2001:db8:9::2",)))
        assert comes_to_hold(again)
        again.run(5)
        assert ours(again) == ["udp"]
        assert stops(again)
        assert ours(again) == []

    @pytest.mark.parametrize(
        ("rows", "within", "rung"), [(["P612", "P601"], 310, Rung.LISTED), (["P612"], 2260, Rung.ACCEPTED)]
    )
    def test_P612_not_even_where_nobody_noticed_the_restart(self, rows, within, rung):
        """At the next look, where a name is told of to its own host alone (P601); else when it is renewed."""
        world = make_firewall(rows, ("upnp",))
        gateway = world.gateways[0]
        start(world, UDP6, TCP6)
        assert comes_to_hold(world, 2)
        world.run(200)
        gateway.forget()
        gateway.seed_foreign(4)  # they get the names that ours had
        assert ours(world) == []
        assert world.run_until(lambda: len(ours(world)) == 2 or world.verdicts() != [], within)
        world.run(5)
        assert world.verdicts() == []  # and until then, nothing was claimed of what others have
        assert {each.rung for each in held(world)} == {rung}
        assert stops(world)
        assert ours(world) == []
        assert world.verdicts() == []
        assert not gateway.missing_foreign()

    def test_looking_at_them_does_not_ask_for_them_again(self):
        """miniupnpd would take them away and make them anew: somebody would be kept out."""
        world = make_firewall(protocols=("upnp",))
        start(world, UDP6, TCP6)
        assert comes_to_hold(world, 2)
        world.run(1700)  # before the renewal
        sent = [each.data for each in world.records.requests("http")]
        assert len([data for data in sent if b"#CheckPinholeWorking" in data]) > 10
        assert len([data for data in sent if b"#AddPinhole" in data]) == 2

    def test_P612_one_that_is_missing_casts_doubt_on_the_names_of_all(self):
        """Made again first, it gets the name that the other of ours had."""
        world = make_firewall(["P612"], ("upnp",))
        start(world, UDP6, TCP6)
        assert comes_to_hold(world, 2)
        world.run(200)
        world.gateways[0].forget()
        assert world.run_until(lambda: len(ours(world)) == 2, 310)
        world.run(5)
        assert {each.rung for each in held(world)} == {Rung.ACCEPTED}
        assert all(is_named(each) for each in held(world))
        assert world.verdicts() == []

    def test_PC21_what_cannot_be_deleted_any_more_ends_in_two_minutes(self):
        world = make_firewall(["PC21"], ("pcp",))
        start(world, UDP6)
        assert comes_to_hold(world)
        world.run(2300)
        assert stops(world)
        assert ours(world) == ["udp"]
        world.run(121)
        assert ours(world) == []
        assert world.verdicts() == []

    def test_PC04_a_lease_of_seconds_is_renewed_for_an_hour(self):
        world = make_firewall(["PC04"], ("pcp",))
        start(world, UDP6)
        assert comes_to_hold(world)
        world.run(3600)
        assert len(ours(world)) == 1
        assert world.engine.snapshot(world.now).type is GatewayType.PCP
        assert world.verdicts() == []
