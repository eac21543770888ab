"""Something is wrong, and somebody asks the doctor: the switch's own faces, as users read them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringthru.cli.doctor_command import main
from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.doctor import Finding, examine
from ringthru.doctor.json_form import from_json
from ringthru.lab.gateway.quirks import Quirks
from ringthru.media import PCMU, make_offer
from ringthru.portmap import MappingState
from ringthru.switch.calls.mishaps import VARIABLE

from .home import (
    DEFAULT,
    EXTERNAL_XML,
    INTERNAL_XML,
    PASSWORD,
    PUBLIC,
    VARS,
    Home,
    extension,
    setting,
    variables,
)
from .phones import hears_itself
from .socket_client import SECRET
from .waiting import eventually
from .wire import HandWritten

TONE = extension("tone", ("answer", ""), ("playback", "tone_stream://%(60000,0,440)"))
TWO_SECONDS = 110  # packets of 20 ms


async def about(home: Home, id: str) -> Finding:
    """The one finding of that name."""
    (found,) = [each for each in await examine(home.switch) if each.id == id]
    return found


@pytest.fixture
def ask(logs: Logs) -> Callable[..., Any]:
    """Run a console command."""
    table = standard_table(logs)
    return lambda home, line: table.run(home.switch, line)


class TestAHealthyHome:
    async def test_nothing_of_gateway_and_internet_is_wrong(self, home: Home) -> None:
        found = [each for each in await examine(home.switch) if each.group in ("gw", "wan", "reach")]
        assert {each.status.value for each in found} <= {"ok", "unknown"}
        assert (await about(home, "host.port")).status.value == "ok"

    async def test_the_first_call_from_outside_proves_the_port(self, home: Home) -> None:
        assert (await about(home, "reach.sip.external.udp")).status.value == "unknown"
        phone = home.far_phone()
        call = phone.invite("9196", home.reached_at("external"))
        await call.answered()
        await hears_itself(call)
        found = await about(home, "reach.sip.external.udp")
        assert (found.status.value, f"{phone.address.host} called" in found.evidence) == ("ok", True)
        call.hang_up()
        await home.quiet()
        assert (await about(home, "calls")).status.value == "ok"

    async def test_both_faces_say_the_same(self, home: Home, ask: Any) -> None:
        shown = from_json(await ask(home, "doctor json"))
        assert [each.id for each in shown] == [each.id for each in await examine(home.switch)]
        text = await ask(home, "doctor")
        assert all(f"{each.id}: " in text for each in shown)
        assert "gw.found" in await ask(home, "doctor explain gw.found")
        assert (await ask(home, "doctor explain gw.nonsense")).startswith(
            "-ERR no check is called gw.nonsense"
        )
        assert (await ask(home, "doctor what")).startswith("-USAGE")

    async def test_looking_says_nothing_in_the_log(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A page that looks every few seconds would fill it."""
        caplog.set_level(logging.INFO)
        caplog.clear()
        await examine(home.switch)
        assert caplog.text == ""

    async def test_no_password_is_in_any_of_it(self, home: Home, ask: Any) -> None:
        assert PASSWORD not in await ask(home, "doctor") + await ask(home, "doctor json")


class TestTheGateway:
    async def test_double_nat(self, found: Any) -> None:
        home: Home = await found({}, quirks=Quirks(external_address="192.168.178.20"))
        await home.switch.start()
        await home.switch_knows_the_gateway()
        verdict = await about(home, "wan.class")
        assert verdict.status.value == "fail"
        assert "192.168.178.20 is a private address" in verdict.evidence
        assert "bridge mode" in verdict.cure

    async def test_a_silent_one(self, found: Any) -> None:
        home: Home = await found({}, quirks=Quirks(mute=True))
        await home.switch.start()
        await home.switch_knows_the_gateway()
        verdict = await about(home, "gw.found")
        assert verdict.status.value == "fail"
        assert f"5060/udp, 5060/tcp, 16384-32768/udp to {home.address}" in verdict.cure
        private = await about(home, "addr.external.internet")
        assert private.status.value == "warn"

    @pytest.mark.parametrize("protocols", [frozenset({"natpmp"}), frozenset({"upnp"})], ids=lambda p: min(p))
    async def test_one_that_forbids_it(self, found: Any, protocols: frozenset[str]) -> None:
        home: Home = await found({}, quirks=Quirks(refuse=True), protocols=protocols)
        await home.switch.start()

        def refused() -> bool:
            mapper = home.switch.snapshot().mapper
            assert mapper is not None
            return any(each.state is MappingState.REFUSED for each in mapper.mappings)

        await eventually(refused)
        verdict = next(each for each in await examine(home.switch) if each.id == "gw.perm")
        assert verdict.status.value == "fail"
        assert verdict.meaning == "The gateway does not let this machine open ports."


class TestPasswords:
    WEAK = staticmethod(variables(default_password="1234"))

    async def test_weak_ones_keep_the_ports_closed_and_both_are_said(self, found: Any) -> None:
        home: Home = await found({VARS: self.WEAK})
        await home.switch.start()
        await home.switch_knows_the_gateway()
        weak = await about(home, "sec.weak")
        assert weak.status.value == "fail"
        assert f"1000@{home.address} (it is on every list" in weak.evidence
        assert "1234" not in weak.evidence
        assert (await about(home, "reach.sip.internal")).status.value == "fail"

    async def test_weak_and_open_is_worse(self, found: Any) -> None:
        risky = setting("allow-weak-secrets", "true")
        home: Home = await found({VARS: self.WEAK, INTERNAL_XML: risky, EXTERNAL_XML: risky})
        await home.switch.start()
        await home.mapped()
        assert "open to the Internet: " in (await about(home, "sec.weak")).evidence


class TestACallThatWentWrong:
    async def test_one_way_audio(self, found: Any, ask: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A far phone listens to a tone, and nothing of it ever comes in."""
        home: Home = await found({PUBLIC: TONE})
        await home.switch.start()
        await home.mapped()
        call = home.far_phone().invite("tone", home.reached_at("external"))
        await call.answered()
        (channel,) = home.switch.calls.channels.values()
        await eventually(lambda: len(call.audio.heard) > TWO_SECONDS, "the tone does not come")
        call.hang_up()
        await home.quiet()
        said = await ask(home, "doctor call last")
        assert said.startswith("Verdict: ")
        words = " ".join(said.split())
        assert f"{call.phone.address.host} may have heard us, we heard nothing of it" in words
        assert "What to do: " in words
        assert "went wrong: " in caplog.text
        assert channel.variables[VARIABLE] in words
        assert (await about(home, "calls.heard-nothing")).status.value == "fail"
        assert channel.uuid in await ask(home, "doctor call")
        assert await ask(home, f"doctor call {channel.uuid}") == said

    async def test_the_gateway_had_no_port_left_for_its_audio(self, found: Any, ask: Any) -> None:
        """A table of four entries, which the SIP ports fill."""
        home: Home = await found(
            {PUBLIC: TONE},
            protocols=frozenset({"upnp"}),
            quirks=Quirks(rows=frozenset({"AD14"}), table_size=4),
        )
        await home.switch.start()

        def decided() -> bool:
            mapper = home.switch.snapshot().mapper
            states = [each.state for each in mapper.mappings] if mapper is not None else []
            return states.count(MappingState.ACCEPTED) == 4 and MappingState.REFUSED in states

        await eventually(decided)
        call = home.far_phone().invite("tone", home.reached_at("external"))
        await call.answered()
        await eventually(lambda: len(call.audio.heard) > TWO_SECONDS, "the tone does not come")
        call.hang_up()
        await home.quiet()
        words = " ".join((await ask(home, "doctor call last")).split())
        assert "The gateway opened no port for this audio: " in words
        assert (await about(home, "reach.rtp")).status.value in ("warn", "fail")

    async def test_no_ack(self, found: Any, ask: Any, caplog: pytest.LogCaptureFixture) -> None:
        home: Home = await found({PUBLIC: TONE})
        await home.switch.start()
        await home.mapped()
        phone = home.far_phone()
        hand = HandWritten(phone, "9196", home.reached_at("external"))
        hand.send("INVITE", 1, make_offer(phone.new_audio().address, (PCMU,), 1, 1))
        assert (await hand.final(1)).startswith(b"SIP/2.0 200 ")
        await eventually(lambda: "no ACK for our 200 in 4 s" in caplog.text)
        await home.switch.hang_up_all("")
        await home.quiet()
        words = " ".join((await ask(home, "doctor call last")).split())
        assert f"4 s after our answer {phone.address} had not acknowledged it" in words
        assert (await about(home, "calls.unacked")).status.value == "fail"

    async def test_no_codec_in_common(self, found: Any, ask: Any) -> None:
        home: Home = await found({DEFAULT: extension("both", ("bridge", "user/1001@${domain_name}"))})
        await home.switch.start()
        called = await home.registered_phone("1001")
        caller = await home.registered_phone("1000")
        call = caller.invite("both", home.internal, password=PASSWORD)
        (await called.rung()).reject(488)
        await call.refused()
        await home.quiet()
        words = " ".join((await ask(home, "doctor call last")).split())
        assert f"{called.address} refused the call (status 488)" in words
        assert len(home.switch.calls.mishaps.recent()) == 1  # the caller's leg only ended as the other did

    async def test_a_good_call_and_a_busy_one_leave_nothing(self, home: Home, ask: Any) -> None:
        called = await home.registered_phone("1000")
        far = home.far_phone()
        call = far.invite("1000", home.reached_at("external"))
        (await called.rung()).reject(486)
        await call.refused()
        await home.quiet()
        assert await ask(home, "doctor call last") == "+OK no call went wrong since the start\n"


class TestTheCommandLine:
    """``ringthru doctor`` asks by the event socket, and its exit status is the worst that was found."""

    async def test_it_asks_the_switch_that_runs(self, served: Any, capsys: Any, tmp_path: Path) -> None:
        home, place = await self.at(served)
        assert await asyncio.to_thread(main, place) == 2  # there is no way out of 127/8
        text = capsys.readouterr().out
        assert "gw.found" in text
        assert "1000@" in text
        report = tmp_path / "report.html"
        assert await asyncio.to_thread(main, [*place, "--report", str(report)]) == 2
        page = report.read_text()
        assert "gw.found" in page
        assert re.search(r"user-1@.*user-2@", page)
        assert "1000@" not in page
        assert report.stat().st_mode & 0o077 == 0
        assert home.address in page

    async def test_json(self, served: Any, capsys: Any) -> None:
        _, place = await self.at(served)
        await asyncio.to_thread(main, [*place, "--json"])
        found = from_json(capsys.readouterr().out)
        assert any(each.id == "sec.weak" for each in found)

    async def test_whoever_does_not_let_us_in_is_not_said_to_be_down(self, served: Any, capsys: Any) -> None:
        _, place = await self.at(served)
        assert await asyncio.to_thread(main, [*place[:-1], "wrong"]) == 2
        text = capsys.readouterr().out
        assert "somebody listens there" in text
        assert "host.addr" in text
        assert "held by" not in text

    async def test_without_a_switch_the_machine_is_looked_at(self, home: Home, capsys: Any) -> None:
        place = ["-H", home.address, "-P", "1", "-p", "x"]
        assert await asyncio.to_thread(main, place) == 2
        text = capsys.readouterr().out
        assert "nobody listens there" in text
        assert "host.port" in text
        assert "gw.found" not in text

    @pytest.mark.parametrize("flags", [["--nonsense"], ["-P", "0"]])
    def test_wrong_flags(self, flags: list[str]) -> None:
        assert main(flags) == 3

    @staticmethod
    async def at(served: Any) -> tuple[Home, list[str]]:
        home, event_socket = await served({})
        assert event_socket.endpoint is not None
        return home, ["-H", home.address, "-P", str(event_socket.endpoint.port), "-p", SECRET]


async def test_findings_survive_the_wire(home: Home, ask: Any) -> None:
    told = json.loads(await ask(home, "doctor json"))
    assert told["worst"] in ("ok", "warn", "fail", "unknown")
    with pytest.raises(ValueError, match="no findings"):
        from_json("{}")
