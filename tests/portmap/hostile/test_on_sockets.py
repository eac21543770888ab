"""Hostile hosts on real sockets of 127/8: bodies without end, bombs, strangers, floods."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Network

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.net.values import replace
from ringthru.portmap import PortMapper
from ringthru.portmap.discovery.announcements import Announcements
from ringthru.portmap.drivers import mapper_driver
from ringthru.portmap.drivers.gena_driver import GenaServer
from ringthru.portmap.drivers.hearing_driver import Hearing
from ringthru.portmap.drivers.http_driver import fetch
from ringthru.portmap.drivers.udp_driver import UdpPort
from ringthru.portmap.engine.engine import Engine

US, GATEWAY, STRANGER = "127.69.0.10", "127.69.0.1", "127.69.0.66"
LAN = IPv4Network("127.69.0.0/24")
PATIENCE = 30.0  # seconds until a test is taken to hang
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"
BOMB = '<!DOCTYPE a [<!ENTITY b0 "lol">' + "".join(
    f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10)
)


def speaker(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


class Server:
    """Writes its pieces to whoever connects, for ever if ``endless``; then waits for the other to leave."""

    def __init__(self, pieces: list[bytes], *, endless: bool = False) -> None:
        self.pieces, self.endless = pieces, endless
        self.visitors = 0
        self.written = 0
        self.endpoint = Endpoint("", 0)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, GATEWAY, 0)
        self.endpoint = Endpoint(*self._server.sockets[0].getsockname()[:2])

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visitors += 1
        try:
            for piece in self.pieces:
                writer.write(piece)
                await writer.drain()
            while self.endless:
                writer.write(self.pieces[-1])
                self.written += len(self.pieces[-1])
                await writer.drain()
            if b"Content-Length" not in self.pieces[0]:
                writer.write_eof()
            await reader.read()
        except OSError:
            pass  # hung up on, as it should be
        finally:
            writer.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., object]]:
    opened: list[Server] = []

    async def open_server(*pieces: bytes, endless: bool = False) -> Server:
        opened.append(Server(list(pieces), endless=endless))
        await opened[-1].open()
        return opened[-1]

    yield open_server
    for server in opened:
        server.close()


async def look_at(server: Server, deadline: float = PATIENCE) -> tuple[Engine, list[str]]:
    """An engine that was told of a description there, and has carried out whatever it wanted."""
    logs: list[str] = []
    engine = Engine(
        Surroundings(US, LAN, GATEWAY),
        log=lambda level, text: logs.append(text),
        entropy=random.Random(1).randbytes,
    )
    engine.start(100.0)
    location = f"http://{server.endpoint}/rootDesc.xml"
    engine.receive_ssdp(f"HTTP/1.1 200 OK\r\nLOCATION: {location}\r\n\r\n".encode(), server.endpoint, 100.0)
    while requests := engine.http_to_send():
        for request in requests:
            assert request.ask.endpoint.host == GATEWAY
            reply = await fetch(replace(request.ask, deadline=deadline), US)
            engine.receive_http(request.number, reply, 100.0)
    return engine, logs


class TestDescriptions:
    @pytest.mark.parametrize(
        ("pieces", "endless", "counter"),
        [
            pytest.param(
                [OK, BOMB.encode() + b"]><a>&b9;</a>"], False, "useless descriptions", id="DE18-DTD"
            ),
            pytest.param(
                [OK, b"<device>" * 10_000 + b"</device>" * 10_000],
                False,
                "useless descriptions",
                id="DE18-10000-nested",
            ),
            pytest.param(
                [OK, b"<root a='" + b"x" * (1 << 20) + b"'/>"],
                False,
                "HTTP answers broken",
                id="DE18-1MiB-attribute",
            ),
            pytest.param([OK, b"<a>" * 20_000], True, "HTTP answers broken", id="HT20-endless-body"),
            pytest.param(
                [b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000], True, "HTTP answers broken", id="headers"
            ),
            pytest.param(
                [b"HTTP/1.1 200 OK\r\nX: ", b"y" * 4096], True, "HTTP answers broken", id="header-line"
            ),
            pytest.param(
                [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000],
                True,
                "HTTP answers broken",
                id="endless-chunks",
            ),
            pytest.param([OK, b"<html><body>Log in</body></html>"], False, "pages for people", id="HT12"),
            pytest.param([b"\x16\x03\x01" * 100, b"\r\n\r\n"], False, "HTTP answers broken", id="TLS"),
            pytest.param([OK, random.Random(3).randbytes(50_000)], False, "useless descriptions", id="noise"),
        ],
    )
    async def test_each_ends_as_a_counted_refusal_told_once(
        self, pieces, endless, counter, serve, memory_below
    ):
        server = await serve(*pieces, endless=endless)
        with memory_below(1024):
            engine, logs = await look_at(server)
        assert dict(engine.snapshot(100.0).counters)[counter] == 1
        assert not engine.has_gateway
        assert server.visitors == 1
        assert len(logs) < 12
        assert server.written < 16 * 1024 * 1024  # what the kernel buffers, and no more

    async def test_HT20_a_byte_now_and_then_ends_with_the_deadline(self, serve):
        server = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"<")
        engine, _ = await look_at(server, deadline=0.1)
        assert dict(engine.snapshot(100.0).counters)["HTTP answers timeout"] == 1

    async def test_HT19_a_redirect_is_counted_and_nobody_goes_there(self, serve):
        elsewhere = await serve(OK)
        there = f"Location: http://{elsewhere.endpoint}/\r\nContent-Length: 0\r\n\r\n"
        server = await serve(b"HTTP/1.1 301 Moved\r\n" + there.encode())
        engine, _ = await look_at(server)
        assert dict(engine.snapshot(100.0).counters)["redirects not followed"] == 1
        assert (server.visitors, elsewhere.visitors) == (1, 0)


class TestDatagrams:
    async def test_forged_sources_do_not_reach_the_socket_to_port_5351(self):
        heard: list[bytes] = []
        with speaker(GATEWAY) as gateway, speaker(STRANGER) as stranger:
            port = UdpPort(
                US,
                lambda data, source: heard.append(data),
                lambda: heard.append(b"failed"),
                Endpoint(*gateway.getsockname()),
            )
            for _ in range(500):
                stranger.sendto(b"forged", port.local)
            gateway.sendto(b"true", port.local)
            await until(lambda: heard)
            port.close()
        assert heard == [b"true"]

    async def test_a_flood_leaves_others_their_turn(self):
        heard, turns = [0], [0]
        with speaker(GATEWAY) as gateway:

            def count(data: bytes, source: Endpoint) -> None:
                heard[0] += 1
                gateway.sendto(data, port.local)  # it never ends

            port = UdpPort(US, count, lambda: None, Endpoint(*gateway.getsockname()))
            gateway.sendto(b"x" * 5000, port.local)
            while turns[0] < 20:
                turns[0] += 1
                await asyncio.sleep(0)
            port.close()
        assert 0 < heard[0] <= 32 * 20

    async def test_TO11_announcements_of_strangers_are_counted_and_told_of_once(self, memory_below):
        logs: list[str] = []
        announcements = Announcements(lambda level, text: logs.append(text))
        announcements.watch(GATEWAY)
        hearing = Hearing(
            US,
            lambda data, source: announcements.receive_pmp(data, source, 1.0),
            lambda data, source: announcements.receive_ssdp(data, source, 1.0),
            multicast=False,
            announcement_port=0,
            ssdp_port=0,
        )
        hearing.open()
        notify = b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nNTS: ssdp:byebye\r\nUSN: uuid:1\r\n\r\n"
        forged = bytes.fromhex("0080" + "0000" + "00000000" + "06060606")
        with speaker(STRANGER) as stranger, memory_below(256):
            for sent in range(1, 1001):
                stranger.sendto(forged, hearing.heard_at[0])
                stranger.sendto(notify, hearing.heard_at[1])
                if sent % 50 == 0:  # no more than the kernel's buffer holds
                    await until(lambda sent=sent: announcements.counters().get("others", 0) == sent)
            await until(lambda: announcements.counters()["spoofed"] == 1000)
        hearing.close()
        assert announcements.hints() == []
        assert announcements.counters() == {"spoofed": 1000, "others": 1000}
        assert [STRANGER in line for line in logs] == [True]

    async def test_the_snapshot_shows_them(self, monkeypatch):
        monkeypatch.setattr(mapper_driver, "LISTEN_AFTER", 0.0)
        around = Surroundings(US, LAN, GATEWAY, multicast=False)
        mapper = PortMapper(around, natpmp_port=9, ssdp_port=9, log=lambda level, text: None)
        async with mapper:
            await until(lambda: mapper._watching is not None)
            with speaker(STRANGER) as stranger:
                stranger.sendto(bytes.fromhex("008000000000000006060606"), (US, 5350))
                await until(lambda: dict(mapper.snapshot().counters).get("spoofed announcements"))
            mapper.leave()


class TestEvents:
    async def test_strangers_are_hung_up_on_and_nothing_of_them_stays(self, memory_below):
        server = GenaServer(US, lambda event: True)
        server.expect(GATEWAY)
        local = await server.open()
        assert local is not None
        with memory_below(512):
            for _ in range(200):
                reader, writer = await asyncio.open_connection(*local, local_addr=(STRANGER, 0))
                try:
                    assert await reader.read() == b""
                except ConnectionResetError:
                    pass
                writer.close()
        assert server.refused == 200
        assert server._running == set()
        await server.close()
