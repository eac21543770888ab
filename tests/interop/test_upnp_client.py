"""Our UPnP client against a real miniupnpd (IGD:2); the kernel's own rules are the witness."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, Laboratory
from ringthru.lab.namespaces.miniupnpd import HTTP_PORT
from ringthru.net.address import INTERNET, Endpoint
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
from ringthru.portmap.gateway.upnp_values import IgdFound
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.location import Location

GATEWAY = "192.168.1.1"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060")
RULE = ("udp", 5060, PBX_ADDRESS, 5060)


class RealGateway:
    """The client, its requests carried out in the PBX's namespace."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.requests = 0
        self.client = UpnpClient(PBX_ADDRESS, INTERNET.is_public)
        self.client.consider(Location(Endpoint(GATEWAY, HTTP_PORT), "/rootDesc.xml"), first=True)
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
                exchange = partial(asyncio.run, fetch(request.ask, PBX_ADDRESS))
                reply = self.laboratory.call_in(PBX, exchange)
                self.client.receive_reply(request.number, reply)


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
