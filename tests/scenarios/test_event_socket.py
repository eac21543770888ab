"""The event socket of a running switch: who is let in, what is answered, what clients make calls do."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ringthru.console.standard import standard_table
from ringthru.event_socket.driver import EventSocket
from ringthru.lab.datagrams import Datagrams
from ringthru.media import linear_of
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.switch.configuration.event_socket_settings import EventSocketSettings

from .home import DEFAULT, DIRECTORY, PASSWORD, PUBLIC, Home, extension
from .phones import hear_each_other, hears_itself
from .socket_client import SECRET, Program, SocketClient
from .waiting import eventually

# What the exporter that Grafana's dashboards are made for looks for in ``status``.
STATUS = re.compile(
    r"(\d+) session\(s\) since startup\s+(\d+) session\(s\) - peak (\d+), last 5min (\d+)\s+"
    r"(\d+) session\(s\) per Sec out of max (\d+), peak (\d+), last 5min (\d+)\s+"
    r"(\d+) session\(s\) max\s+min idle cpu (\d+\.\d+)\/(\d+\.\d+)"
)
PARKED = {PUBLIC: extension("77", ("answer", ""), ("park", ""))}


async def client_of(event_socket: EventSocket, password: str = SECRET) -> SocketClient:
    assert event_socket.endpoint is not None
    client = await SocketClient.connect(event_socket.endpoint)
    assert await client.enter(password) == "+OK accepted"
    return client


class TestWhoIsLetIn:
    async def test_nobody_whom_the_lists_do_not_let_in(self, served):
        home, event_socket = await served(acls=("10.0.0.0/8",))
        reader, writer = await asyncio.open_connection(*event_socket.endpoint)
        refusal = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
        assert await reader.read() == refusal
        writer.close()

    async def test_a_guesser_is_banned_at_last(self, served, monkeypatch):
        """The addresses of this home are no neighbours: local-network-acl knows the LAN alone."""
        monkeypatch.setattr("ringthru.event_socket.connection.WRONG_PASSWORD_DELAY", 0.0)
        home, event_socket = await served()
        guesser = home.place.host_outside(99)
        for _ in range(home.switch.guard.settings.failures):
            client = await SocketClient.connect(event_socket.endpoint, guesser)
            client.say("auth guess\n\n")
            assert (await client.reply()).content_type == "auth/request"
            assert (await client.reply()).get("Reply-Text") == "-ERR invalid"
            assert await client.ended()
            await eventually(lambda: not event_socket.hub.links)
        (ban,) = home.switch.snapshot().bans
        assert (ban.source, ban.reason) == (guesser, "it guesses the event socket's password")
        reader, writer = await asyncio.open_connection(*event_socket.endpoint, local_addr=(guesser, 0))
        assert (await reader.read()).startswith(b"Content-Type: text/rude-rejection")
        writer.close()
        await client_of(event_socket)  # others are let in as ever

    async def test_who_says_nothing_keeps_nobody_out(self, served, monkeypatch):
        monkeypatch.setattr("ringthru.event_socket.driver.MOST_STRANGERS", 3)
        home, event_socket = await served()
        idle = [await SocketClient.connect(event_socket.endpoint) for _ in range(3)]
        for each in idle:
            assert (await each.reply()).content_type == "auth/request"
        await client_of(event_socket)
        assert await idle[0].ended(), "the one that has been silent for longest goes"
        assert len(event_socket.hub.links) == 3
        for each in idle[1:]:
            each.close()

    async def test_guessers_wait_for_their_answer_and_others_are_refused_meanwhile(self, served, monkeypatch):
        monkeypatch.setattr("ringthru.event_socket.driver.MOST_STRANGERS", 3)
        home, event_socket = await served()
        guessers = [await SocketClient.connect(event_socket.endpoint) for _ in range(3)]
        for each in guessers:
            each.say("auth a guess\n\n")
        await eventually(
            lambda: [link.is_silent for link in event_socket.hub.links] == [False] * 3, "not all have guessed"
        )
        reader, writer = await asyncio.open_connection(*event_socket.endpoint)
        assert (await reader.read()).startswith(b"Content-Type: text/rude-rejection")
        for each in guessers:
            each.close()
        writer.close()
        await eventually(lambda: not event_socket.hub.links)
        await client_of(event_socket)

    async def test_cluecon_is_served_on_loopback_alone(self, found, logs, caplog):
        home = await found()
        settings = EventSocketSettings(listen_ip="0.0.0.0", listen_port=0, password="ClueCon")
        event_socket = EventSocket(home.switch, standard_table(logs), None, settings)
        await event_socket.start()
        assert event_socket.endpoint.host == "127.0.0.1"
        assert "everybody knows the password ClueCon: not listening on 0.0.0.0" in caplog.text
        await event_socket.stop()

    async def test_a_password_is_made_and_kept_for_its_owner_alone(self, served):
        home, event_socket = await served(password="")
        file = home.folder / "db" / "event_socket_password"
        assert file.stat().st_mode & 0o777 == 0o600
        await client_of(event_socket, file.read_text().strip())

    async def test_a_user_of_the_directory(self, served):
        params = '<param name="esl-password" value="mary-71"/><param name="esl-allowed-api" value="version"/>'
        home, event_socket = await served(
            {DIRECTORY: lambda text: text.replace("<params>", f"<params>{params}", 1)}
        )
        domain = home.switch.calls.directory.default_domain
        client = await SocketClient.connect(event_socket.endpoint)
        await client.reply()
        assert await client.ask(f"userauth 1000@{domain}:mary-71") == "+OK accepted"
        assert await client.ask("api version short") == "0.1.0\n"
        assert await client.ask("api status") == "-ERR permission denied"

    async def test_a_port_that_is_taken_is_said_and_tried_again(self, served, logs, monkeypatch, caplog):
        monkeypatch.setattr("ringthru.event_socket.driver.RETRY", 0.01)
        home, first = await served()
        settings = EventSocketSettings(*first.endpoint, password=SECRET, acls=("127.0.0.0/8",))
        second = EventSocket(home.switch, standard_table(logs), None, settings)
        await second.start()
        assert f"Socket Error! Could not listen on {first.endpoint.host}:{first.endpoint.port}" in caplog.text
        await first.stop()
        await eventually(lambda: second.endpoint, "it is not tried again")
        await second.stop()

    async def test_and_with_stop_on_bind_error_it_is_not(self, served, logs, monkeypatch, caplog):
        monkeypatch.setattr("ringthru.event_socket.driver.RETRY", 0.0)
        home, first = await served()
        settings = EventSocketSettings(*first.endpoint, password=SECRET, stop_on_bind_error=True)
        second = EventSocket(home.switch, standard_table(logs), None, settings)
        await second.start()
        assert "stop-on-bind-error is set; free the port and start anew" in caplog.text
        await first.stop()
        assert second._retry is None
        await second.stop()


class TestCommands:
    async def test_bodies_are_those_of_the_console(self, served):
        home, event_socket = await served()
        client = await client_of(event_socket)
        assert await client.ask("api version short") == "0.1.0\n"
        assert await client.ask("api nonsense 1") == "-ERR nonsense Command not found!\n"
        assert await client.ask("api global_getvar nothing") == "-ERR no reply\n"
        assert await client.ask("api version short;;uptime h\nconsole_execute: true") == "0.1.0\n0\n"
        assert (await client.ask("api nat_map status")).startswith("Nat Type: NAT-PMP, ExtIP: ")

    async def test_a_client_that_only_pipes_its_requests_is_answered_the_slow_ones_too(self, served):
        _, event_socket = await served()
        reader, writer = await asyncio.open_connection(*event_socket.endpoint)
        writer.write(f"auth {SECRET}\n\napi msleep 50\n\napi version short\n\n".encode())
        writer.write_eof()
        said = await reader.read()
        assert b"Content-Length: 6\n\n0.1.0\n" in said
        assert said.endswith(b"http://www.cluecon.com/\n")
        writer.close()

    async def test_what_exporters_ask(self, served):
        home, event_socket = await served()
        client = await client_of(event_socket)
        assert await client.ask("api show calls count as json") == '{"row_count": 0}\n'
        assert re.fullmatch(r"\d+\n", await client.ask("api uptime s"))
        assert re.fullmatch(r"\d{10}", await client.ask("api strepoch"))
        assert STATUS.search(await client.ask("api status"))

    async def test_a_job_brings_its_body_as_an_event(self, served):
        home, event_socket = await served()
        client = await client_of(event_socket)
        await client.ask("event plain BACKGROUND_JOB API")
        assert await client.ask("bgapi version short\nJob-UUID: 77") == "+OK Job-UUID: 77"
        job = await client.event("BACKGROUND_JOB")
        named = {name: job.get(name) for name in ("Job-UUID", "Job-Command", "Job-Command-Arg")}
        assert named == {"Job-UUID": "77", "Job-Command": "version", "Job-Command-Arg": "short"}
        assert job.body == "0.1.0\n"
        assert (await client.event("API")).get("API-Command") == "version"

    async def test_events_go_to_all_who_want_them_and_are_made_for_nobody_else(self, served):
        home, event_socket = await served()
        one, other = await client_of(event_socket), await client_of(event_socket)
        assert home.switch.bus.wanted == frozenset()
        await one.ask("event plain CUSTOM my::news")
        assert await other.ask("sendevent CUSTOM\nEvent-Subclass: my::news\nWhat: this") != ""
        heard = await one.event("my::news")
        assert heard.get("What") == "this"
        assert heard.get("Core-UUID") == home.switch.bus.core_uuid
        one.close()
        await eventually(lambda: home.switch.bus.wanted == frozenset(), "somebody still listens")

    async def test_lines_of_the_log(self, served):
        home, event_socket = await served()
        client = await client_of(event_socket)
        await client.ask("log notice")
        home.far_phone().invite("9196", home.reached_at("external"))
        line = await client.log("has been answered")
        assert line.get("Log-Level") == "5"
        assert line.get("User-Data") in home.switch.calls.channels
        assert line.body.endswith(b"\n")
        await client.ask("nolog")

    async def test_the_switch_beats_and_says_goodbye(self, served, monkeypatch):
        monkeypatch.setattr("ringthru.event_socket.hub_driver.HEARTBEAT_INTERVAL", 0.05)
        home, event_socket = await served()
        client = await client_of(event_socket)
        await client.ask("event plain HEARTBEAT SHUTDOWN")
        beat = await client.event("HEARTBEAT")
        assert (beat.get("Event-Info"), beat.get("Max-Sessions")) == ("System Ready", "1000")
        await client.ask("api shutdown")
        await client.event("SHUTDOWN")
        await event_socket.stop()
        assert await client.ended()
        assert len(client.notices) == 1

    async def test_who_takes_nothing_loses_the_connection_and_the_switch_no_memory(self, served, monkeypatch):
        monkeypatch.setattr("ringthru.event_socket.link_driver.LAST_WORDS", 0.01)
        home, event_socket = await served()
        client = await client_of(event_socket)
        await client.ask("event plain CUSTOM")
        link = next(iter(event_socket.hub.links))
        for _ in range(240):
            home.switch.bus.custom("my::flood", [("Filler", "x" * 200_000)])
            await asyncio.sleep(0)
        assert link._connection._outbox.waiting_bytes <= 33 << 20
        for _ in range(600):
            home.switch.bus.custom("my::flood", [("Filler", "x" * 200_000)])
        await eventually(lambda: link._transport is None or link._transport.is_closing() or link._ending)
        assert link._connection._outbox.waiting_bytes <= 33 << 20


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


class TestOutbound:
    @pytest.fixture
    async def program(self) -> AsyncIterator[Program]:
        program = Program()
        yield program
        program.close()

    async def called(self, served, program: Program, flags: str = "async full", rest: str = "9196") -> Any:
        """A home whose extension 78 asks the program; what comes after it is the echo."""
        listening: Endpoint | None = None

        def edit(text: str) -> str:
            assert listening is not None
            data = f"{listening.host}:{listening.port} {flags}"
            return extension("78", ("answer", ""), ("socket", data), ("transfer", f"{rest} XML public"))(text)

        listening = await program.listen("127.0.0.1")
        home, self.event_socket = await served({PUBLIC: edit})
        call = home.far_phone("anna").invite("78", home.reached_at("external"))
        await call.answered()
        return home, call, await program.call()

    async def test_a_program_hears_of_the_call_and_does_with_it_what_it_likes(self, served, program):
        home, call, client = await self.called(served, program)
        client.say("connect\n\n")
        data = await client.reply()
        uuid = next(iter(home.switch.calls.channels))
        assert data.get("Content-Type") == "command/reply"
        assert data.get("Reply-Text") == "%2BOK%0A"
        assert (data.get("Socket-Mode"), data.get("Control")) == ("async", "full")
        assert (data.get("Unique-ID"), data.get("Caller-Caller-ID-Number")) == (uuid, "anna")
        assert data.get("variable_sip_call_id") == call.call.call_id
        assert await client.ask("myevents") == "+OK Events Enabled"
        assert await client.ask("api version short") == "0.1.0\n"
        assert await client.ask("getvar sip_from_user") == "anna"
        await client.ask("sendmsg\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: x=y")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE")
        assert done.get("variable_current_application") == "set"
        assert await client.ask("getvar x") == "y"
        await client.ask("sendmsg\ncall-command: hangup\nhangup-cause: CALL_REJECTED")
        await call.over()
        assert (await client.event("CHANNEL_HANGUP")).get("Hangup-Cause") == "CALL_REJECTED"
        assert await client.ended()
        (notice,) = client.notices
        assert notice.get("Content-Disposition") == "disconnect"

    async def test_programs_of_calls_keep_no_client_out(self, served, program, monkeypatch):
        monkeypatch.setattr("ringthru.event_socket.driver.MOST_CLIENTS", 1)
        await self.called(served, program)
        await client_of(self.event_socket)
        with pytest.raises(AssertionError):
            await client_of(self.event_socket)

    async def test_a_job_of_a_program_names_its_call(self, served, program):
        home, _, client = await self.called(served, program)
        assert await client.ask("event plain BACKGROUND_JOB") == "+OK event listener enabled plain"
        await client.ask("bgapi version short")
        (uuid,) = home.switch.calls.channels
        assert (await client.event("BACKGROUND_JOB")).get("Job-Owner-UUID") == uuid

    async def test_the_dialplan_goes_on_when_the_program_leaves(self, served, program):
        home, call, client = await self.called(served, program, flags="full")
        client.say("connect\n\n")
        await client.reply()
        client.close()
        (channel,) = home.switch.calls.channels.values()
        await eventually(lambda: channel.application == "echo()", "the dialplan does not go on")
        await hears_itself(call)

    async def test_with_async_the_call_stays_parked_when_the_program_leaves(self, served, program):
        """As in FreeSWITCH: who leaves a call behind means to come back to it, by ``sendmsg UUID``."""
        home, call, client = await self.called(served, program, flags="async full")
        client.say("connect\n\n")
        await client.reply()
        client.close()
        (channel,) = home.switch.calls.channels.values()
        await eventually(lambda: channel.state == "CS_PARK")
        home.switch.calls.transfers.transfer(channel, "9196", "public")
        await hears_itself(call)

    @pytest.mark.parametrize("way", ["resume", "sendmsg"])
    async def test_unless_it_says_resume_or_the_variable_does(self, served, program, way):
        home, call, client = await self.called(served, program, flags="async full")
        client.say("connect\n\n")
        await client.reply()
        told = "sendmsg\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: socket_resume=true"
        assert await client.ask(told if way == "sendmsg" else way) == "+OK"
        client.close()
        (channel,) = home.switch.calls.channels.values()
        await eventually(lambda: channel.application == "echo()", "the dialplan does not go on")
        await hears_itself(call)

    async def test_keys_that_are_diverted_come_unasked_and_to_nobody_else(self, served, program):
        home, call, client = await self.called(served, program)
        client.say("connect\n\n")
        await client.reply()
        assert home.switch.bus.wanted == frozenset()
        assert await client.ask("divert_events on") == "+OK events diverted"
        (uuid,) = home.switch.calls.channels
        other = await client_of(self.event_socket)
        assert await other.ask("event plain DTMF CUSTOM") == "+OK event listener enabled plain"
        call.press("5")
        heard = await client.event("DTMF")
        assert (heard.get("DTMF-Digit"), heard.get("Unique-ID")) == ("5", uuid)
        assert await client.ask("divert_events off") == "+OK events not diverted"
        call.press("6")
        assert (await other.event("DTMF")).get("DTMF-Digit") == "6"
        assert len(client.events) == 1

    async def test_a_bridge_it_has_ordered_is_waited_for(self, served, program):
        listening = await program.listen("127.0.0.1")
        socket = ("socket", f"{listening.host}:{listening.port} async")
        resume = ("set", "socket_resume=true")
        home, _ = await served(
            {PUBLIC: extension("78", ("answer", ""), resume, socket, ("transfer", "9196 XML public"))}
        )
        phone = await home.registered_phone()
        call = home.far_phone().invite("78", home.reached_at("external"))
        client = await program.call()
        client.say("connect\n\n")
        await client.reply()
        where = f"user/1000@{home.switch.calls.directory.default_domain}"
        bridge = f"call-command: execute\nexecute-app-name: bridge\nexecute-app-arg: {where}"
        assert await client.ask(f"sendmsg\n{bridge}") == "+OK"
        client.close()
        rung = await phone.rung()
        rung.answer()
        await call.answered()
        await home.both_ways()
        await hear_each_other(call, rung)
        rung.hang_up()
        (channel,) = await eventually(
            lambda: [c for c in home.switch.calls.channels.values() if c.application == "echo()"]
        )
        await hears_itself(call)

    async def test_and_when_nobody_answers_there(self, served, program):
        await program.listen("127.0.0.1")
        port = program._server.sockets[0].getsockname()[1]
        program.close()
        socket = ("socket", f"127.0.0.1:{port}|127.0.0.1:{port} async")
        home, _ = await served({PUBLIC: extension("78", socket, ("transfer", "9196 XML public"))})
        call = home.far_phone().invite("78", home.reached_at("external"))
        await call.answered()
        await hears_itself(call)

    async def test_who_lingers_hears_the_end(self, served, program):
        _, call, client = await self.called(served, program)
        client.say("connect\n\n")
        await client.reply()
        assert await client.ask("myevents") == "+OK Events Enabled"
        assert await client.ask("linger 30") == "+OK will linger 30 seconds"
        call.hang_up()
        while not client.notices:
            client._keep(await client.frame())
        assert client.notices[0].get("Content-Disposition") == "linger"
        await client.event("CHANNEL_HANGUP_COMPLETE")
        await client.event("CHANNEL_DESTROY")
        assert await client.ask("exit") == "+OK bye"
        assert await client.ended()

    async def test_without_async_an_answer_comes_when_the_application_has_ended(self, served, program):
        home, call, client = await self.called(served, program, flags="")
        client.say("connect\n\n")
        data = await client.reply()
        assert (data.get("Socket-Mode"), data.get("Control")) == ("static", "single-channel")
        assert await client.ask("api version") == "-ERR command not found"
        tone = "sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: "
        assert await client.ask(f"{tone}silence_stream://60") == "+OK"
        assert await client.ask("getvar playback_status") == "FILE PLAYED"
        assert await client.ask(f"{tone}silence_stream://60000\nasync: true") == "+OK"

    async def test_a_switch_that_serves_none_says_so_and_goes_on(self, found, caplog):
        socket = ("socket", "127.0.0.1:9 async")
        home = await found({DEFAULT: extension("78", socket, ("transfer", "9196 XML default"))})
        await home.switch.start()
        phone = await home.registered_phone()
        call = phone.invite("78", home.internal, password=PASSWORD)
        await call.answered()
        assert "this switch serves no event socket" in caplog.text
