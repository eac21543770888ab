"""PCP's anycast address (RFC 7723) on a real server, a carrier's, and what is said where it cannot help."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PUB, WAN_ADDRESS, WAN_ROUTER
from ringthru.lab.namespaces.miniupnpd import NatRule
from ringthru.portmap.gateway.orders import Declined, EpochReset, MapOrder, Outcome
from ringthru.portmap.gateway.pcp_client import PcpClient
from ringthru.portmap.values import Protocol

from .capture import Capture
from .carrier_world import ANYCAST, BRIDGED, NEXT_HOP, CarrierWorld
from .mapping_process import Engine, arrives

OUTSIDE = (PUB, WAN_ROUTER)
PCP_PORT = 5351


def asked(capture: Capture) -> set[str]:
    """Whom the engine asked on port 5351."""
    return {each.destination[0] for each in capture.so_far() if each.destination[1] == PCP_PORT}


class TestOnTheCarriersNetwork:
    """Our own address is of 100.64.0.0/10, the next hop is silent: the carrier's NAT is all there is."""

    @pytest.fixture
    def world(self) -> Iterator[CarrierWorld]:
        with CarrierWorld(home=False) as world:
            yield world

    def test_the_carriers_server_is_found_mapped_on_and_left_as_it_was(
        self, world: CarrierWorld, tmp_path: Path
    ) -> None:
        capture = Capture(world, PBX, tmp_path)
        engine = Engine(world, tmp_path).start()
        engine.want(5060)
        engine.want(5060, protocol="tcp")
        assert engine.until_granted(5060, timeout=20) == [5060]
        engine.until_granted(5060, protocol="tcp")
        look = engine.look()
        assert (look["type"], look["gateway"], look["external"]) == ("pcp", ANYCAST, WAN_ADDRESS)
        assert world.nat_rules() == [NatRule("tcp", 5060, BRIDGED, 5060), NatRule("udp", 5060, BRIDGED, 5060)]
        assert arrives(world, 5060, (WAN_ADDRESS, 5060), BRIDGED, OUTSIDE)
        assert asked(capture) == {NEXT_HOP, ANYCAST}
        engine.stop()
        assert world.nat_rules() == []
        capture.stop()

    def test_after_its_restart_the_mapping_is_made_again(self, world: CarrierWorld, tmp_path: Path) -> None:
        engine = Engine(world, tmp_path).start()
        engine.want(5060)
        engine.until_granted(5060, timeout=20)
        world.carrier.reboot()
        assert world.nat_rules() == []
        engine.ask("republish")
        engine.until(lambda: world.nat_rules() == [NatRule("udp", 5060, BRIDGED, 5060)], 30, "the rule")
        engine.stop()
        assert world.nat_rules() == []


class TestBehindARouterOfOurOwn:
    """The carrier's server would map to the router's port, and from there nothing leads on to us."""

    @pytest.fixture
    def world(self) -> Iterator[CarrierWorld]:
        with CarrierWorld(home=True) as world:
            yield world

    @pytest.mark.parametrize("nested", [False, True], ids=["alone", "nested"])
    def test_it_is_not_asked_and_the_verdict_is_that_nobody_maps(
        self, nested: bool, world: CarrierWorld, tmp_path: Path
    ) -> None:
        capture = Capture(world, PBX, tmp_path)
        engine = Engine(world, tmp_path, nested=nested).start()
        engine.want(5060)
        engine.heard("NoGateway", timeout=20)
        mapping = engine.mapping(5060)
        assert (mapping["state"], mapping["external"]) == ("requested", None)
        assert mapping["reason"] == "no gateway that maps ports was found"
        engine.stop()
        capture.stop()
        assert ANYCAST not in asked(capture)
        assert world.nat_rules() == []

    def test_the_server_itself_sees_the_router_between_and_refuses(self, world: CarrierWorld) -> None:
        """RFC 6887 §8.2: the address in the request is not the one it came from."""
        outcome = ask_by_hand(world, MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru test", bytes(12)))
        assert isinstance(outcome, Declined)
        assert re.search("NAT|address", outcome.reason)
        assert world.nat_rules() == []


def ask_by_hand(world: CarrierWorld, order: MapOrder) -> Outcome:
    """One order to the anycast address, by our client on a socket of the pbx."""
    client = PcpClient(PBX_ADDRESS, bytes, lambda: 0.5, lambda: 40000)
    with world.udp_socket(PBX, PBX_ADDRESS, timeout=0.1) as sock:
        sock.connect((ANYCAST, PCP_PORT))
        client.submit(order, time.monotonic())
        while not (events := client.events()):
            for datagram in client.datagrams_to_send():
                sock.send(datagram)
            _hear(client, sock)
    return next(each for each in events if not isinstance(each, EpochReset))


def _hear(client: PcpClient, sock: socket.socket) -> None:
    try:
        client.receive_datagram(sock.recv(2048), time.monotonic())
    except TimeoutError:
        client.handle_timeout(time.monotonic())
