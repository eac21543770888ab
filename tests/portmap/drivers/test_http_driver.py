"""One HTTP request on real sockets, at gateways that misbehave: rows HT of the quirk catalogue."""

import asyncio

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.drivers.http_driver import addresses, fetch
from ringthru.portmap.gateway.upnp_values import Ask, FailureKind, HttpFailure
from ringthru.portmap.wire.http import CAP, Response

US, GATEWAY = "127.63.0.10", "127.63.0.1"
REQUEST = b"POST / HTTP/1.1\r\n\r\n<body/>"
OK = b"HTTP/1.1 200 OK\r\n"


class Gateway:
    """Reads one segment, writes what it is told, and then closes or waits."""

    def __init__(self, answer: bytes, *, closes: bool = True, drips: bool = False) -> None:
        self.answer, self.closes, self.drips = answer, closes, drips
        self.segments: list[bytes] = []
        self.was_asked = asyncio.Event()
        self.peers: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(writer.get_extra_info("peername")[0])
        self.segments.append(await reader.read(65536))
        self.was_asked.set()
        try:
            writer.write(self.answer)
            while self.drips:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0)
            if not self.closes:
                await reader.read()
        except OSError:
            pass  # hung up on, as it should be
        finally:
            writer.close()


async def ask(gateway: Gateway, deadline: float = 5.0):
    server = await asyncio.start_server(gateway.serve, GATEWAY, 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await fetch(Ask(Endpoint(GATEWAY, port), REQUEST, deadline), US)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "closes"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n<root/>x", True, id="HT01"),
        pytest.param(OK + b"\r\n<root></root>", False, id="HT02"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n7\r\n<root/>\r\n", True, id="HT05"),
        pytest.param(b"HTTP/1.1 200 OK\nno colon\nContent-Length : 7\n\n<root/>", False, id="HT06"),
    ],
)
async def test_it_is_whole(answer, closes):
    reply = await ask(Gateway(answer, closes=closes))
    assert isinstance(reply, Response)
    assert reply.body.startswith(b"<root")


async def test_HT07_HT08_HT16_one_write_from_our_address_and_one_connection():
    gateway = Gateway(OK + b"Content-Length: 0\r\n\r\n", closes=False)
    assert await ask(gateway) == Response(200, b"")
    assert (gateway.segments, gateway.peers) == ([REQUEST], [US])


async def test_HT19_a_redirect_is_an_answer_and_nobody_goes_there():
    gateway = Gateway(b"HTTP/1.1 301 Moved\r\nLocation: /admin\r\nContent-Length: 0\r\n\r\n")
    assert (await ask(gateway)).status == 301
    assert len(gateway.peers) == 1


async def test_HT20_a_body_without_end_is_cut_off():
    reply = await ask(Gateway(OK + b"\r\n" + b"x" * (CAP + 1)))
    assert reply.kind is FailureKind.BROKEN


async def test_HT20_a_body_that_drips_ends_with_the_deadline():
    reply = await ask(Gateway(OK + b"Content-Length: 200000\r\n\r\n", drips=True), deadline=0.05)
    assert reply.kind in (FailureKind.TIMEOUT, FailureKind.BROKEN)


async def test_HT17_silence_ends_with_the_deadline():
    reply = await ask(Gateway(b"", closes=False), deadline=0.05)
    assert reply == HttpFailure(FailureKind.TIMEOUT, "no answer within 0.05 s")


async def test_HT15_a_connection_that_ends_at_once_is_broken():
    assert (await ask(Gateway(b""))).kind is FailureKind.BROKEN


@pytest.mark.parametrize(
    "host", ["127.63.0.1", "not an address", "localhost", "127.63.0.1\0", "fe80::1%nowhere", "::1::1"]
)
async def test_SD18_nobody_there_is_refused_and_never_an_exception(host):
    reply = await fetch(Ask(Endpoint(host, 1), REQUEST, 1.0), US)
    assert reply.kind is FailureKind.REFUSED


@pytest.mark.parametrize("port", [-1, 65536, 10**12])
async def test_an_impossible_port_is_refused_and_never_an_exception(port):
    assert (await fetch(Ask(Endpoint(GATEWAY, port), REQUEST, 1.0), US)).kind is FailureKind.REFUSED


async def test_an_address_of_ours_that_went_away_is_refused_and_never_an_exception():
    reply = await fetch(Ask(Endpoint(GATEWAY, 1), REQUEST, 1.0), "192.0.2.1")
    assert reply.kind is FailureKind.REFUSED


async def test_a_request_bigger_than_the_kernel_takes_at_once_arrives_whole():
    request = b"POST / HTTP/1.1\r\n\r\n" + b"x" * 8_000_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(len(await reader.readexactly(len(request))))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        writer.close()

    taken: list[int] = []
    server = await asyncio.start_server(serve, GATEWAY, 0)
    reply = await fetch(Ask(Endpoint(*server.sockets[0].getsockname()), request, 5.0), US)
    server.close()
    assert (reply, taken) == (Response(200, b""), [len(request)])


async def test_a_request_that_is_given_up_leaves_no_socket():
    gateway = Gateway(b"", closes=False)
    server = await asyncio.start_server(gateway.serve, GATEWAY, 0)
    to = Endpoint(GATEWAY, server.sockets[0].getsockname()[1])
    fetching = asyncio.create_task(fetch(Ask(to, REQUEST, 5.0), US))
    async with asyncio.timeout(30):
        await gateway.was_asked.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    server.close()  # a socket left open is a ResourceWarning, which fails the run


@pytest.mark.parametrize(
    ("host", "own", "remote", "source"),
    [
        pytest.param(
            "2001:db8::1", "2001:db8::103", ("2001:db8::1", 5, 0, 0), ("2001:db8::103", 0, 0, 0), id="P601"
        ),
        pytest.param(
            "fe80::1%lo", "2001:db8::103", ("fe80::1", 5, 0, 1), ("2001:db8::103", 0, 0, 0), id="P602"
        ),
        pytest.param("fe80::1%7", "fe80::2%7", ("fe80::1", 5, 0, 7), ("fe80::2", 0, 0, 7), id="P602-number"),
        pytest.param("192.168.1.1", "2001:db8::103", ("192.168.1.1", 5), None, id="P609"),
        pytest.param("192.168.1.1", "192.168.1.103", ("192.168.1.1", 5), ("192.168.1.103", 0), id="AD12"),
    ],
)
def test_bound_to_the_internal_client(host, own, remote, source):
    assert addresses(Endpoint(host, 5), own) == (remote, source)
