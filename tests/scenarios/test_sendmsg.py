"""What a program orders of a leg by the event socket (``sendmsg``); audio that it sends (``unicast``)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.lab.datagrams import Datagrams
from ringthru.media import linear_of
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp

from .home import PASSWORD, PUBLIC, Home, extension
from .phones import hear_each_other, hears_itself
from .socket_client import SocketClient, client_of
from .waiting import eventually

PARKED = {PUBLIC: extension("77", ("answer", ""), ("park", ""))}


class TestSendmsg:
    async def parked(self, home: Home, client: SocketClient) -> tuple[Any, str]:
        call = home.far_phone().invite("77", home.reached_at("external"))
        await call.answered()
        await eventually(lambda: [c for c in home.switch.calls.channels.values() if c.state == "CS_PARK"])
        return call, next(iter(home.switch.calls.channels))

    async def test_a_parked_call_does_what_it_is_told_and_events_bear_the_given_number(self, served):
        home, event_socket = await served(PARKED)
        client = await client_of(event_socket)
        call, uuid = await self.parked(home, client)
        await client.ask("event plain CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE")
        told = "call-command: execute\nexecute-app-name: {}\nexecute-app-arg: {}\nEvent-UUID: {}\n{}"
        assert await client.ask(f"sendmsg {uuid}\n{told.format('set', 'a=b', '71', '')}") == "+OK"
        done = await client.event("CHANNEL_EXECUTE_COMPLETE")
        assert (done.get("Application-UUID"), done.get("variable_a")) == ("71", "b")
        assert await client.ask(f"api uuid_getvar {uuid} a") == "b"
        assert await client.ask(f"sendmsg {uuid}\n{told.format('echo', '', '72', '')}") == "+OK"
        await hears_itself(call)

    async def test_a_body_is_the_argument_and_loops_are_counted(self, served):
        home, event_socket = await served(PARKED)
        client = await client_of(event_socket)
        _, uuid = await self.parked(home, client)
        await client.ask("event plain CHANNEL_EXECUTE_COMPLETE")
        client.say(
            f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: set\nloops: 3\nevent-lock: true\n"
            "content-type: text/plain\ncontent-length: 3\n\na=b"
        )
        assert (await client.reply()).get("Reply-Text") == "+OK"
        await eventually_async(lambda: client.event("CHANNEL_EXECUTE_COMPLETE"), client, 3)
        assert {each.get("Application-Data") for each in client.events} == {"a=b"}

    async def test_a_transfer_a_hangup_and_what_cannot_be_done(self, served):
        home, event_socket = await served(PARKED)
        client = await client_of(event_socket)
        call, uuid = await self.parked(home, client)
        told = f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: "
        assert await client.ask(f"{told}nonsense") == "-ERR Invalid Application [nonsense]"
        assert (await client.ask(f"sendmsg {uuid}\ncall-command: dance")).startswith("-ERR")
        assert await client.ask(f"sendmsg {uuid}\ncall-command: nomedia") == "-ERR the call is not bridged"
        nonsense = f"sendmsg {uuid}\ncall-command: xferext\napplication: answer\napplication: dance now"
        assert await client.ask(nonsense) == "-ERR Invalid Application [dance]"
        unicast = f"sendmsg {uuid}\ncall-command: unicast\ntransport: "
        assert await client.ask(f"{unicast}sctp") == "-ERR there is no transport sctp: udp or tcp is meant"
        nobody = await client.ask(f"{unicast}tcp\nremote-ip: 127.0.0.1\nremote-port: 9")
        assert nobody.startswith("-ERR from 127.0.0.1:0 to 127.0.0.1:9: ")
        assert await client.ask("sendmsg 1-2-3\ncall-command: hangup") == "-ERR invalid session id [1-2-3]"
        assert await client.ask(f"{told}transfer\nexecute-app-arg: 9196 XML public") == "+OK"
        await hears_itself(call)
        written = "application: set marked=a,b;c\napplication: answer\napplication: park"
        assert await client.ask(f"sendmsg {uuid}\ncall-command: xferext\n{written}") == "+OK"
        await eventually(lambda: home.switch.calls.channels[uuid].application == "park()")
        assert home.switch.calls.channels[uuid].variables["marked"] == "a,b;c"
        assert await client.ask(f"sendmsg {uuid}\ncall-command: hangup\nhangup-cause: USER_BUSY") == "+OK"
        await call.over()
        assert await client.ask(f"api uuid_exists {uuid}") == "false"


class TestSendmsgOfABridgedCall:
    async def test_nomedia_lets_its_audio_go_from_phone_to_phone(self, served):
        home, event_socket = await served()
        client = await client_of(event_socket)
        caller, phone = await home.registered_phone("1000"), await home.registered_phone("1001")
        call = caller.invite("1001", home.internal, password=PASSWORD)
        rung = await phone.rung()
        rung.answer()
        await call.answered()
        await home.both_ways()
        await hear_each_other(call, rung)
        uuid = next(iter(home.switch.calls.channels))
        assert await client.ask(f"sendmsg {uuid}\ncall-command: nomedia") == "+OK"
        for one, other in ((call, rung), (rung, call)):
            there = Endpoint(other.audio.address.host, other.audio.address.rtp_port)
            await eventually(lambda one=one, there=there: one.agreed.remote_rtp == there)
        for each in (call, rung):
            each.audio.heard.clear()
        await hear_each_other(call, rung)


class TestUnicast:
    """A program hears the caller by UDP, and says something back."""

    @pytest.mark.parametrize("flags", ["native", ""])
    async def test_what_the_caller_says_comes_as_datagrams_and_what_they_bring_is_heard(self, served, flags):
        home, event_socket = await served(PARKED)
        client = await client_of(event_socket)
        call, uuid = await TestSendmsg().parked(home, client)
        heard: list[tuple[bytes, Endpoint]] = []
        here = Datagrams(
            bind_udp(Endpoint("127.0.0.1", 0)), lambda data, source: heard.append((data, source))
        )
        named = f"local-ip: 127.0.0.1\nlocal-port: 0\nremote-ip: 127.0.0.1\nremote-port: {here.local.port}"
        told = f"sendmsg {uuid}\ncall-command: unicast\n{named}\nflags: {flags}"
        assert await client.ask(told) == "+OK"
        frame = bytes(range(128, 208)) * 2
        sent = frame if flags else linear_of(frame)
        await eventually(lambda: call.say(frame) or (sent in [data for data, _ in heard]))
        here.send(sent, heard[0][1])
        await call.hears(frame)
        assert await client.ask(told) == "+OK", "the next one takes the place of the first"
        call.hang_up()
        await home.quiet()
        here.close()

    @pytest.mark.parametrize("flags", ["native", ""])
    async def test_over_a_connection_too_whose_pieces_end_anywhere(self, served, flags):
        home, event_socket = await served(PARKED)
        client = await client_of(event_socket)
        call, uuid = await TestSendmsg().parked(home, client)
        program = StreamProgram()
        port = await program.listen()
        named = f"remote-ip: 127.0.0.1\nremote-port: {port}\ntransport: tcp\nflags: {flags}"
        assert await client.ask(f"sendmsg {uuid}\ncall-command: unicast\n{named}") == "+OK"
        frame = bytes(range(128, 208)) * 2
        sent = frame if flags else linear_of(frame)
        await eventually(lambda: call.say(frame) or sent in program.heard)
        program.say(sent[:7])
        program.say(sent[7:] + sent[:51])
        program.say(sent[51:])
        await call.hears(frame)
        call.hang_up()
        await eventually(lambda: program.ended, "the connection outlives the call")
        program.close()

    async def test_a_program_that_takes_nothing_is_let_go_and_the_call_lives(self, served, monkeypatch):
        monkeypatch.setattr("ringthru.switch.audio.unicast.AHEAD", -1)
        home, event_socket = await served(PARKED)
        client = await client_of(event_socket)
        call, uuid = await TestSendmsg().parked(home, client)
        program = StreamProgram()
        port = await program.listen()
        named = f"remote-ip: 127.0.0.1\nremote-port: {port}\ntransport: tcp"
        assert await client.ask(f"sendmsg {uuid}\ncall-command: unicast\n{named}") == "+OK"
        await eventually(lambda: call.say(bytes(160)) or program.ended)
        assert await client.ask(f"api uuid_exists {uuid}") == "true"
        program.close()


class StreamProgram(asyncio.Protocol):
    """What ``unicast`` over TCP connects to."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = False
        self._transport: asyncio.Transport | None = None

    async def listen(self) -> int:
        self._server = await asyncio.get_running_loop().create_server(lambda: self, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True

    def say(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def close(self) -> None:
        self._server.close()


async def eventually_async(more: Callable[[], Any], client: SocketClient, count: int) -> None:
    """Hear events until there are so many."""
    await more()
    while len(client.events) < count:
        client._keep(await client.frame())
