"""Both clients of port 5351 against the fake gateway's servers, which were written apart from them.

Every row of theirs: a mapping is made, renewed and deleted, or refused in words; nothing stays behind.
"""

from ipaddress import IPv4Network, IPv6Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.mapping_table import MappingTable
from ringthru.lab.gateway.port_control import PortControl
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.gateway.natpmp_client import NatPmpClient
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EpochReset,
    Granted,
    MapOrder,
    PeerOrder,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.gateway.pcp_client import PcpClient
from ringthru.portmap.values import Protocol

GATEWAY, SWITCH = "127.41.0.1", Endpoint("127.41.0.103", 40000)
SWITCH_V6 = Endpoint("2001:db8:1::103", 40000)
EXTERNAL = "127.42.0.1"
NONCE = b"twelve bytes"
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "Ringthru udp 5060", NONCE)
UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060, NONCE)
PCP_ROWS = ["", "PC01", "PC04", "PC06", "PC10", "PC11", "PC12", "PC13", "PC14", "PC15", "PC19"]
NATPMP_ROWS = ["", "NP03", "NP04", "NP05", "NP06", "NP07", "NP10", "NP13", "NP15", "NP16", "NP17", "NP18"]


class World:
    """A gateway and one client, whose datagrams are answered at once."""

    def __init__(self, client, *rows, protocols=("pcp", "natpmp"), source=SWITCH):
        self.client, self.source = client, source
        self.clock = ManualClock(5000.0)
        network = IPv4Network("127.41.0.0/24")
        self.table = MappingTable(network, self.clock.read, lambda key, internal: None, lambda key: None)
        self.table.quirks = Quirks(rows=frozenset(row for row in rows if row))
        self.gateway = PortControl(
            self.table,
            lambda: int(self.clock.now - 5000),
            lambda: EXTERNAL,
            self.clock.read,
            address=GATEWAY,
            protocols=protocols,
            inside_v6=IPv6Network("2001:db8:1::/64"),
        )

    def carry(self, order=None):
        """What comes of an order, or of a probe; resets of the epoch left aside."""
        if order is None:
            self.client.probe(self.clock.now)
        else:
            self.client.submit(order, self.clock.now)
        while True:
            self._exchange()
            outcomes = [each for each in self.client.events() if each != EpochReset()]
            if outcomes:
                (outcome,) = outcomes
                return outcome
            when = self.client.next_timeout()
            assert when is not None, "neither an outcome nor a time-out"
            self.clock.advance(when - self.clock.now)
            self.client.handle_timeout(self.clock.now)

    def _exchange(self):
        while datagrams := self.client.datagrams_to_send():
            for datagram in datagrams:
                for reply in self.gateway.answer(datagram, self.source):
                    if not reply.source_host:  # the socket is connected to the gateway
                        self._receive(reply.data)

    def _receive(self, datagram):
        try:
            self.client.receive_datagram(datagram, self.clock.now)
        except MalformedMessage:
            pass


def pcp(*rows, source=SWITCH, **options):
    client = PcpClient(source.host, lambda size: bytes(range(size)), lambda: 0.5, lambda: 40000)
    return World(client, *rows, source=source, **options)


def natpmp(*rows, **options):
    return World(NatPmpClient(), *rows, **options)


class TestPcp:
    @pytest.mark.parametrize("row", PCP_ROWS)
    def test_a_mapping_lives_is_renewed_and_goes(self, row):
        world = pcp(row)
        assert world.carry() == AddressTold("")
        first = world.carry(MAP)
        assert isinstance(first, Granted)
        assert first.external_address == EXTERNAL
        world.clock.advance(first.lifetime / 2)
        assert isinstance(world.carry(replace(MAP, external_port=first.external_port)), Granted)
        assert world.carry(UNMAP) == Unmapped()
        assert list(world.table) == []

    @pytest.mark.parametrize("row", PCP_ROWS)
    def test_the_address_is_told_and_nothing_stays_behind(self, row):
        world = pcp(row)
        assert world.carry(AddressOrder()) == AddressTold(EXTERNAL)
        assert list(world.table) == []

    @pytest.mark.parametrize(
        ("row", "remedy"),
        [("PC02", Remedy.ANOTHER_SERVICE), ("PC03", Remedy.PERMISSION), ("PC07", Remedy.ROOM)],
    )
    def test_a_refusal_says_what_may_help(self, row, remedy):
        told = pcp(row).carry(MAP)
        assert isinstance(told, Declined)
        assert told.remedy is remedy

    @pytest.mark.parametrize("row", ["PC02", "PC07", "PC09"])
    def test_a_probe_finds_out_that_pcp_is_of_no_use_there(self, row):
        world = pcp(row)
        for _ in range(2):  # both forms of row PC09
            told = world.carry()
            assert isinstance(told, Declined)
            assert told.remedy is Remedy.ANOTHER_SERVICE

    def test_where_only_nat_pmp_is_spoken_the_probe_says_so(self):
        told = pcp(protocols=("natpmp",)).carry()
        assert isinstance(told, Declined)
        assert told.remedy is Remedy.ANOTHER_SERVICE

    def test_pc11_a_filter_is_never_left_out(self):
        world = pcp("PC11")
        assert isinstance(world.carry(replace(MAP, allow_from=("198.51.100.0/24",))), Declined)
        assert list(world.table) == []

    def test_an_ipv6_pinhole(self):
        world = pcp(source=SWITCH_V6)
        told = world.carry(MAP)
        assert told == Granted(5060, 3600, external_address=SWITCH_V6.host)
        assert len(world.gateway.pcp.book.pinholes) == 1
        assert world.carry(UNMAP) == Unmapped()
        assert world.gateway.pcp.book.pinholes == {}

    def test_a_peer(self):
        order = PeerOrder(Protocol.UDP, 5060, Endpoint("198.51.100.9", 5070), 600, NONCE)
        assert isinstance(pcp().carry(order), Granted)


class TestNatPmp:
    @pytest.mark.parametrize("row", NATPMP_ROWS)
    def test_a_mapping_lives_is_renewed_and_goes(self, row):
        world = natpmp(row)
        assert isinstance(world.carry(AddressOrder()), AddressTold)
        first = world.carry(MAP)
        assert isinstance(first, Granted)
        world.clock.advance(first.lifetime / 2)
        assert isinstance(world.carry(replace(MAP, external_port=first.external_port)), Granted)
        assert world.carry(UNMAP) == Unmapped()
        assert list(world.table) == []

    def test_np10_the_address_is_unknown(self):
        assert natpmp("NP10").carry(AddressOrder()) == AddressTold("")

    def test_np09_a_refusal_names_the_switch(self):
        told = natpmp("NP09").carry(MAP)
        assert isinstance(told, Declined)
        assert told.remedy is Remedy.PERMISSION

    @pytest.mark.parametrize("row", ["NP12", "NP19"])
    def test_whom_nobody_hears_is_silent(self, row):
        assert isinstance(natpmp(row).carry(AddressOrder()), Silent)
