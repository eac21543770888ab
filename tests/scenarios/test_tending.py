"""What operators do to profiles, gateways and registrations while calls go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.console.logs import setup
from ringthru.console.standard import standard_table
from ringthru.net.levels import CONSOLE, NOTICE
from ringthru.switch import tending

from .bridged import connected
from .home import EXTERNAL_XML, INTERNAL_XML, PASSWORD, PUBLIC, RING_1000, Home, setting
from .phones import hear_each_other, hears_itself
from .test_reload import edit
from .waiting import eventually

Type = Callable[[str], Any]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits ten seconds here."""
    monkeypatch.setattr(tending, "SETTLED", 0.0)


@pytest.fixture
async def running(found: Any) -> Home:
    made: Home = await found({PUBLIC: RING_1000})
    await made.switch.start()
    await made.mapped()
    return made


@pytest.fixture
def type_in(running: Home) -> Any:
    logs = setup()

    async def run(line: str) -> str:
        return await standard_table(logs).run(running.switch, line)

    yield run
    logs.close()


def change(home: Home, name: str, value: str, file: str = INTERNAL_XML) -> None:
    path = home.folder / "conf" / file
    path.write_text(setting(name, value)(path.read_text()))


class TestRescan:
    async def test_new_parameters_hold_for_what_begins_now_and_no_call_drops(
        self, running: Home, type_in: Type
    ) -> None:
        call = running.lan_phone("1001").invite("9196", running.internal, password=PASSWORD)
        await call.answered()
        change(running, "user-agent-string", "Another")
        change(running, "ext-sip-port", "15060")
        change(running, "disable-register", "true")
        said = await type_in("sofia profile internal rescan")
        assert said == "Reload XML [Success]\n+OK scan complete\n"
        response = await running.lan_phone("1000").options(running.internal)
        assert response.get("Server") == "Another"
        assert (await running.lan_phone("1000").register(running.internal, PASSWORD)).status == 403
        seen = running.switch.calls.profiles["internal"].seen_by(running.place.host_outside(60))
        assert seen.signalling.port == 15060
        await hears_itself(call)

    async def test_a_port_waits_for_a_restart(
        self, running: Home, type_in: Type, caplog: pytest.LogCaptureFixture
    ) -> None:
        change(running, "sip-port", "5070")
        await type_in("sofia profile internal rescan")
        assert "Profile internal takes a new sip-port when it is restarted" in caplog.text
        assert running.switch.calls.profiles["internal"].local.port == 5060
        await type_in("sofia profile internal restart")
        profile = running.switch.calls.profiles["internal"]
        assert profile.local.port == 5070
        moved = running.internal._replace(port=5070)
        assert (await running.lan_phone("1000").options(moved)).status == 200

    async def test_another_external_address_holds_for_new_calls_and_auto_nat_takes_it_back(
        self, running: Home, type_in: Type
    ) -> None:
        far = running.place.host_outside(60)
        seen = lambda: running.switch.calls.profiles["internal"].seen_by(far).signalling.host  # noqa: E731
        call = running.lan_phone("1001").invite("9196", running.internal, password=PASSWORD)
        await call.answered()
        fixed = running.place.host_outside(9)
        change(running, "ext-sip-ip", fixed)
        assert await type_in("sofia profile internal rescan") == "Reload XML [Success]\n+OK scan complete\n"
        assert seen() == fixed
        change(running, "ext-sip-ip", "auto-nat")
        await type_in("sofia profile internal rescan")
        assert seen() == running.outside_address
        await hears_itself(call)

    async def test_auto_nat_comes_and_goes(self, running: Home, type_in: Type) -> None:
        change(running, "ext-sip-ip", "auto")
        change(running, "ext-rtp-ip", "auto")
        await type_in("sofia profile internal rescan")
        await eventually(lambda: 5060 not in {m.internal[1] for m in running.gateway.mappings()})  # type: ignore[union-attr]
        change(running, "ext-sip-ip", "auto-nat")
        await type_in("sofia profile internal rescan")
        await eventually(lambda: 5060 in {m.internal[1] for m in running.gateway.mappings()})  # type: ignore[union-attr]

    async def test_a_new_gateway_is_registered_with(self, running: Home, type_in: Type) -> None:
        provider = running.far_phone("provider")
        trunk = (
            f'<gateways><gateway name="itsp"><param name="proxy" value="{provider.address}"/>'
            '<param name="username" value="u"/><param name="password" value="p"/></gateway></gateways>'
        )
        edit(running, EXTERNAL_XML, "<settings>", trunk + "<settings>")
        assert await type_in("sofia profile external register itsp") == "Invalid gateway!\n"
        said = await type_in("sofia profile external startgw itsp")
        assert said == "Reload XML [Success]\n+OK start gateway itsp complete\n"
        await eventually(lambda: any(each.method == "REGISTER" for each in provider.requests))
        before = len(provider.requests)
        await type_in("sofia profile external rescan")
        assert len(running.switch.snapshot().trunks) == 1
        assert await type_in("sofia profile external killgw itsp") == "+OK gateway marked for deletion.\n"
        assert running.switch.snapshot().trunks == ()
        assert any(each.get("Expires") == "0" for each in provider.requests[before:])

    async def test_a_broken_file_leaves_all_as_it_is(self, running: Home, type_in: Type) -> None:
        change(running, "auth-calls", "perhaps")
        said = await type_in("sofia profile internal rescan")
        assert said == "Reload XML [Success]\n-ERR cannot find config for profile internal\n"
        assert (await running.lan_phone("1000").register(running.internal, PASSWORD)).status == 200


class TestStopAndStart:
    async def test_its_calls_end_and_its_ports_close(self, running: Home, type_in: Type) -> None:
        callee = await running.registered_phone()
        call, rung = await connected(running, running.far_phone(), callee)
        assert await type_in("sofia profile external stop") == "Reload XML [Success]\nstopping: external"
        await call.over()
        await rung.over()
        assert "external" not in running.switch.calls.profiles
        await eventually(lambda: 5080 not in {m.internal[1] for m in running.gateway.mappings()})  # type: ignore[union-attr]
        said = await type_in("sofia profile external start")
        assert said == "Reload XML [Success]\nexternal started successfully\n"
        await running.mapped()
        again = running.far_phone().invite("1000", running.reached_at("external"))
        rung = await callee.rung(2)
        rung.answer()
        await again.answered()
        await hear_each_other(again, rung)

    async def test_a_restart_keeps_registrations(self, running: Home, type_in: Type) -> None:
        callee = await running.registered_phone()
        assert await type_in("sofia profile internal restart") == (
            "Reload XML [Success]\nrestarting: internal"
        )
        call, rung = await connected(running, running.far_phone(), callee)
        await hear_each_other(call, rung)

    async def test_a_profile_that_is_not_written(self, running: Home, type_in: Type) -> None:
        assert "Failure starting nobody\n" in await type_in("sofia profile nobody start")

    async def test_a_port_that_is_taken(self, running: Home, type_in: Type) -> None:
        await type_in("sofia profile external stop")
        change(running, "sip-port", "5060", EXTERNAL_XML)
        assert "Failure starting external\n" in await type_in("sofia profile external start")


class TestPhones:
    async def test_they_are_forgotten(self, running: Home, type_in: Type) -> None:
        await running.registered_phone("1000")
        await running.registered_phone("1001")
        await type_in(f"sofia profile internal flush_inbound_reg 1000@{running.address}")
        users = [each.user.partition("@")[0] for each in running.switch.snapshot().registrations]
        assert users == ["1001"]

    async def test_and_told_to_start_anew(self, running: Home, type_in: Type) -> None:
        phone = await running.registered_phone("1000")
        await type_in("sofia profile internal flush_inbound_reg reboot")
        await eventually(lambda: "Event: check-sync;reboot=true\r\n" in phone.text, "no NOTIFY")
        assert running.switch.snapshot().registrations == ()


def traced(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.module == "tracing"]


class TestTrace:
    async def test_from_the_start_where_the_profile_says_so(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        home: Home = await found({INTERNAL_XML: setting("sip-trace", "yes")})
        await home.switch.start()
        caplog.set_level(logging.INFO, "ringthru.switch.profiles.tracing")
        await home.lan_phone().options(home.external)
        assert not traced(caplog)
        await home.lan_phone().options(home.internal)
        assert "   OPTIONS sip:" in caplog.text

    async def test_each_message_is_in_the_log_and_no_secret(
        self, running: Home, type_in: Type, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "ringthru.switch.profiles.tracing")
        await type_in("sofia profile internal siptrace on")
        phone = await running.registered_phone()
        assert f"bytes from udp/[{phone.address.host}]:{phone.address.port} at " in caplog.text
        assert "   REGISTER sip:" in caplog.text
        assert "   SIP/2.0 200 OK" in caplog.text
        assert "   Authorization: (left out)" in caplog.text
        assert {each.levelno for each in traced(caplog)} == {CONSOLE}
        assert await type_in("sofia tracelevel notice") == "+OK tracelevel is NOTICE"
        caplog.clear()
        await phone.options(running.internal)
        assert {each.levelno for each in traced(caplog)} == {NOTICE}
        await type_in("sofia global siptrace off")
        before = len(caplog.records)
        await phone.options(running.internal)
        assert len(caplog.records) == before
