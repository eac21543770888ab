"""Calls whose audio goes from phone to phone (``bypass_media``), and what brings it back to the switch."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.media import PCMU, Timeout, make_offer
from ringthru.net.address import Endpoint
from ringthru.sip import IncomingRequest

from .home import DEFAULT, INTERNAL_XML, PASSWORD, PUBLIC, Home, Say, extension, setting
from .phones import PhoneCall, frame_of, hear_each_other
from .waiting import eventually

Pair = tuple[PhoneCall, PhoneCall]
PAST_US = extension("77", ("set", "bypass_media=true"), ("bridge", "user/1001@${domain_name}"))


@pytest.fixture
def edits() -> dict[str, Any]:
    return {DEFAULT: [PAST_US], PUBLIC: [PAST_US]}


async def answered(home: Home, number: str = "77") -> Pair:
    """1000 calls 1001, both on the LAN."""
    caller, callee = await home.registered_phone("1000"), await home.registered_phone("1001")
    call = caller.invite(number, home.internal, password=PASSWORD)
    rung = await callee.rung()
    rung.answer()
    await call.answered()
    return call, rung


async def talk(pair: Pair) -> None:
    """Each phone is heard by the switch; from then on they hear each other without it."""
    await past(pair, talking=True)
    await hear(pair)


async def hear(pair: Pair) -> None:
    """Each hears the other from where it was told to send, and from nowhere else."""
    for each in pair:
        each.audio.heard.clear()
    await hear_each_other(*pair, frames=3)


async def past(pair: Pair, talking: bool = False) -> None:
    def say() -> None:
        for number, each in enumerate(pair if talking else (), 50):
            each.say(frame_of(number))

    def passes() -> bool:
        return all(goes_to(one) == at(other) for one, other in (pair, pair[::-1]))

    await eventually(passes, "it does not go past us", again=say)


async def back(home: Home, pair: Pair) -> None:
    for each in pair:
        await eventually(lambda each=each: goes_to(each).host == home.internal.host, "it does not come back")


def goes_to(call: PhoneCall) -> Endpoint:
    """Where a phone sends its audio."""
    assert call.agreed is not None
    return call.agreed.remote_rtp


def at(call: PhoneCall) -> Endpoint:
    return Endpoint(call.audio.address.host, call.audio.address.rtp_port)


class TestItGoesPast:
    async def test_once_both_were_heard(self, home: Home) -> None:
        await talk(await answered(home))

    async def test_between_two_phones_beyond_the_gateway(self, home: Home) -> None:
        one, other = home.far_phone("one"), home.far_phone("1001")
        response = await other.register(home.reached_at("internal"), PASSWORD)
        assert response.status == 200, response.reason
        call = one.invite("77", home.reached_at("external"))
        rung = await other.rung()
        rung.answer()
        await call.answered()
        await talk((call, rung))

    async def test_a_profile_may_ask_for_it(self, found: Any, logs: Logs) -> None:
        home = await found({INTERNAL_XML: setting("inbound-bypass-media", "true")})
        await home.switch.start()
        await talk(await answered(home, "1001"))
        shown = await standard_table(logs).run(home.switch, "sofia status profile internal")
        assert "NOMEDIA          \ttrue" in shown

    async def test_that_the_switch_hears_nothing_ends_no_call(self, found: Any) -> None:
        home = await found({DEFAULT: [PAST_US], INTERNAL_XML: setting("rtp-timeout-sec", "1")})
        await home.switch.start()
        pair = await answered(home)
        await talk(pair)
        (leg, *_) = home.switch.calls.channels.values()
        told: list[object] = []
        leg.media.leg.subscribe(told.append)
        await eventually(lambda: any(isinstance(each, Timeout) for each in told))
        assert not leg.gone.is_set()
        await hear(pair)

    async def test_both_are_still_hung_up_together(self, home: Home) -> None:
        pair = await answered(home)
        await talk(pair)
        pair[0].hang_up()
        await pair[1].over()
        await home.quiet()


class TestItStays:
    async def test_when_nobody_asks(self, home: Home) -> None:
        pair = await answered(home, "1001")
        await hear(pair)
        assert goes_to(pair[0]).host == home.internal.host

    async def test_when_one_phone_is_beyond_the_gateway(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        callee, caller = await home.registered_phone("1001"), home.far_phone()
        call = caller.invite("77", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        assert "the other is beyond it" in caplog.text
        assert not callee.bodies("INVITE")

    async def test_when_a_phone_beyond_the_gateway_shows_an_address_of_its_own(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        one, other = home.far_phone("one", shows="10.9.8.7"), home.far_phone("1001")
        response = await other.register(home.reached_at("internal"), PASSWORD)
        assert response.status == 200, response.reason
        call = one.invite("77", home.reached_at("external"))
        rung = await other.rung()
        rung.answer()
        await call.answered()
        await eventually(lambda: "was not yet heard from where its SDP says" in caplog.text)
        assert not one.bodies("INVITE")

    async def test_when_the_phones_number_their_keys_differently(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        caller, callee = await home.registered_phone("1000"), await home.registered_phone("1001")
        audio = caller.new_audio()
        offer = make_offer(audio.address, (PCMU,), 1, 1, telephone_event=96)
        call = caller.invite("77", home.internal, password=PASSWORD, body=offer)
        call.audio, call.offer = audio, offer
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        assert "payload types" in caplog.text


class TestItComesBack:
    async def test_while_one_holds_and_goes_past_again_afterwards(self, home: Home) -> None:
        call, rung = pair = await answered(home)
        await talk(pair)
        await call.hold()
        await back(home, pair)
        await call.hold("sendrecv")
        await talk(pair)

    async def test_for_the_console(self, home: Home, say: Say) -> None:
        pair = await answered(home)
        await talk(pair)
        (uuid, _) = list(home.switch.calls.channels)
        assert await say(f"uuid_media {uuid}") == "+OK Success\n"
        await back(home, pair)
        await hear(pair)
        assert await say(f"uuid_media off {uuid}") == "+OK Success\n"
        await talk(pair)

    async def test_when_a_phone_takes_no_other_address(self, home: Home) -> None:
        call, rung = pair = await answered(home)
        refusing, taking = rung.phone, rung.phone._answer
        refused: list[bytes] = []

        def refuse(incoming: IncomingRequest) -> None:
            refused.append(incoming.request.body)
            refusing._answer = taking
            refusing._agent.respond(incoming, 488, asyncio.get_running_loop().time())

        refusing._answer = refuse
        await eventually(lambda: refused, again=lambda: [each.say(frame_of(7)) for each in pair])
        await back(home, pair)
        await hear(pair)

    async def test_for_a_recording(self, home: Home, say: Say, tmp_path: Path) -> None:
        pair = await answered(home)
        await talk(pair)
        (uuid, _) = list(home.switch.calls.channels)
        started = await say(f"uuid_record {uuid} start {tmp_path}/a.wav")
        assert started.startswith("+OK")
        await back(home, pair)

    async def test_for_a_transfer(self, home: Home, say: Say) -> None:
        call, rung = pair = await answered(home)
        await talk(pair)
        (uuid, _) = list(home.switch.calls.channels)
        assert await say(f"uuid_transfer {uuid} 9196") == "+OK\n"
        await rung.over()
        await eventually(lambda: goes_to(call).host == home.internal.host)
        await call.reaches(call, frame_of(9))
