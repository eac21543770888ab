"""One table of a real miniupnpd, read by upnpc, natpmpc and the engine: all three see the same."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from ipaddress import IPv4Network

import pytest

from ringthru.lab.namespaces.laboratory import PBX, PBX_ADDRESS, PHONE, PHONE_ADDRESS, Laboratory
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import GatewayListing, PortMapper

GATEWAY = "192.168.1.1"
# " 0 UDP  5060->192.168.1.103:5060  'words' '' 3600"
ROW = re.compile(r"^ *\d+ (UDP|TCP) +(\d+)->([\d.]+):(\d+) +'(.*?)' '' (\d+)$", re.MULTILINE)
NATPMP_ADDRESS = re.compile(r"Public IP address : ([\d.]+)")
UPNP_ADDRESS = re.compile(r"ExternalIPAddress = ([\d.]+)")
SLACK = 1  # seconds that rounding may make

Row = tuple[str, int, str, int, str]


async def read(host: str) -> tuple[GatewayListing, str | None]:
    """The table, and the external address, as the engine sees them from ``host``."""
    around = Surroundings(host, IPv4Network("192.168.1.0/24"), GATEWAY)
    async with PortMapper(around, witness_after=0.0) as mapper:
        assert await mapper.verdict()
        async with asyncio.timeout(30):
            while not (listing := await mapper.list_gateway()).complete:
                await asyncio.sleep(0.05)
        return listing, mapper.snapshot().reported_address


@pytest.fixture
def filled(laboratory: Laboratory) -> Laboratory:
    """Mappings of two hosts, made by two protocols."""
    laboratory.run(PHONE, ["upnpc", "-i", "-e", "a camera", "-a", PHONE_ADDRESS, "8081", "8080", "TCP"])
    laboratory.run(PBX, ["upnpc", "-i", "-e", "libminiupnpc", "-r", "5070", "UDP", "5070", "TCP"])
    laboratory.run(PBX, ["natpmpc", "-a", "5060", "5061", "udp", "3600"])
    return laboratory


def leases(told: str) -> dict[Row, int]:
    """Each row of upnpc's list, and the seconds that are left of it."""
    return {
        (kind.lower(), int(port), client, int(inner), words): int(left)
        for kind, port, client, inner, words, left in ROW.findall(told)
    }


def test_every_entry_and_the_address_are_the_same(filled: Laboratory) -> None:
    told = filled.run(PBX, ["upnpc", "-i", "-l"]).stdout
    before = leases(told)
    listing, address = filled.call_in(PBX, partial(asyncio.run, read(PBX_ADDRESS)))
    ours: dict[Row, int] = {
        (e.protocol.value, e.external_port, e.internal_client, e.internal_port, e.description): e.lifetime
        or 0
        for e in listing.entries
    }
    assert len(ours) == 4
    after = leases(filled.run(PBX, ["upnpc", "-i", "-l"]).stdout)
    assert ours.keys() == before.keys() == after.keys()
    assert all(after[row] - SLACK <= ours[row] <= before[row] + SLACK for row in ours)
    assert not any(entry.ours for entry in listing.entries)
    by_natpmp = NATPMP_ADDRESS.search(filled.run(PBX, ["natpmpc"]).stdout)
    by_upnp = UPNP_ADDRESS.search(told)
    assert by_natpmp is not None
    assert by_upnp is not None
    assert address == by_upnp[1] == by_natpmp[1]
