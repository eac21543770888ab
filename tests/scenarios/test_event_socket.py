"""The event socket of a running switch: who is let in, what is answered, what clients make calls do."""

from __future__ import annotations

import asyncio
import re

from ringthru.console.standard import standard_table
from ringthru.event_socket.driver import EventSocket
from ringthru.switch.configuration.event_socket_settings import EventSocketSettings

from .home import DIRECTORY
from .socket_client import SECRET, SocketClient, client_of
from .waiting import eventually

# What the exporter that Grafana's dashboards are made for looks for in ``status``.
STATUS = re.compile(
    r"(\d+) session\(s\) since startup\s+(\d+) session\(s\) - peak (\d+), last 5min (\d+)\s+"
    r"(\d+) session\(s\) per Sec out of max (\d+), peak (\d+), last 5min (\d+)\s+"
    r"(\d+) session\(s\) max\s+min idle cpu (\d+\.\d+)\/(\d+\.\d+)"
)


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
