"""Flows whose translation is kept alive (PCP's PEER, RFC 6887 §12), in the virtual world."""

from __future__ import annotations

import itertools
import random
from ipaddress import IPv4Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import (
    Family,
    LocalError,
    MappingState,
    PeerAdded,
    PeerFailed,
    PeerRemoved,
    Protocol,
    Wanted,
    WantedPeer,
)
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.memory.holding import Holding, Keep
from ringthru.portmap.memory.recollection import Recollection

US, TRUNK = "192.168.1.103", Endpoint("11.0.113.50", 5060)
FLOW = WantedPeer(Protocol.UDP, 5060, TRUNK)


def world(*protocols: str, recall=None, **quirks) -> World:
    clock, ports = ManualClock(), itertools.count(40000)
    gateway = VirtualGateway(clock.read, quirks=Quirks(**quirks), protocols=protocols or ("pcp",))
    more = {} if recall is None else {"recall": recall}
    engine = Engine(
        Surroundings(US, IPv4Network("192.168.1.0/24"), "192.168.1.1"),
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(1).randbytes,
        **more,
    )
    made = World(engine, gateway, clock=clock, host=US)
    made.call("start")
    made.run(5)
    return made


def shown(made: World):
    (peer,) = made.engine.snapshot(made.now).peers
    return peer


def asked(made: World) -> list[bytes]:
    """The PEER requests that were sent."""
    return [each.data for each in made.records.requests("pmp") if each.data[:2] == b"\x02\x02"]


class TestKept:
    def test_the_address_that_the_peer_sees_is_told(self):
        made = world()
        made.call("want_peer", FLOW)
        made.run(1)
        external = Endpoint(made.gateways[0].external, 5060)
        assert (shown(made).state, shown(made).external) == (MappingState.ACCEPTED, external)
        assert PeerAdded(Protocol.UDP, 5060, TRUNK, external) in made.events
        assert (shown(made).lifetime_left, shown(made).reason) == (pytest.approx(3600, abs=5), "")

    def test_it_is_renewed_between_half_and_five_eighths_of_what_was_granted(self):
        """§11.2.1, which §12 refers to."""
        made = world(longest_lifetime=600)
        made.call("want_peer", FLOW)
        made.run(1)
        assert 300 - 2 <= (shown(made).renews_in or 0) <= 375
        made.run(1800)
        assert 4 <= len(asked(made)) <= 7
        assert shown(made).state is MappingState.ACCEPTED

    def test_the_nonce_stays_the_same(self):
        made = world(rows=frozenset({"PC01"}), longest_lifetime=600)
        made.call("want_peer", FLOW)
        made.run(1300)
        assert len(asked(made)) > 2
        assert len({request[24:36] for request in asked(made)}) == 1

    def test_a_mapping_of_the_same_port_goes_by_the_same_nonce(self):
        """A server that checks nonces has one for each internal port (§11.3)."""
        for first, second in ((FLOW, Wanted(Protocol.UDP, 5060)), (Wanted(Protocol.UDP, 5060), FLOW)):
            made = world(rows=frozenset({"PC01"}))
            for wanted in (first, second):
                made.call("want_peer" if wanted is FLOW else "want", wanted)
                made.run(1)
            snapshot = made.engine.snapshot(made.now)
            assert snapshot.mappings[0].state is MappingState.ACCEPTED
            assert shown(made).state is MappingState.ACCEPTED

    def test_a_reboot_of_the_gateway_and_its_new_address(self):
        made = world()
        made.call("want_peer", FLOW)
        made.run(1)
        before = shown(made).external
        made.gateways[0].external = "11.0.113.99"
        made.gateways[0].reboot()
        made.run(120)
        assert shown(made).external == Endpoint("11.0.113.99", 5060)
        assert PeerRemoved(Protocol.UDP, 5060, TRUNK, before) in made.events

    def test_two_flows_of_one_port_are_two(self):
        made = world()
        other = WantedPeer(Protocol.UDP, 5060, Endpoint("11.0.113.51", 5060))
        made.call("want_peer", FLOW)
        made.call("want_peer", other)
        made.call("want_peer", FLOW)
        made.run(1)
        peers = made.engine.snapshot(made.now).peers
        assert [each.remote for each in peers] == [TRUNK, other.remote]
        assert all(each.state is MappingState.ACCEPTED for each in peers)


class TestGivenBack:
    def test_it_is_not_renewed_any_more_and_nothing_is_sent_for_it(self):
        """§12.1: PEER cannot delete, or shorten a lifetime."""
        made = world()
        peer = made.call("want_peer", FLOW)
        made.run(1)
        external, sent = shown(made).external, len(made.records.requests())
        assert made.call("release_peer", peer)
        assert not made.call("release_peer", peer)
        made.run(1)
        assert made.engine.snapshot(made.now).peers == ()
        assert len(made.records.requests()) == sent
        assert PeerRemoved(Protocol.UDP, 5060, TRUNK, external) in made.events
        made.run(7200)
        assert len(asked(made)) == 1

    def test_a_stop_does_not_wait_for_it(self):
        made = world()
        made.call("want_peer", FLOW)
        made.run(1)
        made.call("stop")
        assert made.engine.stopped
        assert any(isinstance(event, PeerRemoved) for event in made.events)


class TestCannot:
    @pytest.mark.parametrize(("protocol", "name"), [("natpmp", "NAT-PMP"), ("upnp", "UPnP")])
    def test_a_gateway_without_pcp_is_not_asked_and_nothing_has_failed(self, protocol, name):
        made = world(protocol)
        before = len(made.records.requests())
        made.call("want_peer", FLOW)
        assert shown(made).state is MappingState.UNSUPPORTED
        assert name in shown(made).reason
        assert "PCP" in shown(made).reason
        assert len(made.records.requests()) == before
        (told,) = [event for event in made.events if isinstance(event, PeerFailed)]
        assert told.reason == shown(made).reason

    def test_mappings_are_made_all_the_same(self):
        made = world("natpmp")
        made.call("want_peer", FLOW)
        made.call("want", Wanted(Protocol.UDP, 5060))
        made.run(1)
        assert made.engine.snapshot(made.now).mappings[0].state is MappingState.ACCEPTED

    def test_a_pcp_server_without_peer(self):
        made = world()
        made.gateways[0].core.port_control.pcp.keeps_flows = False
        made.call("want_peer", FLOW)
        made.run(3600)
        assert shown(made).state is MappingState.UNSUPPORTED
        assert "PEER" in shown(made).reason
        assert len(asked(made)) == 1

    def test_a_gateway_that_learned_it_is_asked_when_it_comes_back(self):
        made = world()
        server = made.gateways[0].core.port_control.pcp
        server.keeps_flows = False
        made.call("want_peer", FLOW)
        made.run(10)
        server.keeps_flows = True
        made.gateways[0].reboot()
        made.run(300)
        assert shown(made).state is MappingState.ACCEPTED

    def test_a_refusal_is_one_and_is_asked_again(self):
        made = world(refuse=True)
        made.call("want_peer", FLOW)
        made.run(1)
        assert shown(made).state is MappingState.REFUSED
        made.gateways[0].quirks = Quirks()
        made.run(4000)
        assert shown(made).state is MappingState.ACCEPTED

    def test_while_mapping_is_off_nothing_is_asked(self):
        made = world()
        made.call("set_mapping_enabled", False)
        made.call("want_peer", FLOW)
        made.run(100)
        assert (shown(made).state, asked(made)) == (MappingState.DISABLED, [])
        made.call("set_mapping_enabled", True)
        made.run(1)
        assert shown(made).state is MappingState.ACCEPTED


class TestWritten:
    def test_the_journal_has_the_nonce_before_the_request_is_sent(self):
        made = world()
        made.engine.notes()
        made.engine.want_peer(FLOW, made.now)
        ((note, _),) = made.engine.notes()
        assert isinstance(note, Keep)
        (request,) = made.engine.pmp_to_send()
        assert (note.holding.nonce, note.holding.remote) == (request[24:36], str(TRUNK))

    def test_the_next_life_goes_on_with_that_nonce_and_deletes_nothing(self):
        row = Holding(
            Family.IPV4,
            Protocol.UDP,
            "",
            5060,
            0,
            3600,
            nonce=b"of yesterday",
            granted=True,
            remote=str(TRUNK),
        )
        made = world(recall=lambda identity: Recollection(identity.name, holdings=((row, 3000.0),)))
        made.run(30)
        about = [each.data[40:42] for each in made.records.requests("pmp") if len(each.data) >= 60]
        assert (5060).to_bytes(2, "big") not in about  # only the address was asked for, by port 9
        made.call("want_peer", FLOW)
        made.run(1)
        assert asked(made)[0][24:36] == b"of yesterday"


class TestBadInput:
    @pytest.mark.parametrize("port", [0, 70000, -1, True])
    def test_ports(self, port):
        for wish in ((port, TRUNK), (5060, Endpoint("11.0.113.50", port))):
            with pytest.raises(LocalError, match="1 to 65535"):
                WantedPeer(Protocol.UDP, *wish)

    def test_a_remote_that_is_no_address(self):
        with pytest.raises(LocalError, match="in numbers"):
            WantedPeer(Protocol.UDP, 5060, Endpoint("sip.example.net", 5060))

    def test_more_flows_than_the_budget_allows(self):
        made = world()
        for port in range(64):
            made.engine.want_peer(WantedPeer(Protocol.UDP, 20000 + port, TRUNK), made.now)
        with pytest.raises(LocalError, match="64 flows"):
            made.engine.want_peer(FLOW, made.now)


class TestBehindAnotherNat:
    def test_what_our_gateway_keeps_is_not_what_the_remote_sees(self):
        made = world()
        made.gateways[0].external = "10.0.0.2"
        made.call("want_peer", FLOW)
        made.run(5)
        flow, near = shown(made), Endpoint("10.0.0.2", 5060)
        assert (flow.state, flow.external, flow.near) == (MappingState.ACCEPTED, None, near)
        assert "another NAT translates it" in flow.reason
        assert PeerAdded(Protocol.UDP, 5060, TRUNK, near, whole=False) in made.events

    def test_it_is_known_again_when_the_address_becomes_public(self):
        made = world()
        made.gateways[0].external = "10.0.0.2"
        made.call("want_peer", FLOW)
        made.run(5)
        made.gateways[0].external = "11.0.113.7"
        made.call("republish")
        made.run(5)
        flow = shown(made)
        assert flow.external == flow.near == Endpoint("11.0.113.7", 5060)
        assert flow.reason == ""
