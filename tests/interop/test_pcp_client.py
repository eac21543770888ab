"""Our PCP client against a real miniupnpd; the kernel's own rules are the witness."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PBX_ADDRESS6, Laboratory, Topology
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.nat_rules import Pinhole
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    Granted,
    MapOrder,
    Order,
    PeerOrder,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.gateway.pcp_client import PcpClient
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.pcp import PORT

GATEWAY, GATEWAY6 = "192.168.1.1", "fe80::1"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", b"twelve bytes")
RULE = ("udp", 5060, PBX_ADDRESS, 5060)


class RealGateway:
    """The client on a blocking socket in the PBX's namespace."""

    def __init__(self, laboratory: Laboratory, address: str = PBX_ADDRESS) -> None:
        self.laboratory = laboratory
        self.client = PcpClient(address, os.urandom, lambda: 0.5, lambda: 40000)
        self.socket = laboratory.call_in(PBX, lambda: _socket(address))

    def carry(self, order: Order | PeerOrder | None) -> object:
        """What comes of an order; None is a probe."""
        if order is None:
            self.client.probe(time.monotonic())
        else:
            self.client.submit(order, time.monotonic())
        while not (events := self.client.events()):
            for datagram in self.client.datagrams_to_send():
                self.socket.send(datagram)
            self._receive()
        (event,) = events
        return event

    def _receive(self) -> None:
        when = self.client.next_timeout()
        assert when is not None
        self.socket.settimeout(max(when - time.monotonic(), 0.001))
        try:
            self.client.receive_datagram(self.socket.recv(2048), time.monotonic())
        except TimeoutError:
            self.client.handle_timeout(time.monotonic())


def _socket(address: str) -> socket.socket:
    """In this namespace, towards the gateway."""
    six = ":" in address
    made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.connect((GATEWAY6, PORT, 0, socket.if_nametoindex("eth0")) if six else (GATEWAY, PORT))
    return made


@pytest.fixture
def gateway() -> Iterator[RealGateway]:
    with Laboratory() as laboratory:
        real = RealGateway(laboratory)
        with real.socket:
            yield real


def test_a_mapping_is_made_renewed_and_deleted(gateway: RealGateway) -> None:
    assert gateway.carry(None) == AddressTold("")
    granted = Granted(5060, 3600, external_address=gateway.laboratory.wan_address)
    for _ in range(2):
        assert gateway.carry(MAP) == granted
        assert gateway.laboratory.nat_rules() == [RULE]
    unmap = UnmapOrder(Protocol.UDP, 5060, 5060, MAP.nonce)
    assert gateway.carry(unmap) == Unmapped()
    assert gateway.laboratory.nat_rules() == []
    assert gateway.carry(unmap) == Unmapped(), "what is not there is deleted"


def test_asking_for_the_address_leaves_nothing_behind(gateway: RealGateway) -> None:
    assert gateway.carry(AddressOrder()) == AddressTold(gateway.laboratory.wan_address)
    assert gateway.laboratory.nat_rules() == []


def test_a_port_that_is_not_allowed_is_refused_when_no_other_will_do(gateway: RealGateway) -> None:
    assert isinstance(gateway.carry(replace(MAP, external_port=80, exact=True)), Declined)
    assert gateway.laboratory.nat_rules() == []


def test_for_another_machine_nothing_is_opened(gateway: RealGateway) -> None:
    assert isinstance(gateway.carry(replace(MAP, internal_client="192.168.1.50")), Declined)
    assert gateway.laboratory.nat_rules() == []


def test_the_external_side_of_a_flow_is_told(gateway: RealGateway) -> None:
    told = gateway.carry(
        PeerOrder(Protocol.UDP, 5070, Endpoint("11.0.113.9", 5060), 600, b"a flow of our"[:12])
    )
    assert isinstance(told, Granted)
    assert told.external_address == gateway.laboratory.wan_address


def test_PC21_miniupnpd_does_not_close_a_pinhole_that_was_renewed() -> None:
    """So it is asked to let it end soon, and the journal keeps it until then."""
    with Laboratory(Topology.DUAL_STACK, Serves.NATPMP) as laboratory:
        gateway = RealGateway(laboratory, PBX_ADDRESS6)
        with gateway.socket:
            for _ in range(2):
                assert isinstance(gateway.carry(MAP), Granted)
            refused = gateway.carry(UnmapOrder(Protocol.UDP, 5060, 5060, MAP.nonce))
        assert isinstance(refused, Declined)
        assert "end soon" in refused.reason
        assert laboratory.pinholes() == [Pinhole("udp", PBX_ADDRESS6, 5060)]
