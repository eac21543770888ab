"""The gateway that served this network the last time by UPnP is asked in the first turn, without a search."""

import asyncio
import logging
from ipaddress import IPv4Network

import pytest

from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper
from ringthru.portmap.drivers import mapper_driver
from ringthru.portmap.drivers.place_driver import network_key
from ringthru.portmap.memory.holding import GatewayIdentity
from ringthru.portmap.memory.memory_driver import Memory
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import GatewayType

US, GATEWAY = "127.61.5.10", "127.61.5.1"
HERE = Surroundings(US, IPv4Network("127.61.5.0/24"), GATEWAY, multicast=False)
PATIENCE = 30.0  # seconds that only a broken build takes


class Doors:
    """Who comes to the gateway's port, and what the first of them asks; nobody is answered."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.put_nowait(b"connection")
        self.came.put_nowait(await reader.read(4096))
        writer.close()

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.came.get()


@pytest.fixture
async def doors():
    doors = Doors()
    server = await asyncio.start_server(doors.serve, GATEWAY, 0)
    doors.port = server.sockets[0].getsockname()[1]
    yield doors
    server.close()


def remember(path, kind: GatewayType, port: int, profile: GatewayProfile) -> None:
    memory = Memory(path, logging.getLogger("test").log)
    url = f"http://{GATEWAY}:{port}/rootDesc.xml"
    here = PortMapper(HERE, natpmp_port=25352, ssdp_port=21901)._near.site
    memory.remember_gateway(GatewayIdentity(kind, GATEWAY, "uuid:a", "a kind", url), network_key(here))
    memory.learn([profile])
    memory.close()


def looking(path) -> PortMapper:
    mapper = PortMapper(HERE, natpmp_port=25352, ssdp_port=21901, store=path)
    mapper.start()
    return mapper


@pytest.fixture
def never_waits_well(monkeypatch):
    """Nothing is done in the usual wait of 10 ms."""
    monkeypatch.setattr(mapper_driver, "MEANWHILE", 3600.0)


async def test_its_description_is_asked_for_at_once(doors, tmp_path, never_waits_well):
    store = tmp_path / "journal.sqlite"
    remember(store, GatewayType.UPNP, doors.port, GatewayProfile("a kind"))
    mapper = looking(store)
    assert await doors.next() == b"connection"
    assert (await doors.next()).startswith(b"GET /rootDesc.xml")
    mapper.leave()


async def test_with_the_next_connection_where_its_kind_serves_several(doors, tmp_path, never_waits_well):
    store = tmp_path / "journal.sqlite"
    remember(store, GatewayType.UPNP, doors.port, GatewayProfile("a kind", serves_several=True))
    mapper = looking(store)
    came = sorted([await doors.next(), await doors.next(), await doors.next()])
    assert [each[:15] for each in came] == [b"GET /rootDesc.x", b"connection", b"connection"]
    mapper.leave()
