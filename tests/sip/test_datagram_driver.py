"""The UDP socket of an agent: many datagrams at once, and a system that takes no more for a while."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.sip.transport import datagram_driver
from ringthru.sip.transport.datagram_driver import AT_ONCE, WAITING, DatagramDriver

HERE = "127.40.6.1"


@pytest.fixture
def peer():
    with bind_udp(Endpoint("127.40.6.2", 0)) as sock:
        yield sock


class Listener:
    """A driver, what it has read, and in how many rounds of the loop."""

    def __init__(self, sock: socket.socket) -> None:
        self.taken: list[bytes] = []
        self.sources: set[Endpoint] = set()
        self.driver = DatagramDriver(sock, self.take)

    def take(self, data: bytes, source: Endpoint) -> None:
        self.taken.append(data)
        self.sources.add(source)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.taken) < count:
                await asyncio.sleep(0)


class FullSocket:
    """A socket whose system takes nothing until it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.full = True
        self.sent: list[bytes] = []

    def __getattr__(self, name: str):
        return getattr(self._socket, name)

    def sendto(self, data: bytes, remote: Endpoint) -> None:
        if self.full:
            raise BlockingIOError
        self.sent.append(data)


@pytest.fixture
async def full():
    sock = FullSocket(bind_udp(Endpoint(HERE, 0)))
    listener = Listener(sock)  # type: ignore[arg-type]
    yield sock, listener.driver
    listener.driver.close()


async def test_a_burst_is_read_in_order_and_leaves_others_their_turn(peer):
    sock = bind_udp(Endpoint(HERE, 0))
    listener = Listener(sock)
    burst = [b"%d" % number for number in range(3 * AT_ONCE)]
    for each in burst:
        peer.sendto(each, sock.getsockname())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(listener.taken) <= 2 * AT_ONCE
    await listener.until(len(burst))
    assert listener.taken == burst
    assert listener.sources == {Endpoint(*peer.getsockname())}
    listener.driver.close()


async def test_whoever_closes_it_over_a_datagram_hears_no_other(peer):
    sock = bind_udp(Endpoint(HERE, 0))
    listener = Listener(sock)
    listener.driver._take = lambda data, source: (listener.take(data, source), listener.driver.close())  # type: ignore[assignment,func-returns-value]
    for each in (b"1", b"2", b"3"):
        peer.sendto(each, sock.getsockname())
    await listener.until(1)
    await asyncio.sleep(0)
    assert listener.taken == [b"1"]
    listener.driver.close()  # harmless


async def test_what_the_system_does_not_take_leaves_later_and_in_order(full, peer):
    sock, driver = full
    driver.send(b"1", peer.getsockname())
    driver.send(b"2", peer.getsockname())
    sock.full = False
    driver.send(b"3", peer.getsockname())
    async with asyncio.timeout(30):
        while len(sock.sent) < 3:
            await asyncio.sleep(0)
    assert sock.sent == [b"1", b"2", b"3"]


async def test_only_so_much_waits(full, peer):
    _, driver = full
    for _ in range(2 * WAITING):
        driver.send(b"x", peer.getsockname())
    assert len(driver._waiting) == WAITING


async def test_what_waits_leaves_before_it_closes(full, peer):
    sock, driver = full
    driver.send(b"bye", peer.getsockname())
    sock.full = False
    driver.close()
    assert sock.sent == [b"bye"]


async def test_what_is_refused_is_lost_and_said(caplog, peer):
    caplog.set_level("DEBUG", datagram_driver.__name__)
    listener = Listener(bind_udp(Endpoint(HERE, 0)))
    listener.driver.send(b"x" * 70_000, peer.getsockname())
    listener.driver.send(b"small", peer.getsockname())
    assert "was not sent: " in caplog.text
    peer.settimeout(30)
    assert peer.recv(100) == b"small"
    listener.driver.close()
