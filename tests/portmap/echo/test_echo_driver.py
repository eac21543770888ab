"""The outside echo on real sockets, on 127/8: here every port that is bound is reachable from "outside"."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.sockets import PortInUse
from ringthru.portmap.echo import echo_proof
from ringthru.portmap.echo.echo_driver import EchoClient, EchoServer
from ringthru.portmap.errors import LocalError
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.echo import is_echo

from ...scenarios.waiting import eventually

US, OUTSIDE = "127.68.0.10", "127.69.0.1"
PATIENCE = 30.0


@pytest.fixture
async def echo():
    server = EchoServer(Endpoint(OUTSIDE, 0))
    server.at = server.open()
    yield server
    await server.close()


@pytest.fixture
def client(echo) -> EchoClient:
    return EchoClient(echo.at, US)


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((US, 0))
        return int(sock.getsockname()[1])


def bound(kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((US, 0))
    sock.setblocking(False)
    return sock


@pytest.mark.parametrize(
    ("protocol", "kind"), [(Protocol.UDP, socket.SOCK_DGRAM), (Protocol.TCP, socket.SOCK_STREAM)]
)
async def test_a_port_that_nobody_has_is_watched_for_the_moment(client, protocol, kind):
    port = free_port(kind)
    for _ in range(2):  # and is free again afterwards
        proof = await client.prove(protocol, port, port)
        assert (proof.holds, proof.seen_address) == (True, US)
    with bound(kind):
        pass


async def test_the_owner_of_a_udp_port_tells_what_it_saw(client):
    with bound(socket.SOCK_DGRAM) as sip:
        seen = []

        def readable() -> None:
            datagram = sip.recv(4096)
            seen.append((is_echo(datagram), client.saw(datagram)))

        asyncio.get_running_loop().add_reader(sip.fileno(), readable)
        proof = await client.prove(Protocol.UDP, sip.getsockname()[1], sip.getsockname()[1], watched=True)
        asyncio.get_running_loop().remove_reader(sip.fileno())
    assert proof.holds
    assert seen == [(True, True)]


async def test_a_udp_port_whose_owner_says_nothing_cannot_be_judged(client):
    with bound(socket.SOCK_DGRAM) as sip:
        port = sip.getsockname()[1]
        proof = await client.prove(Protocol.UDP, port, port)
    assert proof.holds is None
    assert "already in use" in proof.words


async def test_a_tcp_port_that_somebody_serves_is_judged_by_the_host(client):
    with bound(socket.SOCK_STREAM) as sip:
        sip.listen()
        port = sip.getsockname()[1]
        proof = await client.prove(Protocol.TCP, port, port)
    assert proof.holds
    assert "was let in" in proof.words


async def test_a_tcp_mapping_that_leads_elsewhere(client, monkeypatch):
    monkeypatch.setattr(echo_proof, "ARRIVAL", 0.05)
    with bound(socket.SOCK_STREAM) as other:
        other.listen()
        port = other.getsockname()[1]
        proof = await client.prove(Protocol.TCP, port, free_port(socket.SOCK_STREAM))
    assert proof.holds is False
    assert "another machine" in proof.words


@pytest.mark.parametrize(
    ("protocol", "kind"), [(Protocol.UDP, socket.SOCK_DGRAM), (Protocol.TCP, socket.SOCK_STREAM)]
)
async def test_a_closed_external_port(client, protocol, kind):
    proof = await client.prove(protocol, free_port(kind), free_port(kind))
    assert proof.holds is False
    assert "was refused" in proof.words


async def test_nobody_at_the_echo_host():
    client = EchoClient(Endpoint(OUTSIDE, free_port(socket.SOCK_DGRAM)), US)
    proof = await client.prove(Protocol.UDP, 5060, free_port(socket.SOCK_DGRAM))
    assert proof.holds is None
    assert "no echo host listens" in proof.words


async def test_an_address_of_ours_that_is_not_ours(echo):
    client = EchoClient(echo.at, "11.0.113.77")
    for watched in (False, True):
        proof = await client.prove(Protocol.UDP, 5060, 5060, watched=watched)
        assert proof.holds is None


async def test_a_port_that_cannot_be(client):
    with pytest.raises(LocalError):
        await client.prove(Protocol.UDP, 0, free_port(socket.SOCK_DGRAM))


async def test_many_questions_at_once_are_told_apart(client):
    ports = [free_port(socket.SOCK_DGRAM) for _ in range(8)]
    async with asyncio.timeout(PATIENCE):
        proofs = await asyncio.gather(*(client.prove(Protocol.UDP, port, port) for port in ports))
    assert [proof.holds for proof in proofs] == [True] * 8


async def test_noise_is_not_answered_and_harms_nobody(echo, client):
    with bound(socket.SOCK_DGRAM) as stranger:
        for number in range(200):
            stranger.sendto(bytes(number % 90), echo.at)
        port = free_port(socket.SOCK_DGRAM)
        assert (await client.prove(Protocol.UDP, port, port)).holds
        with pytest.raises(BlockingIOError):
            stranger.recv(100)
    assert echo.counters()["malformed"] == 200


async def test_a_taken_port_is_explained_and_a_server_may_be_opened_twice(echo):
    assert echo.open() == echo.at
    with pytest.raises(PortInUse):
        EchoServer(echo.at).open()


async def test_closed_in_the_middle_of_a_probe(echo, client):
    with bound(socket.SOCK_DGRAM) as sip:
        port = sip.getsockname()[1]
        question = asyncio.get_running_loop().create_task(
            client.prove(Protocol.UDP, port, port, watched=True)
        )
        await eventually(lambda: echo._running)
        await echo.close()
        assert echo._running == set()
        question.cancel()
        await asyncio.gather(question, return_exceptions=True)
    assert client._proofs == set()
