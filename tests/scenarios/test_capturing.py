"""Messages go to a capture server, with the addresses that peers see."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ringthru.console.commands import CommandTable
from ringthru.console.standard import standard_table
from ringthru.switch.profiles.capturing import CaptureServer

from ..sip.hep import read
from .home import EXTERNAL_XML, PUBLIC, RING_1000, Home, setting
from .waiting import eventually

SOFIA = "autoload_configs/sofia.conf.xml"


class Server:
    """Listens on loopback, and reads what comes."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.read: list[dict[str, Any]] = []

    @property
    def setting(self) -> str:
        port = self.socket.getsockname()[1]
        value = f"udp:127.0.0.1:{port};hep=3;capture_id=100"
        return f'<global_settings><param name="capture-server" value="{value}"/></global_settings><profiles>'

    async def has(self, start: str) -> dict[str, Any]:
        """The first message that begins so."""

        def found() -> dict[str, Any] | None:
            while True:
                try:
                    self.read.append(read(self.socket.recv(65535)))
                except BlockingIOError:
                    break
            return next((each for each in self.read if each["payload"].startswith(start.encode())), None)

        return await eventually(found, f"no {start}")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.close()


@pytest.fixture
async def home(found: Callable[..., Any], server: Server) -> Home:
    made: Home = await found(
        {PUBLIC: RING_1000, SOFIA: lambda text: text.replace("<profiles>", server.setting)}
    )
    await made.switch.start()
    await made.mapped()
    return made


@pytest.fixture
def table(logs: Any) -> CommandTable:
    return standard_table(logs)


async def test_a_far_call_bears_the_external_address_and_a_lan_call_the_private_one(
    home: Home, server: Server, table: CommandTable
) -> None:
    assert await table.run(home.switch, "sofia global capture on") == "+OK Global capture on"
    far, near = home.far_phone("anna"), await home.registered_phone()
    call = far.invite("1000", home.reached_at("external"))
    (await near.rung()).answer()
    await call.answered()
    came = await server.has("INVITE sip:1000@")
    assert (came["source"], came["source_port"]) == far.address
    assert (came["destination"], came["destination_port"]) == home.reached_at("external")
    assert (came["type"], came["capture_id"], came["protocol"]) == (1, 100, 17)
    assert came["correlation"] == call.call.call_id
    went = await server.has("SIP/2.0 200")
    registered = [each for each in server.read if b"REGISTER" in each["payload"]]
    assert went is not None
    assert {each["destination"] for each in registered if each["payload"].startswith(b"REGISTER")} == {
        home.address
    }
    answers = [each for each in server.read if each["destination"] == far.address.host]
    assert {(each["source"], each["source_port"]) for each in answers} == {tuple(home.reached_at("external"))}


async def test_off_again_and_beside_a_trace(
    home: Home, server: Server, table: CommandTable, caplog: pytest.LogCaptureFixture
) -> None:
    assert await table.run(home.switch, "sofia profile internal siptrace on")
    said = await table.run(home.switch, "sofia profile internal capture on")
    assert said == "Enabled sip capturing on internal"
    phone = await home.registered_phone()
    await server.has("REGISTER")
    assert "recv" in caplog.text
    assert await table.run(home.switch, "sofia profile internal siptrace off")
    await phone.options(home.internal)
    await server.has("OPTIONS")
    assert await table.run(home.switch, "sofia profile internal capture off")
    assert home.switch.calls.profiles["internal"].transports.trace is None


async def test_a_profile_may_say_so_itself(found: Callable[..., Any], server: Server) -> None:
    home: Home = await found(
        {
            EXTERNAL_XML: setting("sip-capture", "true"),
            SOFIA: lambda text: text.replace("<profiles>", server.setting),
        }
    )
    await home.switch.start()
    await home.mapped()
    await home.far_phone().options(home.reached_at("external"))
    await server.has("OPTIONS")
    assert home.switch.calls.profiles["internal"].transports.trace is None


async def test_without_a_server_nothing_is_captured_and_it_is_said(
    found: Callable[..., Any], table: CommandTable, caplog: pytest.LogCaptureFixture
) -> None:
    home: Home = await found()
    await home.switch.start()
    assert (await table.run(home.switch, "sofia global capture on")).startswith("-ERR")
    assert "no capture-server" in caplog.text


async def test_a_server_that_cannot_be_reached_is_said_once(
    home: Home, server: Server, table: CommandTable, caplog: pytest.LogCaptureFixture
) -> None:
    await table.run(home.switch, "sofia global capture on")
    server.socket.close()  # its port answers "refused" from now on
    phone = home.far_phone()
    for _ in range(4):
        await phone.options(home.reached_at("external"))
        await asyncio.sleep(0)
    capturer = home.switch.captures._capturer
    assert capturer is not None
    await eventually(lambda: capturer.lost > 1, "nothing is lost")
    assert len([each for each in caplog.records if "do not reach" in each.message]) == 1
    server.socket = socket.socket()


@pytest.mark.parametrize(
    ("text", "server_"),
    [
        ("udp:192.0.2.1:9060;hep=3;capture_id=100", CaptureServer("192.0.2.1", 9060, 100)),
        ("udp:homer.example:9060", CaptureServer("homer.example", 9060)),
        ("UDP:[2001:db8::1]:9060;hep=3", CaptureServer("2001:db8::1", 9060)),
    ],
)
def test_the_parameter(text: str, server_: CaptureServer) -> None:
    assert CaptureServer.parse(text) == server_


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tcp:a:1",
        "udp:a",
        "udp:a:0",
        "udp:a:70000",
        "udp:a:1;hep=2",
        "udp:a:1;capture_id=x",
        "udp:a:1;capture_id=4294967296",
    ],
)
def test_what_it_cannot_mean(text: str) -> None:
    with pytest.raises(ValueError, match="udp:HOST:PORT"):
        CaptureServer.parse(text)
