"""The fake gateway's UPnP on real sockets: resets, half-closes, other sources, events."""

from __future__ import annotations

import asyncio
import re

import pytest

from ringthru.lab import Quirks
from ringthru.net.address import Endpoint

from .raw_gateway import CLIENT, MAPPING, post, search

SSDP = Endpoint("127.41.0.1", 1900)
WANIP2 = "urn:schemas-upnp-org:service:WANIPConnection:2"


def rows(*ids, **settings):
    return Quirks(rows=frozenset(ids), **settings)


async def connect(gateway):
    where = re.fullmatch(r"http://([\d.]+):(\d+)/.*", gateway.description_url)
    return await asyncio.open_connection(where[1], int(where[2]), local_addr=(CLIENT, 0))


async def ask(gateway, request):
    reader, writer = await connect(gateway)
    writer.write(request)
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()


GET = b"GET /rootDesc.xml HTTP/1.1\r\nHost: x\r\n\r\n"


class TestConnections:
    async def test_HT15_is_a_reset_on_the_wire(self, gateways):
        gateway = await gateways(quirks=rows("HT15"))
        with pytest.raises(ConnectionResetError):
            await ask(gateway, post("AddAnyPortMapping", MAPPING, service=WANIP2))
        assert (await ask(gateway, GET)).startswith(b"HTTP/1.1 200 ")

    async def test_HT16_resets_the_second_connection_while_the_first_is_open(self, gateways):
        gateway = await gateways(quirks=rows("HT16"))
        reader, first = await connect(gateway)
        first.write(GET[:10])
        with pytest.raises(ConnectionError):  # they are accepted in the order in which they came
            await ask(gateway, GET)
        first.write(GET[10:])
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        first.close()

    async def test_HT08_resets_a_client_that_half_closes_and_answers_one_that_does_not(self, gateways):
        gateway = await gateways(quirks=rows("HT08"))
        reader, writer = await connect(gateway)
        writer.write(GET)
        writer.write_eof()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert (await ask(gateway, GET)).startswith(b"HTTP/1.1 200 ")

    async def test_HT02_stays_open_until_the_client_goes(self, gateways):
        gateway = await gateways(quirks=rows("HT02"))
        reader, writer = await connect(gateway)
        writer.write(GET)
        assert (await reader.readuntil(b"</root>")).startswith(b"HTTP/1.1 200 ")
        assert not reader.at_eof()
        writer.close()

    async def test_HT20_does_not_hold_up_a_stop(self, gateways):
        gateway = await gateways(quirks=rows("HT20"))
        reader, writer = await connect(gateway)
        writer.write(GET)
        await reader.readuntil(b"?>")
        async with asyncio.timeout(30):
            await gateway.stop()
        writer.close()

    async def test_LI08_takes_no_more_connections_after_two_hours(self, gateways, clock):
        gateway = await gateways(quirks=rows("LI08"))
        clock.advance(7200)
        with pytest.raises(ConnectionError):
            await ask(gateway, GET)

    async def test_the_daemon_can_start_anew_and_the_mappings_stay(self, gateways):
        gateway = await gateways()
        await ask(gateway, post("AddPortMapping", MAPPING))
        before, boot = gateway.description_url, gateway.core.upnp.boot_id
        await gateway.restart_upnp()
        assert gateway.description_url != before
        assert gateway.core.upnp.boot_id == boot + 1
        assert len(gateway.mappings()) == 1


class TestSources:
    """Answers to a search that come from elsewhere."""

    async def heard(self, hosts):
        host = hosts(CLIENT)
        host.send(search("upnp:rootdevice"), SSDP)
        return (await host.receive())[1]

    async def test_SD01_another_port(self, gateways, hosts):
        await gateways(quirks=rows("SD01"))
        source = await self.heard(hosts)
        assert source.host == SSDP.host
        assert source.port != 1900

    async def test_SD02_another_address(self, gateways, hosts):
        await gateways(quirks=rows("SD02"))
        assert await self.heard(hosts) == Endpoint("127.41.0.254", 1900)

    async def test_what_would_leave_loopback_is_not_sent(self, gateways, hosts, settle):
        await gateways(quirks=rows("SD02", second_address="192.168.1.254"))
        host = hosts(CLIENT)
        host.send(search("upnp:rootdevice"), SSDP)
        await settle()
        assert host.heard_nothing()


class Subscriber:
    """A little HTTP server of an inside host, which keeps what it is told."""

    def __init__(self):
        self.told = asyncio.Queue()

    async def take(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"CONTENT-LENGTH: (\d+)", head)[1])
        self.told.put_nowait((head + await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def next(self):
        async with asyncio.timeout(30):
            return await self.told.get()


@pytest.fixture
async def subscriber():
    subscriber = Subscriber()
    server = await asyncio.start_server(subscriber.take, CLIENT, 0)
    subscriber.url = "http://{}:{}/events".format(*server.sockets[0].getsockname())
    yield subscriber
    server.close()


class TestEvents:
    """UPnP Device Architecture 1.1 §4."""

    async def test_a_subscriber_is_told_everything_at_first_then_what_changes(self, gateways, subscriber):
        gateway = await gateways()
        head = "SUBSCRIBE /evt/IPConn HTTP/1.1\r\nHOST: x\r\nNT: upnp:event\r\nTIMEOUT: Second-300\r\n"
        answer = await ask(gateway, f"{head}CALLBACK: <{subscriber.url}>\r\n\r\n".encode())
        sid = re.search(rb"\r\nSID: (uuid:\S+)\r\n", answer)[1].decode()
        first = await subscriber.next()
        assert first.startswith("NOTIFY /events HTTP/1.1\r\n")
        assert f"\r\nSID: {sid}\r\nSEQ: 0\r\n" in first
        assert "<ExternalIPAddress>127.42.0.1</ExternalIPAddress>" in first
        gateway.change_external_address("127.42.0.77")
        second = await subscriber.next()
        assert "\r\nSEQ: 1\r\n" in second
        assert "<ExternalIPAddress>127.42.0.77</ExternalIPAddress>" in second
        assert "ConnectionStatus" not in second
