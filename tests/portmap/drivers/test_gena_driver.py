"""The little server that takes a gateway's events, on 127/8 addresses."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.drivers import gena_driver
from ringthru.portmap.drivers.gena_driver import MOST_CONNECTIONS, GenaServer
from ringthru.portmap.wire.gena import Notification

from ...scenarios.waiting import eventually

US, GATEWAY, STRANGER = "127.67.0.10", "127.67.0.1", "127.67.0.66"
PATIENCE = 30.0
BODY = (
    '<?xml version="1.0"?><e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0"><e:property>'
    "<ExternalIPAddress>11.0.113.2</ExternalIPAddress></e:property></e:propertyset>"
)
EVENT = (
    f"NOTIFY /event HTTP/1.1\r\nHOST: 127.67.0.10\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\n"
    f"SID: uuid:1\r\nSEQ: 4\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
).encode()


class Place:
    """A server of ours, and gateways that come to it."""

    def __init__(self) -> None:
        self.events: list[Notification] = []
        self.knows = {"uuid:1"}
        self.server = GenaServer(US, self._event)
        self.server.expect(GATEWAY)

    def _event(self, event: Notification) -> bool:
        self.events.append(event)
        return event.sid in self.knows

    async def connect(self, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        local = await self.server.open()
        assert local is not None
        return await asyncio.open_connection(*local, local_addr=(host, 0))

    async def bring(self, data: bytes, host: str = GATEWAY, end: bool = False) -> bytes:
        """Send and read to the end; the first line of the answer."""
        reader, writer = await self.connect(host)
        writer.write(data)
        if end:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            try:
                text = await reader.read()
            except ConnectionResetError:
                text = b""
        writer.close()
        return text.partition(b"\r\n")[0]


@pytest.fixture
async def place():
    place = Place()
    yield place
    await place.server.close()


async def test_an_event_is_taken_and_answered(place):
    assert await place.bring(EVENT) == b"HTTP/1.1 200 OK"
    (event,) = place.events
    assert (event.sid, event.sequence, event.external_address) == ("uuid:1", 4, "11.0.113.2")


async def test_an_event_of_no_subscription_of_ours_is_answered_412(place):
    place.knows.clear()
    assert await place.bring(EVENT) == b"HTTP/1.1 412 Precondition Failed"


async def test_only_the_gateway_is_read(place):
    assert await place.bring(EVENT, STRANGER) == b""
    place.server.expect(None)
    assert await place.bring(EVENT) == b""
    assert place.events == []
    assert place.server.refused == 2


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", EVENT.replace(b"SID", b"XID"), EVENT[:40]],
    ids=["a browser", "TLS", "no SID", "cut"],
)
async def test_what_is_no_event_is_refused_and_counted(place, data):
    assert await place.bring(data, end=True) == b"HTTP/1.1 400 Bad Request"
    assert place.events == []
    assert place.server.malformed == 1


async def test_an_endless_event_is_cut_off(place):
    endless = (
        EVENT.replace(f"Content-Length: {len(BODY)}".encode(), b"Content-Length: 99999999") + b"x" * 200_000
    )
    assert await place.bring(endless) in (b"HTTP/1.1 400 Bad Request", b"")
    assert place.server.malformed == 1


async def test_an_event_without_a_length_ends_with_a_moment_of_quiet(place, monkeypatch):
    monkeypatch.setattr(gena_driver, "QUIET", 0.01)
    data = EVENT.replace(f"Content-Length: {len(BODY)}\r\n".encode(), b"")
    assert await place.bring(data) == b"HTTP/1.1 200 OK"
    assert len(place.events) == 1


async def test_who_says_nothing_is_hung_up_on(place, monkeypatch):
    monkeypatch.setattr(gena_driver, "PATIENCE", 0.05)
    assert await place.bring(b"NOTIFY /") == b""


async def test_more_connections_than_a_gateway_needs_are_hung_up_on(place):
    waiting = [await place.connect(GATEWAY) for _ in range(MOST_CONNECTIONS)]
    for _, writer in waiting:
        writer.write(b"NOTIFY")
    await eventually(lambda: len(place.server._running) == MOST_CONNECTIONS)
    assert await place.bring(EVENT) == b""
    for _, writer in waiting:
        writer.close()


async def test_an_address_that_is_not_ours_is_no_error():
    server = GenaServer("11.0.113.77", lambda event: True)
    assert await server.open() is None
    await server.close()


async def test_opened_twice_it_is_one_server(place):
    assert await place.server.open() == await place.server.open()
    assert isinstance(place.server.local, Endpoint)


class TestClosedInBetween:
    """Whatever step of the loop the end falls on, nothing is left for it to read."""

    @pytest.mark.parametrize("steps", range(10))
    async def test_while_a_gateway_connects(self, steps):
        server = GenaServer(US, lambda event: True)
        server.expect(GATEWAY)
        local = await server.open()
        with socket.socket() as gateway:
            gateway.bind((GATEWAY, 0))
            gateway.connect(local)  # the system takes it; our loop has not seen it yet
            for _ in range(steps):
                await asyncio.sleep(0)
            await server.close()
            await nothing_is_read()

    @pytest.mark.parametrize("steps", range(6))
    async def test_while_it_opens(self, steps):
        server = GenaServer(US, lambda event: True)
        opening = asyncio.get_running_loop().create_task(server.open())
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        await server.close()
        await nothing_is_read()


async def nothing_is_read() -> None:
    """Wait until the loop watches no socket at our address."""
    selector = asyncio.get_running_loop()._selector
    async with asyncio.timeout(PATIENCE):
        while any(_host(key.fd) == US for key in selector.get_map().values()):
            await asyncio.sleep(0)


def _host(descriptor: int) -> str:
    with socket.socket(fileno=os.dup(descriptor)) as again:
        name = again.getsockname()
    return name[0] if isinstance(name, tuple) else ""
