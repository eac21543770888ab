"""The mapping engine finds, uses and leaves the fake gateway, whatever the gateway's character."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from ipaddress import IPv4Network

import pytest

from ringthru.lab import Quirks
from ringthru.net.address import AddressKind, AddressRules, Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import GatewayType, NoGateway, PortMapper, Protocol, Wanted

from ..scenarios.waiting import eventually

SWITCH = "127.48.0.103"
SIP = Wanted(Protocol.UDP, 25060, label="Ringthru sip-udp-25060")
PATIENCE = 30  # seconds a test waits for what should come at once


@pytest.fixture
def start_gateway(gateways):
    """A gateway between 127.48.N and 127.49.N, on the real clock."""

    async def start(*protocols, world=0, **quirks):
        return await gateways(
            inside=f"127.48.{world}.1",
            outside=f"127.49.{world}.1",
            protocols=protocols or ("natpmp", "upnp"),
            quirks=Quirks(**quirks),
            clock=time.monotonic,
        )

    return start


@pytest.fixture
async def new_mapper():
    """An engine at 127.48.N.103; stopped at the end."""
    async with AsyncExitStack() as stack:

        def make(world=0, **settings):
            surroundings = Surroundings(
                address=f"127.48.{world}.103",
                network=IPv4Network(f"127.48.{world}.0/24"),
                gateway=f"127.48.{world}.1",
                rules=AddressRules(also_public=(IPv4Network("127.49.0.0/16"),)),
                multicast=False,
            )
            mapper = PortMapper(surroundings, **settings)
            stack.push_async_callback(mapper.stop)
            return mapper

        yield make


@pytest.fixture
def mapper(new_mapper):
    return new_mapper()


async def started(mapper, *wanted):
    """Start; returns the mappings once each has its first verdict."""
    mapper.start()
    mappings = [mapper.want(each) for each in wanted or (SIP,)]
    async with asyncio.timeout(PATIENCE):
        for mapping in mappings:
            await mapping.settled()
    return mappings


def ports_of(gateway):
    return [(m.protocol, m.external_port, str(m.internal), m.made_by) for m in gateway.mappings()]


class TestWhichProtocolIsUsed:
    @pytest.mark.parametrize(
        ("protocols", "quirks", "kind", "made_by"),
        [
            (("natpmp",), {}, GatewayType.NAT_PMP, "natpmp"),
            (("upnp",), {"igd_version": 1}, GatewayType.UPNP, "upnp"),
            (("upnp",), {"igd_version": 2}, GatewayType.UPNP, "upnp"),
            (("natpmp", "upnp"), {}, GatewayType.NAT_PMP, "natpmp"),
            (("natpmp", "upnp"), {"secure": True}, GatewayType.NAT_PMP, "natpmp"),
            (("upnp",), {"secure": True}, GatewayType.UPNP, "upnp"),
            (("natpmp",), {"delay": 0.3}, GatewayType.NAT_PMP, "natpmp"),
            (("upnp",), {"delay": 0.1}, GatewayType.UPNP, "upnp"),
        ],
    )
    async def test_the_port_is_mapped_and_reachable(
        self, start_gateway, mapper, hosts, phones, protocols, quirks, kind, made_by
    ):
        gateway = await start_gateway(*protocols, **quirks)
        switch = hosts(SWITCH, 25060)
        (mapping,) = await started(mapper)
        assert ports_of(gateway) == [("udp", 25060, f"{SWITCH}:25060", made_by)]
        assert mapping.external_port == 25060
        shown = mapper.snapshot()
        assert (shown.type, shown.gateway, shown.external_address) == (kind, "127.48.0.1", "127.49.0.1")
        phone = phones("127.49.0.50")
        phone.send(b"OPTIONS", Endpoint("127.49.0.1", 25060))
        assert await switch.receive() == (b"OPTIONS", phone.local)

    async def test_several_ports_and_both_transports(self, start_gateway, mapper):
        gateway = await start_gateway()
        await started(mapper, SIP, Wanted(Protocol.TCP, 25060), Wanted(Protocol.UDP, 25080))
        assert sorted(ports_of(gateway))[0][:2] == ("tcp", 25060)
        assert len(gateway.mappings()) == 3


class TestNoGateway:
    """Three houses at once, because each verdict takes its seconds."""

    async def test_the_verdict_comes_and_nothing_is_mapped(self, start_gateway, new_mapper):
        mute = await start_gateway(world=1, mute=True)
        garbage = await start_gateway(world=2, garbage=True)
        with_nobody_mute_and_garbage = [new_mapper(world) for world in range(3)]
        await asyncio.gather(*(self.expect_none(mapper) for mapper in with_nobody_mute_and_garbage))
        assert mute.mappings() == garbage.mappings() == ()

    async def expect_none(self, mapper):
        heard = []
        mapper.subscribe(heard.append)
        mapping = mapper.want(SIP)
        mapper.start()
        async with asyncio.timeout(PATIENCE):
            assert await mapping.settled() is False
        shown = mapper.snapshot()
        assert (shown.verdict_known, shown.type, shown.external_address) == (True, None, None)
        assert shown.mappings[0].external_port is None
        assert NoGateway() in heard


class TestQuirks:
    async def test_permanent_leases_only(self, start_gateway, mapper):
        gateway = await start_gateway("upnp", permanent_only=True)
        await started(mapper)
        assert [(m.external_port, m.lifetime_left) for m in gateway.mappings()] == [(25060, None)]

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_a_conflict_leads_to_another_port(self, start_gateway, mapper, protocol):
        gateway = await start_gateway(protocol, conflicts=frozenset({25060}))
        (mapping,) = await started(mapper)
        (held,) = gateway.mappings()
        assert held.external_port == mapping.external_port != 25060
        assert held.internal.port == 25060

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_a_conflict_on_an_exact_port_is_a_refusal(self, start_gateway, mapper, protocol):
        gateway = await start_gateway(protocol, conflicts=frozenset({25060}))
        (mapping,) = await started(mapper, Wanted(Protocol.UDP, 25060, exact=True))
        assert mapping.external_port is None
        assert mapping.reason
        await eventually(lambda: gateway.mappings() == ())  # a port granted instead is given back

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_a_gateway_that_refuses(self, start_gateway, mapper, protocol):
        await start_gateway(protocol, refuse=True)
        (mapping,) = await started(mapper)
        assert mapping.external_port is None
        assert mapping.reason

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    @pytest.mark.parametrize(
        ("address", "kind"), [("192.168.7.2", AddressKind.PRIVATE), ("100.64.1.2", AddressKind.SHARED)]
    )
    async def test_an_external_address_that_is_not_public_is_reported_but_not_used(
        self, start_gateway, mapper, protocol, address, kind
    ):
        await start_gateway(protocol, external_address=address)
        await started(mapper)
        shown = mapper.snapshot()
        assert (shown.external_address, shown.reported_address, shown.address_kind) == (None, address, kind)


class TestListing:
    async def test_the_whole_table_with_lifetimes(self, start_gateway, mapper):
        await start_gateway("upnp")
        await started(mapper, SIP, Wanted(Protocol.TCP, 25080))
        listing = await mapper.list_gateway()
        assert (listing.complete, listing.reason) == (True, "")
        assert [
            (e.protocol, e.external_port, e.internal_client, e.description, e.ours) for e in listing.entries
        ] == [
            (Protocol.UDP, 25060, SWITCH, "Ringthru sip-udp-25060", True),
            (Protocol.TCP, 25080, SWITCH, "Ringthru tcp 25080", True),
        ]
        assert all(e.enabled and e.lifetime and 3590 < e.lifetime <= 3600 for e in listing.entries)

    async def test_over_natpmp_there_is_no_list(self, start_gateway, mapper):
        await start_gateway("natpmp")
        await started(mapper)
        listing = await mapper.list_gateway()
        assert (listing.entries, listing.complete) == ((), False)
        assert "NAT-PMP" in listing.reason

    async def test_stopped_meanwhile_it_says_so(self, start_gateway, mapper):
        gateway = await start_gateway("upnp")
        await started(mapper)
        gateway.quirks = Quirks(mute=True)
        asked = asyncio.ensure_future(mapper.list_gateway())
        await asyncio.sleep(0)
        gateway.quirks = Quirks()
        await mapper.stop()
        assert (await asked).complete is False


class TestOverTime:
    async def test_a_short_lease_is_renewed_before_it_ends(self, start_gateway, new_mapper):
        async def watch(world, protocol):
            gateway = await start_gateway(protocol, world=world, longest_lifetime=8)
            await started(new_mapper(world))
            left = []

            def renewed():
                left.append(gateway.mappings()[0].lifetime_left)  # it never goes away
                return min(left) < 5 and left[-1] > 7

            await eventually(renewed, patience=PATIENCE)

        await asyncio.gather(watch(0, "natpmp"), watch(1, "upnp"))

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_what_a_reboot_lost_comes_back_on_republishing(self, start_gateway, mapper, protocol):
        gateway = await start_gateway(protocol)
        await started(mapper)
        await gateway.reboot()
        assert gateway.mappings() == ()
        await mapper.republish()
        await eventually(lambda: [m.external_port for m in gateway.mappings()] == [25060])

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_reinit_finds_the_gateway_again(self, start_gateway, mapper, protocol):
        gateway = await start_gateway(protocol)
        await started(mapper)
        await gateway.reboot()
        async with asyncio.timeout(PATIENCE):
            await mapper.reinit()
        await eventually(lambda: [m.external_port for m in gateway.mappings()] == [25060])
        assert mapper.snapshot().gateway == "127.48.0.1"


class TestLeaving:
    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_stopping_leaves_the_table_empty(self, start_gateway, mapper, protocol):
        gateway = await start_gateway(protocol)
        await started(mapper, SIP, Wanted(Protocol.UDP, 25080), Wanted(Protocol.TCP, 25060))
        assert len(gateway.mappings()) == 3
        async with asyncio.timeout(30):
            await mapper.stop()
        assert gateway.mappings() == ()

    async def test_what_others_mapped_stays(self, start_gateway, mapper, hosts):
        gateway = await start_gateway("natpmp", "upnp")
        request = bytes.fromhex("00" + "01" + "0000" + "7530" + "7530" + "00000e10")
        await hosts("127.48.0.77").ask(request, Endpoint("127.48.0.1", 5351))
        await started(mapper)
        await mapper.stop()
        assert [m.internal.host for m in gateway.mappings()] == ["127.48.0.77"]

    async def test_releasing_one_deletes_it(self, start_gateway, mapper):
        gateway = await start_gateway()
        first, _ = await started(mapper, SIP, Wanted(Protocol.UDP, 25080))
        assert await mapper.release(first) is True
        assert [m.external_port for m in gateway.mappings()] == [25080]

    async def test_a_gateway_that_went_mute_does_not_hold_up_the_stop(self, start_gateway, new_mapper):
        mapper = new_mapper(stop_patience=0.2)
        gateway = await start_gateway()
        await started(mapper)
        gateway.quirks = Quirks(mute=True)
        async with asyncio.timeout(30):
            await mapper.stop()

    async def test_detection_only_maps_nothing(self, start_gateway, mapper):
        gateway = await start_gateway()
        mapper.set_mapping_enabled(False)
        mapper.start()
        mapper.want(SIP)
        await eventually(lambda: mapper.snapshot().verdict_known)
        assert mapper.snapshot().external_address == "127.49.0.1"
        assert gateway.mappings() == ()
