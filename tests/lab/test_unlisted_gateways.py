"""Gateways that no row describes, on real sockets: where segments, resets and open connections are real."""

import asyncio
import time
from ipaddress import IPv4Network

import pytest

from ringthru.lab import Quirks
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper, Protocol, Rung, Wanted

from ..portmap.matrix.unlisted import SURVIVED, twisted

SWITCH, GATEWAY = "127.47.0.103", "127.47.0.1"
SIP = Wanted(Protocol.UDP, 25060, label="Ringthru sip")
PATIENCE = 30  # seconds a test waits for what should come at once
ON_THE_WIRE = [  # of the twists, those whose answer depends on how bytes arrive
    "chunks with extensions and trailers, and a length beside them",
    "a body without a head, as in HTTP/0.9",
    "no blank line between head and body",
    "a length that is short by the last tag",
    "a length too long, and the connection stays open",
    "seven bytes in each segment",
    "seven bytes in each segment, and a reset",
    "two segments and a reset, no length",
    "two segments and a reset, short of the length",
    "a reset in the place of the last tag",
]


@pytest.mark.parametrize("name", ON_THE_WIRE)
async def test_mapped_read_back_and_deleted(gateways, name):
    gateway = await gateways(
        inside=GATEWAY,
        outside="127.46.0.1",
        protocols=("upnp",),
        quirks=Quirks(igd_version=2),
        clock=time.monotonic,
    )
    server = gateway.core.upnp
    server.respond = twisted(SURVIVED[name], server.respond)
    rules = AddressRules((IPv4Network("127.46.0.0/16"),))
    around = Surroundings(SWITCH, IPv4Network("127.47.0.0/24"), GATEWAY, rules, multicast=False)
    listed = asyncio.Event()
    mapper = PortMapper(around)
    mapper.subscribe(lambda event: listed.set() if getattr(event, "rung", None) is Rung.LISTED else None)
    mapping = mapper.want(SIP)
    async with asyncio.timeout(PATIENCE), mapper:
        assert await mapping.settled()
        await listed.wait()
        assert mapper.snapshot().external_address == "127.46.0.1"
        assert [str(each.internal) for each in gateway.mappings()] == [f"{SWITCH}:25060"]
    assert gateway.mappings() == ()
