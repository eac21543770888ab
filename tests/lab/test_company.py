"""Rows of topology on loopback: other gateways beside and beyond, and what becomes of packets on the way."""

from __future__ import annotations

import asyncio
import time
from ipaddress import IPv4Network

import pytest

from ringthru.lab import Quirks
from ringthru.lab.gateway.host_side import FIRST_NAP
from ringthru.net.address import AddressRules, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import MappingState, PortMapper, Protocol, Rung, Wanted

from .conftest import GATEWAY, INSIDE, PUBLIC, SWITCH
from .raw_gateway import location, search

SSDP = Endpoint(GATEWAY, 1900)
WORLD = (IPv4Network("127.42.0.0/16"),)
HOME = Surroundings(SWITCH, INSIDE, GATEWAY, rules=AddressRules(also_public=WORLD), multicast=False)
PATIENCE = 30  # seconds for what should come at once
SIP = 5060  # the port the rows TO09 and TO10 are about: no other would do


def rows(*names):
    return {"quirks": Quirks(rows=frozenset(names)), "clock": time.monotonic}


async def answers_to_a_search(host, count):
    """Of whoever hears what is sent to the gateway's address."""
    host.send(search("upnp:rootdevice"), SSDP)
    return {
        source.host: location(_Answer(data)) for data, source in [await host.receive() for _ in range(count)]
    }


class _Answer:
    def __init__(self, data):
        self.data = data


class TestBeside:
    async def test_a_second_gateway_hears_the_search_and_answers_for_itself(self, gateways, hosts):
        gateway = await gateways(**rows("TO01"))
        found = await answers_to_a_search(hosts(), 2)
        assert found == {GATEWAY: gateway.description_url, "127.41.0.2": gateway.others[0].description_url}

    async def test_so_does_one_on_a_container_bridge(self, gateways, hosts):
        gateway = await gateways(**rows("TO02"))
        found = await answers_to_a_search(hosts(), 3)  # one of ours names the bridge, and then itself
        assert found == {GATEWAY: gateway.description_url, "127.41.2.1": gateway.others[0].description_url}

    @pytest.mark.parametrize("row", ["TO01", "TO02", "TO11"])
    async def test_our_engine_maps_on_its_own_gateway_alone(self, gateways, row):
        gateway = await gateways(**rows(row), protocols=("upnp",))
        async with PortMapper(HOME) as mapper, asyncio.timeout(PATIENCE):
            assert await mapper.want(Wanted(Protocol.UDP, 25060)).settled()
            assert mapper.snapshot().external_address == PUBLIC
            assert [each.mappings() for each in gateway.others] == [()]
            assert len(gateway.mappings()) == 1

    async def test_forged_answers_of_port_5351_come_from_the_hostile_host(self, gateways, hosts):
        await gateways(**rows("TO11"))
        host = hosts()
        host.send(bytes(2), Endpoint(GATEWAY, 5351))
        heard = dict([(await host.receive())[::-1] for _ in "ab"])
        assert heard[Endpoint("127.41.0.66", 5351)][8:] == bytes((6, 6, 6, 6))
        assert heard[Endpoint(GATEWAY, 5351)][8:] == bytes((127, 42, 0, 1))

    async def test_no_multicast_none_of_them_is_heard(self, gateways, hosts, settle):
        gateway = await gateways(**rows("TO01", "TO03"))
        host = hosts()
        assert await answers_to_a_search(host, 1) == {GATEWAY: gateway.description_url}
        await settle()
        assert host.heard_nothing()

    async def test_with_the_gateway_they_end(self, gateways, hosts):
        gateway = await gateways(**rows("TO01", "TO02", "TO08", "TO11"))
        assert sorted(each.row for each in gateway.others) == ["TO01", "TO02", "TO08", "TO11"]
        await gateway.stop()
        for other in gateway.others:
            hosts(other.inside, 1900)  # would raise PortInUse


class TestBeyond:
    async def test_alone_the_inner_one_maps_and_nobody_gets_through(self, gateways):
        gateway = await gateways(**rows("TO08"))
        async with PortMapper(HOME) as mapper, asyncio.timeout(PATIENCE):
            mapping = mapper.want(Wanted(Protocol.UDP, 25060))
            assert await mapping.settled()
            shown = mapper.snapshot()
            assert (shown.external_address, shown.reported_address) == (None, "127.43.0.2")
            assert gateway.beyond.mappings() == ()

    @pytest.mark.parametrize("protocol", ["natpmp", "pcp", "upnp"])
    async def test_nested_both_map_and_a_call_comes_through(self, gateways, hosts, phones, protocol):
        """PCP notices the NAT between, so that the outer gateway needs another protocol besides."""
        protocols = (protocol, "natpmp") if protocol == "pcp" else (protocol,)
        gateway = await gateways(**rows("TO08"), protocols=protocols)
        switch, phone = hosts(port=25060), phones("127.42.0.50", masquerade=gateway.masquerade)
        mapper = PortMapper(HOME, nested=True, outer_gateway="127.43.0.1")
        async with mapper, asyncio.timeout(PATIENCE):
            mapping = mapper.want(Wanted(Protocol.UDP, 25060))
            assert await mapping.settled()
            assert mapping.state is MappingState.ACCEPTED
            assert mapper.snapshot().external_address == PUBLIC
            (beyond,) = gateway.beyond.mappings()
            assert beyond.internal == Endpoint("127.43.0.2", 25060)
            phone.send(b"INVITE", Endpoint(PUBLIC, mapping.external_port))
            assert await switch.receive() == (b"INVITE", phone.local)
            switch.send(b"200 OK", phone.local)
            async with asyncio.timeout(30):
                assert await phone.receive() == (b"200 OK", Endpoint(PUBLIC, mapping.external_port))
            mapper.reached(mapping, "an INVITE came through")
            (shown,) = mapper.snapshot().mappings
            assert (shown.rung, shown.external_address) == (Rung.REACHABLE, PUBLIC)
        assert (gateway.mappings(), gateway.beyond.mappings()) == ((), ())

    async def test_what_goes_out_leaves_from_the_outer_address(self, gateways, hosts, phones):
        gateway = await gateways(**rows("TO08"))
        host, phone = hosts(), phones("127.42.0.50", masquerade=gateway.masquerade)
        host.send(b"REGISTER", phone.local)
        async with asyncio.timeout(30):
            data, source = await phone.receive()
        assert (data, source.host) == (b"REGISTER", PUBLIC)
        phone.send(b"200 OK", source)
        assert await host.receive() == (b"200 OK", phone.local)

    async def test_another_address_of_the_provider_is_the_outer_ones(self, gateways):
        gateway = await gateways(**rows("TO08"))
        gateway.change_external_address("127.42.0.9")
        assert (gateway.external_address, gateway.beyond.external_address) == ("127.43.0.2", "127.42.0.9")


class TestPackets:
    """TO09, on real sockets: a SIP OPTIONS out through a mapped port, and its answer."""

    OPTIONS = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {0}\r\nContact: <sip:{0}>\r\n\r\n"
    OK = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {}\r\n\r\n"

    async def passes(self, gateways, hosts, phones, port):
        """What the peer gets, and what comes back of the answer that it makes of it."""
        gateway = await gateways(**rows("TO09"))
        request = bytes.fromhex("00010000" + f"{port:04x}" * 2 + "00000e10")
        await hosts().ask(request, Endpoint(GATEWAY, 5351))
        switch, phone = hosts(port=port), phones("127.42.0.50", masquerade=gateway.masquerade)
        switch.send(self.OPTIONS.format(switch.local).encode(), phone.local)
        async with asyncio.timeout(30):
            options, source = await phone.receive()
        assert source == Endpoint(PUBLIC, port)
        via = options.decode().partition("UDP ")[2].partition("\r")[0]
        phone.send(self.OK.format(via).encode(), source)
        return options.decode(), (await switch.receive())[0].decode()

    async def test_TO09_through_5060_it_is_rewritten_and_the_via_turned_back(self, gateways, hosts, phones):
        options, answer = await self.passes(gateways, hosts, phones, SIP)
        assert options == self.OPTIONS.format(f"{PUBLIC}:{SIP}")
        assert answer == self.OK.format(f"{SWITCH}:{SIP}")

    async def test_TO09_through_another_port_it_is_left_alone(self, gateways, hosts, phones):
        options, answer = await self.passes(gateways, hosts, phones, 25060)
        assert options == self.OPTIONS.format(f"{SWITCH}:25060")
        assert answer == self.OK.format(f"{SWITCH}:25060")


async def test_TO06_on_loopback_the_gateways_clock_leaps_and_leases_have_run_out(gateways, hosts, clock):
    gateway = await gateways(quirks=Quirks(rows=frozenset({"TO06"})))
    asker = hosts()
    await asker.ask(bytes.fromhex("00010000" + "61e4" * 2 + "00000e10"), Endpoint(GATEWAY, 5351))
    gateway.expire()
    assert len(gateway.mappings()) == 1
    clock.advance(FIRST_NAP)
    gateway.expire()
    assert gateway.mappings() == ()
    assert gateway.epoch >= 3600
