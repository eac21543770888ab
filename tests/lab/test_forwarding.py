"""The forwarding plane: what reaches the inside, with whose address, and what comes back from where."""

import asyncio
from contextlib import suppress

import pytest

from ringthru.lab import OutsideSocket, is_leak
from ringthru.lab.gateway.udp_forward import IDLE, MOST_FLOWS
from ringthru.net.address import Endpoint

from ..scenarios.waiting import eventually

MAPPED = Endpoint("127.42.0.1", 25060)
UDP, TCP = "01", "02"


async def open_mapping(host, protocol=UDP, port=25060, lifetime=3600):
    """Map a port of the host to the same one outside, by NAT-PMP."""
    fields = (port.to_bytes(2, "big") * 2) + lifetime.to_bytes(4, "big")
    answer = await host.ask(bytes.fromhex("00" + protocol + "0000") + fields, Endpoint("127.41.0.1", 5351))
    assert answer[2:4] == bytes(2)


async def hear(phone):
    async with asyncio.timeout(30):
        return await phone.receive()


@pytest.fixture
async def switch(gateway, hosts):
    """An inside host with its port 25060 mapped."""
    host = hosts(port=25060)
    await open_mapping(hosts())
    return host


class TestUdp:
    async def test_the_inside_sees_the_peer_and_the_peer_sees_the_gateway(self, switch, phones):
        phone = phones("127.42.0.50")
        phone.send(b"INVITE", MAPPED)
        data, source = await switch.receive()
        assert (data, source) == (b"INVITE", phone.local)
        switch.send(b"200 OK", source)
        assert await hear(phone) == (b"200 OK", MAPPED)
        assert phone.leaks == 0

    async def test_two_peers_on_one_mapping_are_kept_apart(self, gateway, switch, phones):
        anna, bert = phones("127.42.0.50", 26000), phones("127.42.0.51", 26000)
        for phone, word in ((anna, b"anna"), (bert, b"bert"), (anna, b"anna again")):
            phone.send(word, MAPPED)
            assert await switch.receive() == (word, phone.local)
        switch.send(b"to bert", bert.local)
        switch.send(b"to anna", anna.local)
        assert await hear(anna) == (b"to anna", MAPPED)
        assert await hear(bert) == (b"to bert", MAPPED)
        (mapped,) = gateway.mappings()
        assert (mapped.packets_in, mapped.packets_out) == (3, 2)

    async def test_two_ports_of_one_peer_are_two_flows(self, switch, phones):
        signalling, media = phones("127.42.0.50", 26000), phones("127.42.0.50", 26002)
        for socket in (signalling, media):
            socket.send(b"x", MAPPED)
            assert (await switch.receive())[1] == socket.local

    async def test_an_unmapped_port_reaches_nobody(self, gateway, switch, phones, settle):
        phone = phones("127.42.0.50")
        phone.send(b"x", Endpoint("127.42.0.1", 25061))
        await settle()
        assert switch.heard_nothing()

    async def test_an_inside_host_gets_no_hairpin(self, gateway, switch, hosts, settle):
        neighbour = hosts("127.41.0.104")
        neighbour.send(b"x", MAPPED)
        await settle()
        assert switch.heard_nothing()
        assert gateway.mappings()[0].packets_in == 0

    async def test_a_client_that_is_not_there_costs_nothing(self, gateway, hosts, phones, settle):
        await open_mapping(hosts())
        phone = phones("127.42.0.50")
        for _ in range(5):
            phone.send(b"x", MAPPED)
            await settle()
        latecomer = hosts(port=25060)
        phone.send(b"hello", MAPPED)
        assert (await latecomer.receive())[0] == b"hello"

    async def test_the_largest_datagram_passes_both_ways(self, switch, phones):
        phone, large = phones("127.42.0.50"), bytes(65507)
        phone.send(large, MAPPED)
        data, source = await switch.receive()
        switch.send(data, source)
        assert (await hear(phone))[0] == large

    async def test_flows_are_bounded_and_the_oldest_goes(self, gateway, switch, phones):
        everybody = [phones("127.42.0.50") for _ in range(MOST_FLOWS + 1)]
        for phone in everybody:
            phone.send(b"x", MAPPED)
            await switch.receive()
        switch.send(b"late", everybody[0].local)  # its flow is gone: this goes past the gateway
        switch.send(b"known", everybody[1].local)
        assert (await hear(everybody[1]))[1] == MAPPED
        await eventually(lambda: everybody[0].leaks == 1, "the datagram past the gateway was not noticed")

    async def test_an_idle_flow_ends_and_the_next_packet_opens_another(
        self, gateway, switch, phones, clock, settle
    ):
        phone = phones("127.42.0.50")
        phone.send(b"x", MAPPED)
        await switch.receive()
        clock.advance(IDLE)
        gateway.expire()
        switch.send(b"late", phone.local)
        await settle()
        assert phone.leaks == 1
        phone.send(b"again", MAPPED)
        assert await switch.receive() == (b"again", phone.local)

    async def test_traffic_keeps_a_flow(self, gateway, switch, phones, clock):
        phone = phones("127.42.0.50")
        phone.send(b"x", MAPPED)
        await switch.receive()
        for _ in range(3):
            clock.advance(IDLE - 1)
            gateway.expire()
            switch.send(b"y", phone.local)
            assert (await hear(phone))[1] == MAPPED


class TestLeaks:
    """On loopback the inside could reach the outside directly; no outside host may take notice."""

    def test_what_comes_from_the_inside_network_is_a_leak(self, gateway):
        assert is_leak(("127.41.0.103", 5060), gateway.inside_network)
        assert not is_leak(("127.42.0.1", 5060), gateway.inside_network)

    async def test_it_is_counted_and_dropped(self, switch, phones, settle):
        phone = phones("127.42.0.50")
        switch.send(b"past the gateway", phone.local)
        await settle()
        assert phone.leaks == 1
        switch.send(b"from elsewhere", phone.local)
        phone.send(b"x", MAPPED)
        switch.send(b"answer", (await switch.receive())[1])
        assert await hear(phone) == (b"answer", MAPPED)

    async def test_an_outside_host_has_no_route_to_the_inside(self, switch, phones, settle):
        assert phones("127.42.0.50").send(b"x", switch.local) is False
        await settle()
        assert switch.heard_nothing()

    async def test_with_a_listener_everything_heard_goes_there(self, switch, phones):
        heard = asyncio.get_running_loop().create_future()
        phone = phones("127.42.0.50", on_datagram=lambda *datagram: heard.set_result(datagram))
        phone.send(b"x", MAPPED)
        switch.send(b"y", (await switch.receive())[1])
        async with asyncio.timeout(30):
            assert await heard == (b"y", MAPPED)

    def test_an_outside_socket_stays_on_loopback(self, gateway):
        with pytest.raises(ValueError, match="never leaves loopback"):
            OutsideSocket(Endpoint("0.0.0.0", 0), gateway.inside_network)


class TestMasquerade:
    """What an inside host sends out by itself, carried by the gateway as its default route would be."""

    async def test_a_mapped_port_speaks_from_its_external_port(self, gateway, switch, phones):
        phone = phones("127.42.0.50", masquerade=gateway.masquerade)
        switch.send(b"OPTIONS", phone.local)
        assert await hear(phone) == (b"OPTIONS", MAPPED)
        phone.send(b"200 OK", MAPPED)
        assert await switch.receive() == (b"200 OK", phone.local)
        assert phone.leaks == 0

    async def test_an_unmapped_port_gets_a_passing_one_that_only_the_peer_may_use(
        self, gateway, hosts, phones, settle
    ):
        host, phone, stranger = (
            hosts(),
            phones("127.42.0.50", masquerade=gateway.masquerade),
            phones("127.42.0.51"),
        )
        host.send(b"REGISTER", phone.local)
        data, passing = await hear(phone)
        assert (data, passing.host) == (b"REGISTER", "127.42.0.1")
        stranger.send(b"hello?", passing)
        phone.send(b"200 OK", passing)
        assert await host.receive() == (b"200 OK", phone.local)
        await settle()
        assert host.heard_nothing()
        assert gateway.mappings() == ()

    async def test_it_ends_when_idle(self, gateway, hosts, phones, clock, settle):
        host, phone = hosts(), phones("127.42.0.50", masquerade=gateway.masquerade)
        host.send(b"x", phone.local)
        passing = (await hear(phone))[1]
        clock.advance(IDLE)
        gateway.expire()
        phone.send(b"late", passing)
        await settle()
        assert host.heard_nothing()


class TestEndOfAMapping:
    async def test_expired_it_forwards_nothing_more(self, gateway, switch, phones, clock, settle):
        phone = phones("127.42.0.50")
        phone.send(b"x", MAPPED)
        await switch.receive()
        clock.advance(3600)
        gateway.expire()
        phone.send(b"late", MAPPED)
        switch.send(b"late", phone.local)
        await settle()
        assert switch.heard_nothing()
        assert phone.leaks == 1

    async def test_flushed_it_is_listed_and_even_renewed_but_not_reachable(
        self, gateway, switch, hosts, phones, settle
    ):
        phone = phones("127.42.0.50")
        gateway.flush()
        await open_mapping(hosts())
        phone.send(b"x", MAPPED)
        await settle()
        assert switch.heard_nothing()
        (mapped,) = gateway.mappings()
        assert (mapped.external_port, mapped.forwarding) == (25060, False)

    async def test_deleted_and_added_again_it_works(self, gateway, switch, hosts, phones):
        gateway.flush()
        asker, phone = hosts(), phones("127.42.0.50")
        await open_mapping(asker, lifetime=0)
        await open_mapping(asker)
        phone.send(b"x", MAPPED)
        assert (await switch.receive())[0] == b"x"

    async def test_a_reboot_loses_it(self, gateway, switch, phones, settle):
        phone = phones("127.42.0.50")
        phone.send(b"x", MAPPED)
        await switch.receive()
        await gateway.reboot()
        phone.send(b"late", MAPPED)
        await settle()
        assert switch.heard_nothing()

    async def test_another_external_address_takes_it_along(self, gateway, switch, phones, clock, settle):
        clock.advance(50)
        phone = phones("127.42.0.50")
        gateway.change_external_address("127.42.0.2")
        phone.send(b"old", MAPPED)
        phone.send(b"new", Endpoint("127.42.0.2", 25060))
        assert (await switch.receive())[0] == b"new"
        await settle()
        assert switch.heard_nothing()
        assert (gateway.external_address, gateway.epoch) == ("127.42.0.2", 0)

    async def test_stopping_closes_every_port(self, gateway, switch, hosts):
        await gateway.stop()
        hosts("127.42.0.1", 25060)  # would raise PortInUse
        assert gateway.mappings() == ()


class TestDoubleNat:
    async def test_a_call_crosses_two_gateways_and_keeps_its_address(self, gateways, hosts, phones):
        """127.41.0.103 — inner — 127.44.0.0/24 — outer — 127.42.0.0/24."""
        await gateways(outside="127.44.0.2")
        await gateways(inside="127.44.0.1", outside="127.42.0.1")
        switch, phone = hosts(port=25060), phones("127.42.0.50")
        await open_mapping(hosts())
        request = bytes.fromhex("00" + UDP + "0000" + "61e4" + "61e4" + "00000e10")
        await hosts("127.44.0.2").ask(request, Endpoint("127.44.0.1", 5351))
        phone.send(b"INVITE", MAPPED)
        data, source = await switch.receive()
        assert (data, source) == (b"INVITE", phone.local)
        switch.send(b"200 OK", source)
        assert await hear(phone) == (b"200 OK", MAPPED)
        assert phone.leaks == 0


class TestTcp:
    async def test_a_connection_is_relayed_both_ways_from_the_gateways_own_address(self, gateway, hosts):
        async def echo(reader, writer):
            writer.write(writer.get_extra_info("peername")[0].encode() + b" " + await reader.read())
            writer.close()

        server = await asyncio.start_server(echo, "127.41.0.103", 25060)
        await open_mapping(hosts(), TCP)
        async with server, asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(*MAPPED, local_addr=("127.42.0.50", 0))
            writer.write(b"hello")
            writer.write_eof()
            assert await reader.read() == b"127.41.0.1 hello"
            writer.close()
        (mapped,) = gateway.mappings()
        assert (mapped.protocol, mapped.packets_in, mapped.packets_out) == ("tcp", 1, 1)

    async def test_nobody_at_the_inside_end_hangs_up(self, gateway, hosts):
        await open_mapping(hosts(), TCP)
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(*MAPPED, local_addr=("127.42.0.50", 0))
            assert await reader.read() == b""
            writer.close()

    async def test_the_end_of_the_mapping_ends_its_connections(self, gateway, hosts, clock):
        async def hold(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hold, "127.41.0.103", 25060)
        await open_mapping(hosts(), TCP)
        async with server, asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(*MAPPED, local_addr=("127.42.0.50", 0))
            writer.write(b"x")
            clock.advance(3600)
            gateway.expire()
            with suppress(ConnectionResetError):  # a reset is an end too
                assert await reader.read() == b""
            writer.close()
