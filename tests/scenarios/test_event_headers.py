"""Every header that clients of FreeSWITCH read of its events, name by name and form by form.

The events come of real calls, registrations and changes of the gateway's address.
"""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.lab.gateway.quirks import Quirks
from ringthru.net.address import Endpoint
from ringthru.switch.events.forms import unpercent

from . import event_table as table
from .events import Ear
from .home import EXTERNAL_XML, INTERNAL, PASSWORD, PUBLIC, RING_1000, Home, extension
from .socket_client import SECRET, Program, SocketClient
from .test_messages import write
from .test_trunks import provider
from .waiting import eventually


class TestTheGateway:
    async def test_mappings(self, home: Home) -> None:
        ear = Ear(home.switch, "NAT")
        protocol = home.switch.snapshot().mapper.mappings[0].protocol
        await home.switch.nat_add(1234, protocol, sticky=True)
        await home.switch.nat_delete(1234, protocol)
        added = await ear.until("NAT", lambda event: event.get("op") == "add")
        table.hold(added, {**table.MAPPING, "port": "1234", "sticky": "true", "external-port": "1234"})
        table.hold(added, {"lease": table.NUMBER, "protocol": "pmp", "state": table.ANY})
        gone = await ear.until("NAT", lambda event: event.get("op") == "del")
        table.hold(gone, {**table.MAPPING, "port": "1234"})

    async def test_a_mapping_that_is_refused(self, home: Home) -> None:
        ear = Ear(home.switch, "NAT")
        home.gateway.quirks = Quirks(refuse=True)
        await home.switch.nat_add(1234, home.switch.snapshot().mapper.mappings[0].protocol, sticky=False)
        refused = await ear.until("NAT", lambda event: event.get("port") == "1234")
        table.hold(refused, {**table.MAPPING, "op": "fail", "reason": table.ANY, "protocol": "pmp"})

    async def test_another_external_address(self, found: Any) -> None:
        home = await found(external=1)
        home.gateway.grow_older(100)
        await home.switch.start()
        await home.mapped()
        ear = Ear(home.switch, "TRAP")
        home.gateway.change_external_address(home.place.host_outside(2))
        await home.switch.nat_republish()
        table.hold(await ear.until("TRAP"), table.EXTERNAL_CHANGE)


class TestPhones:
    async def test_register_and_unregister(self, home: Home) -> None:
        ear = Ear(home.switch, "CUSTOM")
        phone = home.lan_phone()
        await phone.register(home.internal, PASSWORD)
        table.hold(await ear.until("sofia::register"), table.REGISTER)
        await phone.register(home.internal, PASSWORD, expires=0)
        table.hold(await ear.until("sofia::unregister"), table.UNREGISTER)

    async def test_register_behind_a_nat(self, home: Home) -> None:
        ear = Ear(home.switch, "CUSTOM")
        phone = home.far_phone("1000")
        await phone.register(
            home.reached_at("internal"), PASSWORD, contact=f"<sip:1000@{home.place.elsewhere}:5060>"
        )
        registered = await ear.until("sofia::register")
        table.hold(registered, {**table.REGISTER, "status": r"Registered\(UDP-NAT\)"})
        assert "fs_nat=yes;fs_path=sip%3A1000%40" in (registered.get("contact") or "")

    async def test_expire(self, home: Home) -> None:
        await home.registered_phone()
        ear = Ear(home.switch, "CUSTOM")
        registrar = home.switch.calls.registrar
        registrar.expire(home.switch.calls.profiles["internal"].now() + 10_000)
        table.hold(await ear.until("sofia::expire"), table.EXPIRE)

    async def test_register_failure(self, home: Home) -> None:
        ear = Ear(home.switch, "CUSTOM")
        await home.lan_phone().register(home.internal, "a guess")
        table.hold(await ear.until("sofia::register_failure"), table.REGISTER_FAILURE)

    async def test_a_text_to_nobody(self, home: Home) -> None:
        ear = Ear(home.switch, "CUSTOM")
        one = await home.registered_phone("1000")
        assert await write(one, home, "1003", "grüße".encode()) == 480
        error = await ear.until("sofia::error")
        table.hold(error, table.ERROR)
        assert error.body == "grüße"


class TestProfilesAndProviders:
    async def test_profile_start(self, found: Any) -> None:
        home = await found()
        ear = Ear(home.switch, "CUSTOM")
        await home.switch.start()
        for name in ("internal", "external"):
            started = await ear.until(
                "sofia::profile_start", lambda event, n=name: event.get("profile_name") == n
            )
            table.hold(started, table.PROFILE_START)

    @pytest.mark.parametrize(
        ("password", "state", "status", "phrase"),
        [
            (PASSWORD, "REGISTER", "200", "OK"),
            (PASSWORD, "REGED", "200", "OK"),
            ("a guess", "FAILED", "401", "Unauthorized"),
            ("a guess", "FAIL_WAIT", "401", "Unauthorized"),
        ],
    )
    async def test_gateway_state(
        self, found: Any, places: Any, password: str, state: str, status: str, phrase: str
    ) -> None:
        place = places()
        here = Endpoint(place.host_inside(103), INTERNAL)  # the provider is the switch itself
        home = await found({EXTERNAL_XML: provider(lambda: here, password=password)}, place=place)
        ear = Ear(home.switch, "CUSTOM")
        await home.switch.start()
        trying = await ear.until("sofia::gateway_state")
        table.hold(trying, {**table.GATEWAY, "State": "TRYING"})
        assert (trying.get("Status"), trying.get("Phrase")) == (None, None)
        answered = await ear.until("sofia::gateway_state", lambda event: event.get("State") == state)
        table.hold(answered, {**table.ANSWERED, "Status": status, "Phrase": phrase})


class TestTheSwitch:
    async def test_heartbeat(self, home: Home) -> None:
        ear = Ear(home.switch, "HEARTBEAT")
        home.switch.heartbeat(97.5)
        table.hold(await ear.until("HEARTBEAT"), table.HEARTBEAT)

    async def test_reloadxml_and_shutdown(self, home: Home) -> None:
        ear = Ear(home.switch, "RELOADXML", "SHUTDOWN")
        await home.switch.reload()
        table.hold(await ear.until("RELOADXML"), {})
        home.switch.request_shutdown()
        table.hold(await ear.until("SHUTDOWN"), {"Event-Info": "System Shutting Down"})

    async def test_api_and_background_job(self, served: Any) -> None:
        home, event_socket = await served()
        ear = Ear(home.switch, "API", "BACKGROUND_JOB")
        client = await SocketClient.connect(event_socket.endpoint)
        await client.enter(SECRET)
        await client.ask("bgapi version short")
        table.hold(await ear.until("API"), table.API)
        job = await ear.until("BACKGROUND_JOB")
        table.hold(job, table.JOB)
        assert job.body == await client.ask("api version short")
        await client.ask("api hostname")
        bare = await ear.until("API", lambda event: event.get("API-Command") == "hostname")
        assert bare.get("API-Command-Argument") is None, "as in FreeSWITCH"

    async def test_a_line_of_the_log(self, served: Any) -> None:
        home, event_socket = await served()
        client = await SocketClient.connect(event_socket.endpoint)
        await client.enter(SECRET)
        await client.ask("log debug")
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        await client.log("has been answered")
        for line in client.logs:
            assert [name for name, _ in line.headers] == list(table.LOG_LINE)
            assert table.faults(line.headers, table.LOG_LINE) == []
            assert (line.get("Text-Channel") == "3") == bool(line.get("User-Data"))
            assert line.body.endswith(b"\n")
        (uuid,) = home.switch.calls.channels
        assert any(line.get("User-Data") == uuid for line in client.logs)


class TestACall:
    async def test_from_its_beginning_to_its_end(self, found: Any) -> None:
        early = extension("55", ("pre_answer", ""), ("answer", ""), ("bridge", "user/1000@${domain_name}"))
        home: Home = await found({PUBLIC: lambda text: RING_1000(early(text))})
        await home.switch.start()
        await home.mapped()
        phone = await home.registered_phone()
        ear = Ear(home.switch, *table.CALL)
        call = home.far_phone("anna").invite("55", home.reached_at("external"))
        rung = await phone.rung()
        rung.ring()
        rung.answer()
        await call.answered()
        await home.both_ways()
        call.press("5")
        await ear.until("DTMF")
        await rung.hold()
        await ear.until("CHANNEL_HOLD")
        await rung.hold("sendrecv")
        await ear.until("CHANNEL_UNHOLD")
        call.hang_up()
        await eventually(lambda: len(ear.of("CHANNEL_DESTROY")) == 2)
        faults = [
            (name, event.get("Call-Direction"), fault)
            for name, headers in table.CALL.items()
            for event in ear.of(name)
            for fault in table.faults(event.headers, {**table.COMMON, **headers})
        ]
        assert faults == []
        assert set(ear.names) == set(table.CALL)
        assert {each.get("Unique-ID") for each in ear.of("CHANNEL_HANGUP_COMPLETE")} == {
            each.get("Unique-ID") for each in ear.of("CHANNEL_CREATE")
        }
        callee = ear.of("CHANNEL_ORIGINATE")[0]
        names = ("Caller-Callee-ID-Name", "Caller-Callee-ID-Number")
        assert [callee.get(each) for each in names] == ["Outbound Call", "1000"]

    @pytest.mark.parametrize(("key", "status"), [("", "done"), ("*", "break")])
    async def test_a_sound(self, found: Any, key: str, status: str) -> None:
        sound = "silence_stream://60000" if key else "tone_stream://%(40,0,440)"
        home = await found({PUBLIC: extension("55", ("answer", ""), ("playback", sound), ("park", ""))})
        await home.switch.start()
        await home.mapped()
        ear = Ear(home.switch, "PLAYBACK_START", "PLAYBACK_STOP")
        call = home.far_phone().invite("55", home.reached_at("external"))
        await call.answered()
        begun = await ear.until("PLAYBACK_START")
        call.press(key)
        ended = await ear.until("PLAYBACK_STOP")
        for event in (begun, ended):
            table.hold(event, {**table.LEG, **table.PLAYBACK})
            assert event.get("Playback-File-Path") == sound
        assert ended.get("Playback-Status") == status

    async def test_as_a_program_is_told_of_it(self, served: Any) -> None:
        program = Program()
        where = await program.listen("127.0.0.1")
        socket = ("socket", f"{where.host}:{where.port} async full")
        home, _ = await served({PUBLIC: extension("78", ("answer", ""), socket)})
        call = home.far_phone("anna").invite("78", home.reached_at("external"))
        await call.answered()
        client = await program.call()
        client.say("connect\n\n")
        frame = await client.reply()
        told = [(name, unpercent(value)) for name, value in frame.headers]
        assert table.faults(told, {**table.COMMON, **table.CONNECT}) == []
        assert dict(told)["Event-Name"] == "CHANNEL_DATA"
        program.close()
