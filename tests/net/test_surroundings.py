"""Where we stand, read from captured tables of the kernel."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest

from ringthru.net.kernel_tables import read_addresses6, read_routes6
from ringthru.net.surroundings import Route, choose, places6, read_routes

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LAN_DEFAULT = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
LAN = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
UNUSED = "tun0\t0000080A\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
BLACKHOLE = "*\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
VPN_DEFAULT = "wg0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
VPN = "wg0\t0000080A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
SECOND_DEFAULT = "eth1\t00000000\t0102A8C0\t0003\t0\t0\t50\t00000000\t0\t0\t0\n"
SECOND = "eth1\t0002A8C0\t00000000\t0001\t0\t0\t50\t00FFFFFF\t0\t0\t0\n"

ADDRESSES6 = """\
20010db8000100000000000000000abc 02 40 00 01     eth0
2a0204f0000100000000000000000abc 02 40 00 01     eth0
2a0204f0000100000000000000000def 02 40 00 20     eth0
2a0204f0000100000000000000000123 02 40 00 40     eth0
2a0204f0000100000a0027fffe000001 02 40 00 00     eth0
2a0204f0000100000000000000000999 02 80 00 00     eth0
fd00000000000000000000000000 torn
fd000000000000000000000000000002 02 40 00 82     eth0
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
2a0204f0000200000000000000000005 03 40 00 80     eth1
00000000000000000000000000000001 01 80 10 80       lo
"""
NO6 = "0" * 32


def route6(network: str, length: str, gateway: str, metric: str, flags: str, interface: str) -> str:
    return f"{network} {length} {NO6} 00 {gateway} {metric} 00000001 00000000 {flags} {interface:>8}\n"


ROUTER = "fe800000000000000000000000000001"
DEFAULT6 = route6(NO6, "00", ROUTER, "00000400", "00450003", "eth0")
BETTER6 = route6(NO6, "00", "2a0204f0000200000000000000000001", "00000064", "00000003", "eth1")
LAN6 = route6("2a0204f0000100000000000000000000", "40", NO6, "00000100", "00400001", "eth0")
REJECT6 = route6(NO6, "00", NO6, "ffffffff", "00200200", "lo")
OURS6 = route6("2a0204f0000100000a0027fffe000001", "80", NO6, "00000000", "80200001", "eth0")


class TestRoutes:
    def test_default_route_and_the_connected_network(self):
        assert read_routes(HEAD + LAN_DEFAULT + LAN + UNUSED + "torn line\n") == [
            Route("eth0", IPv4Network("0.0.0.0/0"), "192.168.1.1", 100),
            Route("eth0", IPv4Network("192.168.1.0/24"), None, 100),
        ]

    def test_an_empty_table_is_no_error(self):
        assert read_routes("") == []

    def test_a_blackhole_is_no_network_of_ours(self):
        assert read_routes(HEAD + BLACKHOLE) == []

    def test_routes_that_reject_or_lead_to_ourselves_are_no_way_out(self):
        assert [str(each.network) for each in read_routes6(LAN6 + REJECT6 + OURS6)] == ["2a02:4f0:1::/64"]


class TestOurPlace:
    def test_behind_a_router(self):
        place = choose("192.168.1.103", read_routes(HEAD + LAN_DEFAULT + LAN))
        assert (place.address, str(place.network), place.gateway) == (
            "192.168.1.103",
            "192.168.1.0/24",
            "192.168.1.1",
        )

    def test_the_gateway_is_the_one_of_our_own_interface_though_another_has_a_better_metric(self):
        """TO01: two lines to the Internet."""
        routes = read_routes(HEAD + LAN_DEFAULT + LAN + SECOND_DEFAULT + SECOND)
        assert choose("192.168.1.103", routes).gateway == "192.168.1.1"
        assert choose("192.168.2.7", routes).gateway == "192.168.2.1"

    def test_a_vpn_without_a_gateway_does_not_lend_its_address_to_the_routers_lan(self, monkeypatch):
        """TO01: with WireGuard as everybody's default the gateway would be asked from a foreign address."""
        asked = []
        answer = lambda towards: asked.append(towards[0]) or "192.168.1.103"  # noqa: E731
        monkeypatch.setattr("ringthru.net.surroundings.guess_address", answer)
        place = choose("10.8.0.2", read_routes(HEAD + VPN_DEFAULT + VPN + LAN_DEFAULT + LAN))
        assert (place.address, str(place.network), place.gateway) == (
            "192.168.1.103",
            "192.168.1.0/24",
            "192.168.1.1",
        )
        assert asked == ["192.168.1.1"]

    def test_a_vpn_alone_has_nobody_to_ask(self):
        place = choose("10.8.0.2", read_routes(HEAD + VPN_DEFAULT + VPN))
        assert (place.address, str(place.network), place.gateway) == ("10.8.0.2", "10.8.0.0/24", None)

    def test_without_any_route(self):
        place = choose("127.0.0.1", [])
        assert (place.address, place.network, place.gateway) == (
            "127.0.0.1",
            IPv4Network("127.0.0.1/32"),
            None,
        )


class TestOurPlaceInIPv6:
    def test_the_stable_global_address_and_the_link_local_gateway_with_its_zone(self):
        (place, *_) = places6(read_addresses6(ADDRESSES6), read_routes6(DEFAULT6 + LAN6 + REJECT6))
        assert place.address == "2a02:4f0:1:0:a00:27ff:fe00:1"
        assert place.network == IPv6Network("2a02:4f0:1::/64")
        assert (place.gateway, place.interface, place.index) == ("fe80::1%eth0", "eth0", 2)

    def test_the_best_default_gateway_unless_an_interface_is_named(self):
        tables = read_addresses6(ADDRESSES6), read_routes6(DEFAULT6 + BETTER6)
        best, *_ = places6(*tables)
        assert (best.address, best.gateway) == ("2a02:4f0:2::5", "2a02:4f0:2::1")
        assert {each.interface for each in places6(*tables, "eth0")} == {"eth0"}
        assert places6(*tables, "eth7") == []

    def test_all_of_them_the_best_gateway_s_first_and_there_the_steadiest(self):
        found = places6(read_addresses6(ADDRESSES6), read_routes6(DEFAULT6 + BETTER6 + LAN6 + OURS6))
        assert [(each.interface, each.address) for each in found] == [
            ("eth1", "2a02:4f0:2::5"),
            ("eth0", "2a02:4f0:1:0:a00:27ff:fe00:1"),
            ("eth0", "2a02:4f0:1::999"),
        ]

    def test_a_leased_address_is_in_the_network_the_routes_tell(self):
        leased = [line for line in ADDRESSES6.splitlines() if line.startswith("2a0204f000010000" + "0" * 13)]
        (place,) = places6(read_addresses6(leased[-1]), read_routes6(DEFAULT6 + LAN6 + OURS6))
        assert (place.address, place.network) == ("2a02:4f0:1::999", IPv6Network("2a02:4f0:1::/64"))

    @pytest.mark.parametrize("flags", ["01", "20", "40", "08"])
    def test_no_temporary_deprecated_or_doubtful_address_is_given_out(self, flags):
        one = f"2a0204f0000100000000000000000abc 02 40 00 {flags} eth0"
        assert places6(read_addresses6(one), read_routes6(DEFAULT6)) == []

    def test_unique_local_addresses_cannot_be_called(self):
        own = read_addresses6("fd00" + "0" * 27 + "2 02 40 00 82 eth0")
        assert places6(own, read_routes6(DEFAULT6)) == []

    def test_without_a_default_gateway_there_is_no_place(self):
        assert places6(read_addresses6(ADDRESSES6), read_routes6(LAN6 + REJECT6)) == []
