"""Our UPnP client against a real miniupnpd (IGD:2); the kernel's own rules are the witness."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PBX_ADDRESS6, Laboratory, Topology
from ringthru.lab.namespaces.miniupnpd import HTTP_PORT, Serves
from ringthru.net.address import INTERNET, Endpoint
from ringthru.net.values import replace
from ringthru.portmap.drivers.http_driver import fetch
from ringthru.portmap.gateway.listing import Listing
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Granted,
    InspectOrder,
    MapOrder,
    Order,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.gateway.upnp_client import UpnpClient
from ringthru.portmap.gateway.upnp_values import Ask, IgdFound, Reply
from ringthru.portmap.values import Family, Protocol
from ringthru.portmap.wire import soap
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

GATEWAY, GATEWAY6 = "192.168.1.1", "fe80::1%eth0"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060")
RULE = ("udp", 5060, PBX_ADDRESS, 5060)


class RealGateway:
    """The client, its requests carried out in the PBX's namespace."""

    def __init__(self, laboratory: Laboratory, address: str = PBX_ADDRESS) -> None:
        self.laboratory = laboratory
        self.requests = 0
        self._address = address
        family = Family.IPV6 if ":" in address else Family.IPV4
        self.client = UpnpClient(address, INTERNET.is_public, family)
        host = GATEWAY if family is Family.IPV4 else GATEWAY6
        self.client.consider(Location(Endpoint(host, HTTP_PORT), "/rootDesc.xml"), first=True)
        self._carry()
        self.found = self.client.findings()
        assert isinstance(self.found[0], IgdFound), self.found
        self.client.use(self.found[0].igd)

    def order(self, order: Order) -> object:
        self.requests = 0
        self.client.submit(order, 0.0)
        self._carry()
        (event,) = self.client.events()
        return event

    def listing(self) -> Listing:
        listing, total = Listing(100, 0.0), 0
        while listing.result is None:
            listing.told(self.order(listing.order()))
            total += self.requests
        self.requests = total
        return listing

    def _carry(self) -> None:
        while requests := self.client.requests_to_send():
            for request in requests:
                self.requests += 1
                self.client.receive_reply(request.number, self._fetch(request.ask))

    def _fetch(self, ask: Ask) -> Reply:
        return self.laboratory.call_in(PBX, partial(asyncio.run, fetch(ask, self._address)))

    def say(self, call: soap.Call) -> soap.Success | soap.Fault:
        """One action, as it is; and what the gateway says."""
        service = self.found[0].igd.service
        reply = self._fetch(Ask(service.control.endpoint, call.encode(service, extended=False), 10.0))
        assert isinstance(reply, Response), reply
        return soap.decode(call, reply)


@pytest.fixture
def gateway() -> Iterator[RealGateway]:
    with Laboratory() as laboratory:
        yield RealGateway(laboratory)


def test_a_life_of_a_mapping(gateway: RealGateway) -> None:
    (found,) = gateway.found
    assert (found.address, found.igd.service.version) == (gateway.laboratory.wan_address, 2)
    assert "MiniUPnPd" in found.igd.profile.fingerprint
    assert gateway.order(AddressOrder()) == AddressTold(gateway.laboratory.wan_address)
    for _ in range(2):  # made, and renewed
        assert gateway.order(MAP) == Granted(5060, 3600, verified=False)
        assert gateway.requests == 1
        assert gateway.laboratory.nat_rules() == [RULE]
    inspected = gateway.order(InspectOrder(Protocol.UDP, 5060, 5060))
    assert 3590 <= inspected.lifetime <= 3600
    assert gateway.order(UnmapOrder(Protocol.UDP, 5060, 5060)) == Unmapped()
    assert gateway.laboratory.nat_rules() == []
    assert gateway.order(InspectOrder(Protocol.UDP, 5060, 5060)).missing


def test_the_whole_table_in_two_answers_and_a_look_how_long_it_is(gateway: RealGateway) -> None:
    for port in range(5060, 5070):
        gateway.order(MapOrder(Protocol.UDP, port, port, 3600, f"Ringthru <udp> {port}"))
    listing = gateway.listing().result
    assert listing.complete
    assert sorted((each.external_port, each.ours) for each in listing.entries) == [
        (port, True) for port in range(5060, 5070)
    ]
    assert {each.description for each in listing.entries} == {
        f"Ringthru udp {port}" for port in range(5060, 5070)
    }
    assert gateway.requests == 3
    assert gateway.client.learned() == []


def test_LI18_a_long_table_is_listed_and_the_gateway_lives_on(gateway: RealGateway) -> None:
    """The list of it all would kill miniupnpd 2.3.1."""
    for port in range(20000, 20140):
        gateway.order(MapOrder(Protocol.UDP, port, port, 3600, "Ringthru udp"))
    gateway.order(InspectOrder(Protocol.UDP, 20000, 20000, of_many=True))
    assert gateway.order(InspectOrder(Protocol.UDP, 20099, 20099)).words.startswith("GetListOfPortMappings")
    assert gateway.requests == 0
    assert len(gateway.listing().result.entries) == 100  # as many as ``listing`` asks for
    assert gateway.order(AddressOrder()) == AddressTold(gateway.laboratory.wan_address)


def test_P611_and_P612_what_miniupnpd_says_of_pinholes_it_does_not_have() -> None:
    with Laboratory(Topology.DUAL_STACK, Serves.UPNP) as laboratory:
        gateway = RealGateway(laboratory, PBX_ADDRESS6)
        for call in (soap.check_pinhole("7"), soap.delete_pinhole("7"), soap.update_pinhole("7", 60)):
            assert gateway.say(call).code == 402
        names = []
        for port in (5060, 5070):
            laboratory.reboot_gateway()
            names.append(gateway.order(MapOrder(Protocol.UDP, port, port, 3600, "x")).reference)
        assert names[0] == names[1]
        look = InspectOrder(Protocol.UDP, 5060, 5060, reference=names[0], doubtful=True, lifetime=3600)
        seen = gateway.order(look)  # what bears that name is 5070's by now
        assert seen.reference not in ("", names[0])
        assert gateway.order(replace(look, reference=seen.reference)).reference == ""
