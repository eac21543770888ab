"""A confined process cannot leave 127.0.0.0/8. The hook stays for good, so each test confines a child."""

import subprocess
import sys
from pathlib import Path

import pytest

from ringthru.lab import is_loopback

SOURCE = Path(__file__).parents[2] / "src"
START = """
import socket, sys
sys.path.insert(0, {source!r})
from ringthru.lab.loopback_guard import LeavesLoopback, confine_to_loopback
fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
udp.bind(("127.43.0.9", 0))
tcp.bind(("127.43.0.9", 0))
confine_to_loopback()
"""
REFUSED = """
try:
    {attempt}
except LeavesLoopback as error:
    print("refused:", error)
else:
    print("allowed")
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", START.format(source=str(SOURCE)) + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Even if the guard failed, none of these could leave: the kernel routes nothing from 127.43.0.9 off loopback.
@pytest.mark.parametrize(
    "attempt",
    [
        "fresh.bind(('0.0.0.0', 0))",
        "fresh.bind(('', 0))",
        "socket.socket().bind(('0.0.0.0', 0))",
        "udp.connect(('192.0.2.1', 9))",
        "tcp.connect(('192.0.2.1', 9))",
        "tcp.connect_ex(('192.0.2.1', 9))",
        "udp.sendto(b'x', ('192.0.2.1', 9))",
        "udp.sendto(b'x', 0, ('192.0.2.1', 9))",
        "udp.sendmsg([b'x'], [], 0, ('192.0.2.1', 9))",
        "udp.sendto(b'x', ('239.255.255.250', 1900))",
        "udp.sendto(b'x', ('224.0.0.1', 5350))",
        "udp.sendto(b'x', ('255.255.255.255', 5351))",
        "socket.getaddrinfo('localhost', 80)",
        "socket.getaddrinfo(b'localhost', 80)",
        "socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)",
        "socket.gethostbyname('localhost')",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    ],
)
def test_the_way_out_is_refused_with_words(attempt):
    assert run(REFUSED.format(attempt=attempt)).startswith("refused: ")


def test_an_ipv6_socket_from_before_cannot_be_used():
    code = REFUSED.format(attempt="old.bind(('::1', 0))")
    start = START.replace(
        "confine_to_loopback()\n", "old = socket.socket(socket.AF_INET6)\nconfine_to_loopback()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start.format(source=str(SOURCE)) + code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("refused: ")


def test_asyncio_works_inside():
    out = run("""
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    async def echo(reader, writer):
        writer.write(await reader.readexactly(2)); await writer.drain(); writer.close()
    server = await asyncio.start_server(echo, "127.43.0.1", 0)
    there = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*there, local_addr=("127.43.0.2", 0))
    writer.write(b"hi"); print(await reader.readexactly(2)); writer.close()
    heard = loop.create_future()
    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data, source): heard.set_result(data)
    ear, _ = await loop.create_datagram_endpoint(Ear, local_addr=("127.43.0.1", 0))
    mouth, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.43.0.2", 0))
    mouth.sendto(b"ho", ear.get_extra_info("sockname")); print(await heard)
    a, b = socket.socketpair(); a.send(b"unix"); print(b.recv(9))
    print(loop.call_soon_threadsafe(lambda: None) is not None)

asyncio.run(main())
""")
    assert out == "b'hi'\nb'ho'\nb'unix'\nTrue\n"


def test_a_name_is_not_loopback_even_localhost():
    assert is_loopback("127.200.3.4")
    for host in ("localhost", "", "128.0.0.1", "0.0.0.0", "::1", "127.1", "0x7f.0.0.1", "::ffff:127.0.0.1"):
        assert not is_loopback(host)


def test_a_whole_gateway_works_inside():
    """A mapping made and a call through it, in a confined process."""
    out = run("""
import asyncio
from ringthru.lab import FakeGateway, OutsideSocket
from ringthru.net.address import Endpoint

async def main():
    gateway = FakeGateway("127.46.0.1", "127.47.0.1")
    await gateway.start()
    loop = asyncio.get_running_loop()
    switch = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    switch.bind(("127.46.0.103", 25060)); switch.setblocking(False)
    await loop.sock_sendto(switch, bytes.fromhex("0001000061e461e400000e10"), ("127.46.0.1", 5351))
    print((await loop.sock_recv(switch, 99)).hex())
    phone = OutsideSocket(Endpoint("127.47.0.50", 0), gateway.inside_network)
    phone.send(b"hello", Endpoint("127.47.0.1", 25060))
    data, source = await loop.sock_recvfrom(switch, 99)
    await loop.sock_sendto(switch, data, source)
    print(*(await phone.receive()))
    phone.close(); switch.close()
    await gateway.stop()

asyncio.run(main())
""")
    assert out == "008100000000000061e461e400000e10\nb'hello' 127.47.0.1:25060\n"
