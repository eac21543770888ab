"""The kernel's route table, read from its text."""

from __future__ import annotations

from ipaddress import IPv4Network

from ringthru.net.surroundings import Route, read_routes

TABLE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
tun0\t0000080A\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0
torn line
"""


def test_default_route_and_the_connected_network():
    assert read_routes(TABLE) == [
        Route("eth0", IPv4Network("0.0.0.0/0"), "192.168.1.1", 100),
        Route("eth0", IPv4Network("192.168.1.0/24"), None, 100),
    ]


def test_an_empty_table_is_no_error():
    assert read_routes("") == []
