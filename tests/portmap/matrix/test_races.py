"""Things that happen at the same time, in the virtual world: each at the worst moment for the other."""

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.announcer import GROUP, Notice
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.oracle import Pace
from ringthru.lab.virtual.wire import Wire
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.portmap.events import GatewayFound, GatewayLost
from ringthru.portmap.mapping.sets import SetRule
from ringthru.portmap.values import GatewayType, Protocol, Wanted

from .play import GATEWAY, HOME, HOST, TCP, UDP, comes_to_hold, held, make_engine, make_world, start, stops

EVERY = [("natpmp",), ("pcp",), ("upnp",), ("natpmp", "pcp", "upnp")]
SLOW = Wire(delay=0.05)


class TestStop:
    @pytest.mark.parametrize("protocols", EVERY)
    @pytest.mark.parametrize("after", [0.0, 0.03, 0.11, 0.21, 0.31, 0.41, 0.51, 0.8])
    def test_while_something_is_in_flight_nothing_stays(self, protocols, after):
        world = make_world(protocols=protocols, wire=SLOW)
        start(world, UDP, TCP)
        world.run(after)
        assert stops(world)
        world.run(5)
        assert world.verdicts() == []

    @pytest.mark.parametrize("protocols", EVERY)
    def test_during_the_renewal_nothing_stays(self, protocols):
        world = make_world(protocols=protocols, wire=SLOW)
        (lease,) = start(world)
        assert comes_to_hold(world)
        world.run_until(lambda: world.engine.busy and lease.asked_at == world.now, 3600)
        assert lease.held_port is not None
        assert stops(world)
        assert world.verdicts() == []

    def test_of_a_slow_request_over_HTTP_one_is_open_at_a_time(self):
        world = make_world(["HT17"], ("upnp",))
        start(world)
        world.run_until(lambda: world.gateways[0].open_connections, 10)
        assert stops(world)
        assert world.records.most_http_in_flight == 1
        assert world.verdicts() == []

    def test_deletions_keep_the_pace_of_a_gateway_that_melts(self):
        world = make_world(["HT18"], ("upnp",))
        start(world, UDP, TCP)
        assert comes_to_hold(world, 2)
        assert stops(world)
        assert world.verdicts() == []


class TestSets:
    @pytest.mark.parametrize("protocols", EVERY)
    def test_two_sets_that_want_one_number_both_get_theirs(self, protocols):
        world = make_world(protocols=protocols)
        world.call("start")
        sets = []
        for internal in (5060, 6060):
            members = tuple(
                Wanted(each, internal, external_port=5060) for each in (Protocol.UDP, Protocol.TCP)
            )
            sets.append(world.call("want_set", members, SetRule.SAME_NUMBER))
        assert comes_to_hold(world, 4)
        numbers = [{lease.external_port for lease in each.leases} for each in sets]
        assert [len(each) for each in numbers] == [1, 1]
        assert numbers[0] != numbers[1]
        assert stops(world)
        assert world.verdicts() == []

    def test_NP18_a_set_that_never_gets_one_number_is_refused_and_nothing_of_it_stays(self):
        world = make_world(["NP18"], ("natpmp",))
        world.call("start")
        pair = world.call("want_set", (UDP, TCP), SetRule.SAME_NUMBER)
        world.run(60)
        assert not pair.whole
        assert "needs" in pair.reason
        assert [each for each in world.gateways[0].entries() if each.internal.host == HOST] == []

    def test_AD20_a_set_of_both_protocols_is_refused_where_one_takes_the_other_s_port(self):
        world = make_world(["AD20"], ("upnp",))
        world.call("start")
        pair = world.call("want_set", (UDP, TCP), SetRule.SAME_NUMBER)
        world.run(120)
        assert not pair.whole
        assert "one protocol" in pair.reason
        assert world.verdicts() == []

    def test_AD20_two_mappings_by_themselves_get_a_port_each(self):
        world = make_world(["AD20"], ("upnp",))
        start(world, UDP, TCP)
        world.run(60)
        assert len({each.external_port for each in held(world)}) == 2


class TestAnotherGateway:
    def test_swapped_in_the_middle_of_a_mapping_it_is_made_on_the_new_one(self):
        clock = ManualClock()
        old = VirtualGateway(clock.read, protocols=("upnp",), quirks=Quirks(rows=frozenset({"HT17"})))
        new = VirtualGateway(clock.read, external="11.0.113.9", protocols=("natpmp",))
        new.powered = False
        world = World(make_engine(HOME), old, new, clock=clock, host=HOST)
        start(world)
        assert world.run_until(lambda: world.engine.has_gateway and world.engine.busy, 30)
        old.power_off()
        new.power_on()
        assert world.run_until(lambda: len(new.entries()) == 1, 120)
        assert world.engine.snapshot(world.now).type is GatewayType.NAT_PMP
        assert stops(world)
        assert new.entries() == ()


class TestTheClock:
    @pytest.mark.parametrize("protocols", EVERY)
    @pytest.mark.parametrize("hours", [0.4, 8])
    def test_after_a_sleep_everything_is_asked_again(self, protocols, hours):
        world = make_world(protocols=protocols)
        start(world)
        assert comes_to_hold(world)
        world.run(10)
        world.clock.advance_to(world.now + hours * 3600)  # the engine does not see it pass
        asked = len(world.records.requests())
        world.call("resumed")
        world.run(60)
        assert len(world.records.requests()) > asked
        assert len(held(world)) == 1
        assert len([each for each in world.gateways[0].entries() if each.internal.host == HOST]) == 1
        assert world.verdicts() == []


class TestStorms:
    @pytest.mark.parametrize("host", [GATEWAY, "192.168.1.66"])
    def test_a_thousand_announcements_a_second_cost_a_few_questions(self, host):
        world = make_world(protocols=("pcp",))
        start(world)
        assert comes_to_hold(world)
        before = len(world.records.requests("pmp"))
        for number in range(10_000):
            data = bytes.fromhex(f"02800000 00000000 {number:08x}") + bytes(12)
            notice = Notice(data, Endpoint(host, 5351), GROUP)
            world.at(number / 1000, lambda notice=notice: world.crossing.send_notice(notice))
        world.run(20)
        assert len(world.records.requests("pmp")) - before < 20
        assert len(held(world)) == 1

    @pytest.mark.parametrize("protocols", EVERY)
    def test_a_line_that_flaps_every_three_seconds_does_not_wear_the_gateway_out(self, protocols):
        world = make_world(protocols=protocols)
        gateway = world.gateways[0]
        start(world, UDP, TCP)
        assert comes_to_hold(world, 2)
        before = len(world.records.requests())
        for turn in range(200):
            external = "" if turn % 2 else "11.0.113.1"
            world.at(turn * 3, lambda external=external: gateway.change_external_address(external))
        world.run(600)
        assert len(world.records.requests()) - before < 600
        gateway.change_external_address("11.0.113.5")
        assert world.run_until(lambda: world.engine.external_address == "11.0.113.5", 120)
        assert comes_to_hold(world, 2)
        world.run(400)
        assert world.verdicts(pace=Pace(in_an_hour=1500)) == []


class TestFallingOver:
    def test_back_to_the_best_when_all_have_refused(self):
        world = make_world(["PC03", "NP09", "AD13"])
        start(world)
        world.run(30)
        assert held(world) == []
        assert world.engine.snapshot(world.now).type is GatewayType.PCP
        world.gateways[0].quirks = Quirks()  # somebody turns the switch
        assert comes_to_hold(world, 1, 700)
        assert world.engine.snapshot(world.now).type is GatewayType.PCP
        assert stops(world)
        assert world.verdicts() == []

    def test_a_refusal_by_all_costs_few_requests(self):
        world = make_world(["PC03", "NP09", "AD13"])
        start(world, UDP, TCP)
        world.run(3600)
        assert len(world.records.requests()) < 300

    def test_what_one_protocol_refuses_another_grants_and_nobody_is_told_of_a_failure(self):
        world = make_world(["PC03"], ("pcp", "upnp"))
        start(world)
        assert comes_to_hold(world)
        assert world.engine.snapshot(world.now).type is GatewayType.UPNP
        services = world.engine.snapshot(world.now).services
        assert (services[0].type, services[0].in_use) == (GatewayType.UPNP, True)
        assert any("refuses" in each.status for each in services[1:])

    def test_the_upnp_side_is_looked_for_two_seconds_after_and_shows_what_natpmp_cannot(self):
        world = make_world(protocols=("natpmp", "upnp"), wire=Wire(delay=0.0001))
        start(world)
        assert comes_to_hold(world)
        found = world.now
        world.run_until(lambda: any(each.rung.value == "listed" for each in held(world)), 60)
        assert 2.0 <= world.now - found < 20
        assert world.engine.snapshot(world.now).type is GatewayType.NAT_PMP


def test_a_gateway_that_dies_is_told_once_and_found_again():
    world = make_world(protocols=("natpmp",))
    start(world)
    assert comes_to_hold(world)
    world.gateways[0].power_off()
    world.run(600)
    world.gateways[0].power_on()
    assert comes_to_hold(world, 1, 1000)
    kinds = [type(each) for each in world.events]
    assert kinds.count(GatewayLost) == 1
    assert kinds.count(GatewayFound) == 2
