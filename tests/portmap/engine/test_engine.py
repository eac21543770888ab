"""The engine against a gateway played by the test: the race, the loss, the stop; a clock moved by hand."""

import struct

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.discovery.race import SEARCH_PATIENCE
from ringthru.portmap.errors import LocalError
from ringthru.portmap.events import GatewayFound, MappingAdded, MappingFailed, NoGateway
from ringthru.portmap.mapping.book import Released
from ringthru.portmap.values import GatewayType, MappingState, Protocol, Wanted
from ringthru.portmap.wire.http import Response

from .engine_world import ADDED, GATEWAY, PUBLIC, REMOVED, SIP, World


@pytest.fixture
def world(words):
    return lambda **options: World(words, **options)


class TestTheRace:
    def test_natpmp_is_preferred_when_both_answer(self, world):
        w = world(upnp="answers").start()
        assert w.told() == [GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC)]
        assert w.logs[:3] == ["Scanning for NAT", "Checking for PMP 1/5", "Checking for UPnP"]
        assert f"NAT detected type: pmp, ExtIP: '{PUBLIC}'" in w.logs

    def test_upnp_does_not_wait_for_a_natpmp_that_is_closed(self, world):
        w = world(natpmp="closed", upnp="answers").start()
        assert w.told() == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC)]

    def test_upnp_waits_50_ms_for_a_natpmp_that_is_mute(self, world):
        w = world(natpmp="mute", upnp="answers").start()
        assert w.after(0.049).told() == []
        assert w.after(0.002).told() == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC)]

    def test_a_slow_upnp_gateway_is_found_all_the_same(self, world):
        w = world(natpmp="mute", upnp="answers")
        w.upnp_delay = 2.0
        assert w.start().after(2.06).told() == [GatewayFound(GatewayType.UPNP, GATEWAY, PUBLIC)]

    def test_a_host_that_is_not_our_gateway_lets_the_gateway_have_the_whole_round(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.responder = "192.168.1.2"
        assert w.start().after(SEARCH_PATIENCE - 0.1).told() == []
        assert w.after(0.2).told() == [GatewayFound(GatewayType.UPNP, "192.168.1.2", PUBLIC)]

    def test_answers_from_outside_our_network_do_not_count(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.responder = "10.0.0.1"
        assert w.start().after(4.5).told() == [NoGateway()]

    def test_the_description_is_asked_and_the_address_then_the_mapping(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.engine.want(SIP, w.now)
        w.start()
        assert w.actions[:2] == ["GetExternalIPAddress", "AddPortMapping"]


class TestNobody:
    def test_told_once_after_five_attempts_then_looked_for_ever_more_slowly(self, world):
        w = world(natpmp="mute", multicast=False).start()
        assert w.after(4.74).told() == []
        assert w.after(0.02).told() == [NoGateway()]
        assert w.logs.count("No PMP or UPnP NAT devices detected!") == 1
        assert [text for text in w.logs if "PMP" in text][:5] == [
            f"Checking for PMP {n}/5" for n in range(1, 6)
        ]
        steps = ("Scanning for NAT", "Checking for PMP 1/5", "Checking for UPnP")
        assert [text for text in w.logs if text in steps] == list(steps)
        w.searches = 0
        assert w.after(4 * 3600).told() == []
        assert 4 * 5 < w.searches < 4 * 30  # four searches a round; a round each quarter of an hour at last

    @pytest.mark.parametrize("after", [6, 60, 3600, 5 * 3600])
    def test_one_that_comes_later_is_found_and_mapped_without_a_command(self, world, after):
        w = world(natpmp="mute")
        w.engine.want(SIP, w.now)
        assert NoGateway() in w.start().after(after).told()
        w.natpmp = "answers"
        told = w.after(900).told()
        assert GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC) in told
        assert ADDED in told

    def test_with_natpmp_closed_the_search_alone_is_waited_for(self, world):
        assert world(natpmp="closed").start().after(4.26).told() == [NoGateway()]

    def test_with_nobody_to_ask_the_verdict_is_immediate(self, world):
        w = world(gateway=None, multicast=False).start()
        assert w.told() == [NoGateway()]
        assert w.engine.next_timeout() is None

    def test_a_gateway_that_comes_later_is_found_and_gets_what_was_wanted(self, world):
        w = world(natpmp="mute").start()
        lease = w.engine.want(SIP, w.now)
        w.after(60)
        assert lease.state is MappingState.REQUESTED
        w.natpmp = "answers"
        w.after(60)
        assert w.told() == [NoGateway(), GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC), ADDED]


class TestMappings:
    def test_made_as_soon_as_there_is_a_gateway(self, world):
        w = world()
        lease = w.engine.want(SIP, w.now)
        assert lease.state is MappingState.REQUESTED
        assert ADDED in w.start().told()
        assert "mapped public port 5060 protocol UDP to localport 5060" in w.logs

    def test_the_same_wish_is_the_same_lease(self, world):
        w = world().start()
        assert w.engine.want(SIP, w.now) is w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        assert w.engine.want(Wanted(Protocol.TCP, 5060), w.now) is not w.engine.want(SIP, w.now)

    def test_renewed_at_half_of_the_lease(self, world):
        w = world(lifetime=100)
        w.engine.want(SIP, w.now)
        w.start()
        asked = len([r for r in w.natpmp_requests if len(r) == 12])
        w.after(49.9)
        assert len([r for r in w.natpmp_requests if len(r) == 12]) == asked
        w.after(0.2)
        assert len([r for r in w.natpmp_requests if len(r) == 12]) == asked + 1
        assert w.told().count(ADDED) == 1

    def test_a_port_of_the_gateway_s_choice_is_a_result(self, world):
        w = world()
        w.forced_port = 50000
        w.engine.want(SIP, w.now)
        assert MappingAdded(Protocol.UDP, 5060, 50000, True) in w.start().told()

    def test_unless_only_one_will_do_then_it_is_given_back(self, world):
        w = world()
        w.forced_port = 50000
        lease = w.engine.want(Wanted(Protocol.UDP, 5060, exact=True), w.now)
        reason = "the gateway offers external port 50000 instead"
        assert MappingFailed(Protocol.UDP, 5060, reason) in w.start().told()
        assert lease.state is MappingState.REFUSED
        assert w.natpmp_requests[-1] == struct.pack("!BBxxHHI", 0, 1, 5060, 0, 0)

    def test_a_refusal_is_told_once_not_at_each_retry(self, world):
        w = world(natpmp="closed", upnp="answers")
        w.faults = [606] * 50
        w.engine.want(SIP, w.now)
        w.start().after(3600)
        assert len([e for e in w.told() if isinstance(e, MappingFailed)]) == 1

    def test_two_of_ours_never_fight_for_one_external_port(self, world):
        w = world().start()
        w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.settle()
        w.engine.want(Wanted(Protocol.UDP, 5062, external_port=5060), w.now)
        w.settle()
        assert [m.external_port for m in w.engine.snapshot(w.now).mappings] == [5060, 40000]

    def test_a_port_granted_to_two_of_ours_is_given_back_and_another_asked_for(self, world):
        """What the second grant may have overwritten is made again."""
        w = world()
        first = w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.start().natpmp_requests.clear()
        w.next_ports = [5060]
        second = w.engine.want(Wanted(Protocol.UDP, 5080), w.now)
        w.settle()
        assert (first.external_port, second.external_port) == (5060, 40000)
        asked = [struct.unpack("!BBxxHHI", request)[2:] for request in w.natpmp_requests]
        assert asked[:2] == [(5080, 5080, 3600), (5080, 0, 0)]
        assert sorted(asked[2:]) == [(5060, 5060, 3600), (5080, 40000, 3600)]
        assert [e.external_port for e in w.told() if isinstance(e, MappingAdded)] == [5060, 40000]

    def test_a_gateway_that_gives_all_of_ours_one_port_is_refused_in_words_and_asked_ever_less(self, world):
        w = world()
        w.forced_port = 50000
        first = w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.start()
        second = w.engine.want(Wanted(Protocol.UDP, 5080), w.now)
        w.settle()
        assert (first.state, first.external_port) == (MappingState.ACCEPTED, 50000)
        assert (second.state, second.external_port) == (MappingState.REFUSED, None)
        assert second.reason == "the gateway offers external port 50000, which another mapping of ours has"
        w.after(4000).natpmp_requests.clear()
        w.after(899)
        assert sum(r[:6] == struct.pack("!BBxxH", 0, 1, 5080) for r in w.natpmp_requests) <= 16

    def test_the_same_port_of_the_other_protocol_is_no_conflict(self, world):
        w = world().start()
        both = [w.engine.want(Wanted(protocol, 5060), w.now) for protocol in Protocol]
        w.settle()
        assert [each.external_port for each in both] == [5060, 5060]

    def test_an_exact_port_that_another_of_ours_has_is_refused(self, world):
        w = world().start()
        w.engine.want(Wanted(Protocol.UDP, 5060), w.now)
        w.settle()
        lease = w.engine.want(Wanted(Protocol.UDP, 5080, external_port=5060, exact=True), w.now)
        w.settle()
        assert lease.state is MappingState.REFUSED
        assert lease.reason == "another mapping of ours has that external port"

    def test_released_it_is_deleted_and_forgotten(self, world):
        w = world()
        lease = w.engine.want(SIP, w.now)
        w.start().told()
        assert w.engine.release(lease, w.now)
        assert w.settle().told() == [REMOVED, Released(lease, True)]
        assert w.engine.release(lease, w.now) is False
        assert w.engine.snapshot(w.now).mappings == ()
        assert "unmapped public port 5060 protocol UDP to localport 5060" in w.logs


class TestMappingDisabled:
    """``-nonatmap``: detection works, and not one mapping or deletion is asked for."""

    def test_not_one_request(self, world):
        w = world(mapping_enabled=False)
        lease = w.engine.want(SIP, w.now)
        assert w.start().told() == [GatewayFound(GatewayType.NAT_PMP, GATEWAY, PUBLIC)]
        assert (lease.state, lease.reason) == (MappingState.DISABLED, "NAT port mapping disabled")
        assert "NAT port mapping disabled" in w.logs
        w.engine.republish(w.now)
        w.after(7200)
        w.engine.release(lease, w.now)
        w.engine.want(SIP, w.now)
        w.engine.stop(w.now)
        assert w.settle().engine.stopped
        assert set(w.natpmp_requests) == {b"\0\0"}

    def test_switched_on_it_maps(self, world):
        w = world(mapping_enabled=False)
        w.engine.want(SIP, w.now)
        w.start().engine.set_mapping_enabled(True, w.now)
        assert ADDED in w.settle().told()

    def test_switched_off_what_is_held_runs_out(self, world):
        w = world(lifetime=100)
        lease = w.engine.want(SIP, w.now)
        w.start().engine.set_mapping_enabled(False, w.now)
        asked = len(w.natpmp_requests)
        w.after(101)
        assert lease.state is MappingState.DISABLED
        assert set(w.natpmp_requests[asked:]) == {b"\0\0"}


class TestBadInput:
    def test_noise_from_everywhere_changes_nothing(self, world):
        w = world(natpmp="mute").start()
        w.engine.receive_pmp(b"\xff" * 50, w.now)
        w.engine.receive_ssdp(b"\xff" * 50, Endpoint(GATEWAY, 1900), w.now)
        w.engine.receive_http(77, Response(200, b"?"), w.now)
        assert w.settle().told() == []

    @pytest.mark.parametrize("lifetime", [0, -1, 604801])
    def test_a_lease_that_makes_no_sense(self, world, lifetime):
        with pytest.raises(LocalError):
            world(lifetime=lifetime)
