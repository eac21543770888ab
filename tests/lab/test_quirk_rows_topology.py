"""Each row of topology alone: the fake gateway, and the world around it, really do what the row says."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.company import others, own_external
from ringthru.lab.gateway.host_side import AWAKE, FIRST_NAP, MOST_STATES, NAP, STATE, Firewall, LeapingClock
from ringthru.lab.gateway.hostile_host import forged_answers, hostile_host
from ringthru.lab.gateway.quirks import ROWS
from ringthru.lab.gateway.replies import Reply
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import NOTICED
from ringthru.net.address import Endpoint

from ..portmap.matrix.play import arrives, comes_to_hold, held, make_world, start
from .raw_gateway import CLIENT, GATEWAY, HTTP, RawGateway, location, search

NATPMP_MAP = bytes.fromhex("00010000" + "13c4" + "13c4" + "00000e10")
ADDRESS = bytes(2)
PCP_MAP = bytes.fromhex(
    "0201"
    + "0000"
    + "00000e10"
    + "00" * 10
    + "ffff"
    + "7f290067"
    + "0a" * 12
    + "11000000"
    + "13c413c4"
    + "00" * 16
)
ASKER = Endpoint(CLIENT, 40000)
ALL = frozenset({"natpmp", "pcp", "upnp"})
LAN = IPv4Network("192.168.1.0/24")


def test_every_row_of_topology_has_its_own_test_here():
    tested = set(re.findall(r"def test_(TO\d\d)", Path(__file__).read_text()))
    assert {row.id for row in ROWS.values() if row.protocol == "world"} <= tested


def searched(world):
    """Who has answered the engine's searches."""
    return {each.peer.host for each in world.records.exchanges if (each.way, each.kind) == ("in", "ssdp")}


class TestOthers:
    def test_TO01_a_second_gateway_answers_and_would_map_for_us(self):
        world = make_world(["TO01"], ("upnp",))
        start(world)
        assert comes_to_hold(world)
        assert searched(world) == {"192.168.1.1", "192.168.1.2"}
        second = world.gateways[1]
        assert second.core.reported_address() == "11.0.113.2"
        assert second.core.protocols == {"upnp"}  # as the first one
        asker = Endpoint(world.host, 1)
        assert second.core.receive(1900, search("upnp:rootdevice"), asker, "239.255.255.250")

    def test_TO02_the_bridge_is_on_another_network_and_answers_all_the_same(self):
        world = make_world(["TO02"], ("upnp",))
        start(world)
        assert comes_to_hold(world)
        assert "172.17.0.1" in searched(world)
        assert dict(world.engine.snapshot(world.now).counters)["search answers of strangers"] > 0
        assert world.gateways[1].entries() == ()

    def test_TO02_our_gateways_own_answer_names_the_bridge_first(self):
        bridge, good = RawGateway("TO02").search()
        assert location(bridge) == f"http://127.41.2.1:{HTTP.port}/rootDesc.xml"
        assert location(good) == f"http://{HTTP}/rootDesc.xml"

    def test_TO08_the_address_is_private_and_nothing_comes_in_until_the_outer_one_maps_too(self):
        world = make_world(["TO08"], ("natpmp",))
        inner, outer = world.gateways
        start(world)
        assert comes_to_hold(world)
        (mapping,) = held(world)
        assert world.engine.reported_address == "10.0.0.2"
        assert world.engine.external_address is None
        assert inner.forwards("udp", mapping.external_port) is not None
        assert not arrives(world, mapping)
        world.crossing.send_pmp(NATPMP_MAP, "10.0.0.1")  # what nesting does, through the inner NAT
        world.run(1)
        assert outer.entry("udp", 5060).internal == Endpoint("10.0.0.2", 5060)
        assert arrives(world, mapping)

    def test_TO11_a_hostile_host_answers_searches_with_traps_and_with_a_gateway_of_lies(self):
        world = make_world(["TO11"], ("upnp",))
        start(world)
        assert comes_to_hold(world)
        assert "192.168.1.66" in searched(world)
        liar = world.gateways[1]
        assert liar.core.reported_address() == "6.6.6.6"
        answers = liar.core.receive(
            1900, search("upnp:rootdevice"), Endpoint(world.host, 1), "239.255.255.250"
        )
        assert "http://169.254.169.254/latest/meta-data" in {location(each) for each in answers}

    @pytest.mark.parametrize("request_bytes", [ADDRESS, NATPMP_MAP, PCP_MAP])
    def test_TO11_forged_answers_come_from_another_address_and_before_the_true_ones(self, request_bytes):
        forged, true = RawGateway("TO11").core.receive(5351, request_bytes, ASKER)
        assert (forged.source_host, true.source_host) == ("127.41.0.66", "")
        assert (forged.data[0], forged.data[1]) == (true.data[0], true.data[1])
        assert len(forged.data) == len(true.data)
        if request_bytes == PCP_MAP:
            assert forged.data[24:36] == PCP_MAP[24:36]  # the nonce: it has seen the request
        assert (bytes((6, 6, 6, 6)) in forged.data) is (request_bytes != NATPMP_MAP)

    def test_TO11_announcements_are_forged_in_its_own_name_alone(self):
        clock = ManualClock()
        gateway = VirtualGateway(clock.read, quirks=Quirks(rows=frozenset({"TO11"})))
        clock.advance(60)
        gateway.handle_timeout(clock.now)
        notices = gateway.notices_to_send()
        assert {each.source.host for each in notices} == {hostile_host(gateway.address)}
        assert {each.data[:2] for each in notices} == {b"\0\x80", b"\x02\x80", b"NO"}
        said = b"".join(each.data for each in notices)
        assert b"ssdp:byebye" in said
        assert b"LOCATION: http://192.168.1.66:5000/rootDesc.xml" in said

    @given(request_bytes=st.binary(max_size=80))
    def test_TO11_any_request_gets_a_forged_answer_or_none(self, request_bytes):
        for each in forged_answers(request_bytes, GATEWAY):
            assert each.source_host == "127.41.0.66"

    def test_nobody_is_around_a_gateway_without_these_rows(self):
        assert others("192.168.1.1", LAN, "11.0.113.1", ALL, Quirks()) == ()
        assert own_external("11.0.113.1", Quirks()) == "11.0.113.1"

    def test_on_loopback_they_all_are_on_loopback(self):
        rows = frozenset({"TO01", "TO02", "TO08", "TO11"})
        found = others("127.41.0.1", IPv4Network("127.41.0.0/24"), "127.42.0.1", ALL, Quirks(rows=rows))
        assert {each.row: (each.address, each.external) for each in found} == {
            "TO01": ("127.41.0.2", "127.42.0.2"),
            "TO02": ("127.41.2.1", "127.42.0.3"),
            "TO11": ("127.41.0.66", "127.42.0.4"),
            "TO08": ("127.43.0.1", "127.42.0.1"),
        }
        assert own_external("127.42.0.1", Quirks(rows=rows)) == "127.43.0.2"

    def test_what_the_clients_network_does_it_does_to_all_of_them(self):
        (second,) = others(
            "192.168.1.1", LAN, "11.0.113.1", ALL, Quirks(rows=frozenset({"TO01", "TO03", "AD13"}))
        )
        assert second.quirks.rows == {"TO03"}


class TestTheClientsSide:
    def test_TO03_what_is_sent_to_a_group_is_not_heard_and_what_is_sent_to_the_gateway_is(self):
        gateway = RawGateway("TO03")
        assert gateway.search(multicast=True) == []
        assert location(gateway.search(multicast=False)[0]) == f"http://{HTTP}/rootDesc.xml"
        assert gateway.core.receive(5351, ADDRESS, ASKER)
        assert RawGateway("TO03").core.receive(5351, ADDRESS, ASKER, "224.0.0.1") == []

    def test_TO03_nothing_is_announced(self):
        gateway = VirtualGateway(ManualClock().read, quirks=Quirks(rows=frozenset({"TO03"})))
        gateway.reboot()
        assert gateway.notices_to_send() == []

    def test_TO03_a_gateway_by_hand_is_found_by_unicast(self):
        world = make_world(["TO03"], ("upnp",))
        start(world)
        assert comes_to_hold(world, limit=3.0)

    def test_TO04_an_answer_to_a_multicast_search_gets_in_after_a_unicast_from_the_same_port(self):
        gateway = RawGateway("TO04")
        assert gateway.search(multicast=True) == []
        assert gateway.search(multicast=False)
        assert gateway.search(multicast=True)
        elsewhere = gateway.core.receive(
            1900, search("upnp:rootdevice"), Endpoint(CLIENT, 40001), "239.255.255.250"
        )
        assert elsewhere == []
        gateway.clock.advance(STATE + 1)
        assert gateway.search(multicast=True) == []

    def test_TO04_an_answer_from_elsewhere_does_not_get_in(self):
        firewall, here = Firewall(ManualClock().read), "192.168.1.1"
        firewall.sees(ASKER, here)
        good = Reply(b"")
        answers = [good, Reply(b"", source_host="192.168.1.2"), Reply(b"", source_port=0)]
        assert firewall.let_in(answers, ASKER, here) == [good]

    def test_TO04_what_the_firewall_remembers_is_bounded(self):
        firewall = Firewall(ManualClock().read)
        for port in range(MOST_STATES + 1):
            firewall.sees(Endpoint(CLIENT, port), GATEWAY)
        assert firewall.let_in([Reply(b"")], Endpoint(CLIENT, 0), GATEWAY) == []
        assert firewall.let_in([Reply(b"")], Endpoint(CLIENT, 1), GATEWAY)

    def test_TO04_a_second_gateway_is_not_heard_at_all(self):
        world = make_world(["TO01", "TO04"], ("upnp",))
        start(world)
        assert comes_to_hold(world)
        assert searched(world) == {"192.168.1.1"}


class TestTime:
    def test_TO06_the_engine_sleeps_its_lease_ends_and_it_is_mapped_again(self):
        world = make_world(["TO06"], ("natpmp",))
        start(world)
        assert comes_to_hold(world)
        began = world.now
        world.run(FIRST_NAP - 1)
        asked = len(world.records.requests())
        assert len(world.gateways[0].entries()) == 3  # with somebody else's two
        world.run(2)
        assert world.now - began == pytest.approx(NAP + FIRST_NAP + 1, abs=1)
        assert len(world.records.requests()) - asked <= 2
        world.run(NOTICED + 2)
        assert len(held(world)) == 1
        assert len(world.gateways[0].entries()) == 3
        assert world.verdicts() == []

    def test_TO06_what_is_said_to_a_sleeping_machine_is_lost(self):
        world = make_world(protocols=("natpmp",))
        start(world)
        assert comes_to_hold(world)
        heard = len(world.records.exchanges)
        world.at(100, world.gateways[0].reboot)
        world.sleep(1000)
        assert len(world.records.exchanges) == heard
        assert comes_to_hold(world)
        world.run(NOTICED + 2)
        assert len(world.gateways[0].entries()) == 1
        assert world.verdicts() == []

    def test_TO06_a_connection_does_not_outlive_the_sleep(self):
        world = make_world(["HT17"], ("upnp",))
        start(world)
        assert world.run_until(lambda: world.gateways[0].open_connections, 10)
        world.sleep(1000)
        assert comes_to_hold(world)
        assert world.records.most_http_in_flight == 1
        assert world.verdicts() == []

    def test_TO06_where_nobody_can_sleep_the_gateways_clock_leaps(self):
        base, on = ManualClock(0.0), True
        leaping = LeapingClock(base.read)
        leaping.leaps = lambda: on
        seen = [leaping.read()]
        for seconds in (FIRST_NAP - 1, 1, AWAKE - 1, 1):
            base.advance(seconds)
            seen.append(leaping.read())
        assert seen == [
            0,
            FIRST_NAP - 1,
            FIRST_NAP + NAP,
            FIRST_NAP + NAP + AWAKE - 1,
            FIRST_NAP + AWAKE + 2 * NAP,
        ]
        on = False
        base.advance(10 * AWAKE)
        assert leaping.read() == FIRST_NAP + 11 * AWAKE + 2 * NAP


class TestTheLine:
    def test_TO09_mapping_is_as_ever(self):
        """What the ALG does to packets: test_sip_alg, test_company."""
        assert RawGateway("TO09").add(5060) == {}

    def test_TO10_the_gateway_keeps_5060_for_itself(self):
        gateway = RawGateway("TO10")
        assert [gateway.add(5060), gateway.add(5062)] == [{}, {}]
        assert gateway.forwarded() == [5062]

    def test_TO12_the_address_comes_and_goes(self):
        gateway = RawGateway("TO12")
        gateway.clock.advance_to(1020)
        seen = []
        for _ in range(4):
            seen.append(gateway.call("GetExternalIPAddress")["NewExternalIPAddress"])
            gateway.clock.advance(30)
        assert seen == ["127.42.0.1", "", "127.42.0.1", ""]
