"""Connections opened ahead, on real sockets: the second stands before the first request is answered."""

import asyncio

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.drivers import http_ahead_driver
from ringthru.portmap.drivers.http_ahead_driver import HttpConnections
from ringthru.portmap.gateway.upnp_values import Ask, FailureKind, HttpFailure
from ringthru.portmap.wire.http import Response

US, GATEWAY = "127.63.0.10", "127.63.0.1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PATIENCE = 30.0  # seconds that only a broken build takes


class Gateway:
    """Answers when it is told to; ``drops`` the connections of these numbers as soon as they stand."""

    def __init__(self, drops=(), deaf=()) -> None:
        self.drops, self.deaf = drops, deaf
        self.connected: asyncio.Queue[int] = asyncio.Queue()
        self.ended: asyncio.Queue[int] = asyncio.Queue()
        self.asked_on: list[int] = []  # the connections that requests came on
        self.may_answer = asyncio.Event()
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.count = self.count, self.count + 1
        if number in self.drops:
            writer.close()
        self.connected.put_nowait(number)
        if number not in self.drops and await reader.read(4096):
            self.asked_on.append(number)
            await self.may_answer.wait()
            writer.write(b"" if number in self.deaf else ANSWER)
            writer.close()
        self.ended.put_nowait(number)


class House:
    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway, self.to = gateway, Endpoint(GATEWAY, port)
        self.told: list[bool] = []
        self.connections = HttpConnections(US, "", self.told.append)

    def ask(self, ahead: bool) -> asyncio.Future:
        replied = asyncio.get_running_loop().create_future()
        request = b"POST / HTTP/1.1\r\n\r\n"
        self.connections.exchange(Ask(self.to, request, PATIENCE, ahead=ahead), replied.set_result)
        return replied

    async def connected(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.gateway.connected.get()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.gateway.ended.get()


@pytest.fixture
async def make_house():
    servers, houses = [], []

    async def make(**ways) -> House:
        gateway = Gateway(**ways)
        server = await asyncio.start_server(gateway.serve, GATEWAY, 0)
        servers.append(server)
        houses.append(House(gateway, server.sockets[0].getsockname()[1]))
        return houses[-1]

    yield make
    for house in houses:
        house.connections.close()
    for server in servers:
        server.close()


async def test_the_next_connection_stands_before_the_answer_and_bears_the_next_request(make_house):
    house = await make_house()
    first = house.ask(ahead=True)
    assert [await house.connected(), await house.connected()] == [0, 1]
    assert house.gateway.asked_on in ([], [0]), "a second request never goes out before the answer"
    house.gateway.may_answer.set()
    assert await first == Response(200, b"ok")
    assert house.told == []
    assert await house.ask(ahead=False) == Response(200, b"ok")
    assert (house.gateway.asked_on, house.gateway.count, house.told) == ([0, 1], 2, [True])


async def test_without_leave_there_is_one_connection(make_house):
    house = await make_house()
    house.gateway.may_answer.set()
    assert await house.ask(ahead=False) == Response(200, b"ok")
    assert house.gateway.count == 1


async def test_HT16_a_second_connection_that_is_dropped_costs_nothing_and_is_told(make_house):
    house = await make_house(drops=[1])
    first = house.ask(ahead=True)
    assert [await house.connected(), await house.connected()] == [0, 1]
    assert await house.ended() == 1
    house.gateway.may_answer.set()
    assert await first == Response(200, b"ok")
    assert await house.ask(ahead=False) == Response(200, b"ok")
    assert house.gateway.asked_on == [0, 2]
    assert house.told == [False]


async def test_a_request_that_is_lost_on_it_says_so(make_house):
    house = await make_house(deaf=[1])
    house.gateway.may_answer.set()
    await house.ask(ahead=True)
    reply = await house.ask(ahead=False)
    assert isinstance(reply, HttpFailure)
    assert (reply.kind, reply.ahead) == (FailureKind.BROKEN, True)


async def test_a_request_that_is_lost_with_no_other_connection_does_not(make_house):
    house = await make_house(deaf=[0])
    house.gateway.may_answer.set()
    reply = await house.ask(ahead=False)
    assert isinstance(reply, HttpFailure)
    assert reply.ahead is False


async def test_one_that_nobody_needed_is_closed(make_house, monkeypatch):
    monkeypatch.setattr(http_ahead_driver, "UNUSED", 0.0)
    house = await make_house()
    house.gateway.may_answer.set()
    await house.ask(ahead=True)
    assert {await house.ended(), await house.ended()} == {0, 1}
    assert house.gateway.asked_on == [0]


async def test_the_end_closes_it_too(make_house):
    house = await make_house()
    house.ask(ahead=True)
    assert [await house.connected(), await house.connected()] == [0, 1]
    house.connections.close()
    assert await house.ended() == 1
