"""A PCP server that is not the default gateway (RFC 7291), on loopback."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network, IPv6Network

import pytest

from ringthru.lab import FakeGateway
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings, Surroundings6
from ringthru.portmap import GatewayType, LocalError, PortMapper, Protocol, Wanted
from ringthru.portmap.drivers import place_driver
from ringthru.portmap.drivers.place_driver import Place

US, ROUTER, SERVER, OUTSIDE = "127.68.0.103", "127.68.0.1", "127.68.9.1", "127.69.0.1"
HOUSE = Surroundings(
    US,
    IPv4Network("127.68.0.0/24"),
    ROUTER,
    AddressRules((IPv4Network("127.69.0.0/16"),)),
    multicast=False,
)


@pytest.fixture
async def server():
    network = IPv4Network("127.68.0.0/16")
    gateway = FakeGateway(SERVER, OUTSIDE, protocols=("pcp",), inside_network=network)
    await gateway.start()
    yield gateway
    await gateway.stop()


async def mapped(pcp_server) -> tuple:
    async with PortMapper(HOUSE, pcp_server=pcp_server, log=lambda level, text: None) as mapper:
        mapping = mapper.want(Wanted(Protocol.UDP, 28060))
        async with asyncio.timeout(30):
            granted = await mapping.settled()
        snapshot = mapper.snapshot()
        return granted, snapshot.type, snapshot.gateway


async def test_named_by_hand(server):
    assert await mapped(SERVER) == (True, GatewayType.PCP, SERVER)
    assert server.mappings() == ()


async def test_as_dhcp_says(server, tmp_path):
    octets = ":".join(f"{int(each):x}" for each in SERVER.split("."))
    leases = tmp_path / "dhclient.leases"
    leases.write_text(f"lease {{\n  option unknown-158 4:{octets};\n}}\n")
    assert await mapped(leases) == (True, GatewayType.PCP, SERVER)


async def test_the_router_keeps_its_upnp_and_is_no_witness(server):
    """Its table is another one: a mapping that it does not list is not gone."""
    router = FakeGateway(ROUTER, "127.69.0.2", protocols=("upnp",))
    await router.start()
    try:
        async with PortMapper(
            HOUSE, pcp_server=SERVER, witness_after=0.0, log=lambda level, text: None
        ) as mapper:
            mapping = mapper.want(Wanted(Protocol.UDP, 28060))
            async with asyncio.timeout(30):
                assert await mapping.settled()
            (shown,) = mapper.snapshot().mappings
            assert mapper.snapshot().gateway == SERVER
            assert not any(each.holds is False for each in shown.evidence)
    finally:
        await router.stop()


@pytest.mark.parametrize("wrong", ["pcp.example.net", "", "fe80::1"])
def test_no_address(wrong):
    with pytest.raises(LocalError, match="in numbers"):
        PortMapper(HOUSE, pcp_server=wrong)


def test_no_file(tmp_path):
    with pytest.raises(LocalError, match="no PCP server from"):
        PortMapper(HOUSE, pcp_server=tmp_path / "nothing")


V6_LEASE = """lease6 {
  option dhcp6.unknown-86 %s;
}
"""


def test_what_dhcpv6_says_is_for_the_family_of_the_address(tmp_path, monkeypatch):
    """RFC 7291 §3.1: an IPv4 address comes mapped."""
    leases = tmp_path / "dhclient6.leases"
    home6 = Surroundings6("2001:db8:1::103", IPv6Network("2001:db8:1::/64"), "fe80::1", "eth0", 2)
    monkeypatch.setattr(place_driver, "look_around", lambda interface: HOUSE)
    monkeypatch.setattr(place_driver, "look_around6", lambda *asked: home6)
    leases.write_text(V6_LEASE % "20:1:d:b8:0:0:0:0:0:0:0:0:0:0:0:1")
    place = Place(None, None, None, None, leases)
    assert (place.site().pcp_server, place.site6().pcp_server) == (None, "2001:db8::1")
    assert place.site6().port_5351_at == "2001:db8::1"
    leases.write_text(V6_LEASE % "0:0:0:0:0:0:0:0:0:0:ff:ff:c0:0:2:1")  # read anew each time
    assert (place.site().pcp_server, place.site6().pcp_server) == ("192.0.2.1", None)


def test_by_hand_it_is_for_the_family_of_the_address(monkeypatch):
    home6 = Surroundings6("2001:db8:1::103", IPv6Network("2001:db8:1::/64"), "fe80::1", "eth0", 2)
    monkeypatch.setattr(place_driver, "look_around6", lambda *asked: home6)
    monkeypatch.setattr(place_driver, "look_around", lambda interface: HOUSE)
    place = Place(None, None, None, None, "2001:db8::1")
    assert (place.site().pcp_server, place.site6().pcp_server) == (None, "2001:db8::1")
