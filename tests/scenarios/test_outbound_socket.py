"""The dialplan's ``socket``: a program that is called for a call, and controls it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringthru.net.address import Endpoint

from .home import DEFAULT, PASSWORD, PUBLIC, extension
from .phones import hear_each_other, hears_itself
from .socket_client import Program, client_of
from .waiting import eventually


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
