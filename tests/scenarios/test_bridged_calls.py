"""A stranger calls 1000, whose phone stands on the LAN: two legs, two worlds of addresses."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from ringthru.media import PCMA, PCMU, Codec
from ringthru.sip import CallCancelled, CallEnded

from .bridged import connected
from .home import DEFAULT, PASSWORD, PUBLIC, Edit, Home, extension
from .phones import hear_each_other


def q850(message: str | None) -> str:
    return message or "no Reason header"


class TestAStrangerCallsAPhone:
    async def test_it_rings_it_is_answered_they_talk(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call, rung = await connected(home, caller, callee)
        assert call.progress == [180]
        await hear_each_other(call, rung)

    async def test_each_side_sees_its_own_kind_of_address_only(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call, rung = await connected(home, caller, callee)
        call.hang_up()
        await rung.over()
        await home.quiet()
        assert home.private_prefix not in caller.text
        assert home.public_prefix not in callee.text

    async def test_the_callee_sees_who_calls(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone("4711")
        caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        assert rung.call.request.from_.uri.user == "4711"

    async def test_the_callee_is_offered_what_the_caller_speaks(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(PCMA,))
        rung = await callee.rung()
        offer = rung.call.request.body.decode()
        line = next(each for each in offer.splitlines() if each.startswith("m=audio"))
        assert line.split()[3] == "8"  # the others behind it can be made of it
        rung.answer()
        await call.answered()
        assert call.agreed is not None
        assert rung.agreed is not None
        assert call.agreed.codec.name == rung.agreed.codec.name == "PCMA"
        await hear_each_other(call, rung)

    @pytest.mark.parametrize("spoken", [PCMU, PCMA])
    async def test_the_caller_is_answered_with_what_the_callee_took(self, home: Home, spoken: Codec) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer(codecs=(spoken,))
        await call.answered()
        assert call.agreed is not None
        assert call.agreed.codec.name == spoken.name
        await hear_each_other(call, rung)


class TestItEnds:
    async def test_the_caller_hangs_up(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        call.hang_up()
        end = await rung.over()
        assert isinstance(end, CallEnded)
        assert end.request is not None
        assert 'cause=16;text="NORMAL_CLEARING"' in q850(end.request.get("Reason"))
        await home.quiet()

    async def test_the_callee_hangs_up(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        rung.hang_up()
        end = await call.over()
        assert isinstance(end, CallEnded)
        assert end.request is not None
        assert 'cause=16;text="NORMAL_CLEARING"' in q850(end.request.get("Reason"))
        await home.quiet()

    async def test_the_operator_ends_it(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        assert await home.switch.hang_up_all("") == 2
        for each in (call, rung):
            end = await each.over()
            assert isinstance(end, CallEnded)
            assert end.request is not None
            assert "MANAGER_REQUEST" in q850(end.request.get("Reason"))

    async def test_both_hang_up_at_once(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        call.hang_up()
        rung.hang_up()
        await call.over()
        await rung.over()
        await home.quiet()

    async def test_the_switch_stops(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        await home.switch.stop()
        for each in (call, rung):
            assert isinstance(await each.over(), CallEnded)
        assert home.gateway is not None
        assert home.gateway.mappings() == ()


class TestItDoesNotComeAbout:
    async def test_the_caller_gives_up_while_it_rings(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.ring()
        await call.ringing()
        call.hang_up()
        assert (await call.refused()).status == 487
        assert isinstance(await rung.over(), CallCancelled)
        await home.quiet()

    async def test_the_caller_gives_up_before_it_rings(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        call.hang_up()
        assert (await call.refused()).status == 487
        assert isinstance(await rung.over(), CallCancelled)
        await home.quiet()

    @pytest.mark.parametrize(
        ("says", "hears"),
        [(486, 486), (603, 603), (404, 404), (480, 408), (488, 488), (500, 503), (408, 504)],
    )
    async def test_the_callee_refuses(self, home: Home, says: int, hears: int) -> None:
        """Through Q.850 and back, as FreeSWITCH's tables do it."""
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        (await callee.rung()).reject(says)
        assert (await call.refused()).status == hears
        await home.quiet()

    async def test_busy_says_why(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        (await callee.rung()).reject(486)
        response = await call.refused()
        assert q850(response.get("Reason")) == 'Q.850;cause=17;text="USER_BUSY"'

    async def test_nobody_is_registered(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        call = home.far_phone().invite("1000", home.reached_at("external"))
        assert (await call.refused()).status == 480
        assert "No phone is registered as 1000@" in caplog.text
        await home.quiet()

    async def test_nobody_answers_in_time(self, found: Any) -> None:
        patient = ("bridge", "[leg_timeout=0.05]user/1000@${domain_name}")
        home: Home = await found({PUBLIC: extension("1000", patient)})
        await home.switch.start()
        await home.mapped()
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.ring()
        assert (await call.refused()).status == 480
        assert isinstance(await rung.over(), CallCancelled)
        await home.quiet()

    async def test_call_timeout_of_the_channel_holds_for_the_bridge(self, found: Any) -> None:
        """``set call_timeout`` before ``bridge``, as the default dialplan writes it."""
        home: Home = await found(
            {DEFAULT: extension("77", ("set", "call_timeout=0.05"), ("bridge", "user/1000@${domain_name}"))}
        )
        await home.switch.start()
        callee, caller = await home.registered_phone(), home.lan_phone("1001")
        call = caller.invite("77", home.internal, password=PASSWORD)
        (await callee.rung()).ring()
        assert (await call.refused()).status == 480

    async def test_the_callee_answers_with_an_sdp_that_is_none(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        callee.act(lambda now: rung.call.answer(now, b"v=0\r\nnonsense"))
        assert (await call.refused()).status == 488
        assert isinstance(await rung.over(), CallEnded)
        await home.quiet()


class TestTheDialplanGoesOn:
    async def test_continue_on_fail(self, found: Any) -> None:
        plan = extension(
            "1000", ("set", "continue_on_fail=true"), ("bridge", "error/user_busy"), ("echo", "")
        )
        home: Home = await found({PUBLIC: plan})
        await home.switch.start()
        call = home.lan_phone().invite("1000", home.external)
        assert (await call.answered()).status == 200

    async def test_the_next_in_line_is_tried(self, found: Any) -> None:
        plan = extension("1000", ("bridge", "error/user_busy|user/1000@${domain_name}"))
        home: Home = await found({PUBLIC: plan})
        await home.switch.start()
        callee = await home.registered_phone()
        call = home.lan_phone().invite("1000", home.external)
        (await callee.rung()).answer()
        await call.answered()

    async def test_two_phones_ring_and_the_first_that_answers_wins(self, home: Home) -> None:
        first, second = await home.registered_phone(), await home.registered_phone()
        call = home.far_phone().invite("1000", home.reached_at("external"))
        one, other = await asyncio.gather(first.rung(), second.rung())
        one.ring()
        other.ring()
        other.answer()
        await call.answered()
        assert isinstance(await one.over(), CallCancelled)
        await hear_each_other(call, other)
        assert call.progress == [180]


class TestPhonesOfTheHouse:
    async def test_one_calls_another_by_its_number(self, home: Home) -> None:
        callee, caller = await home.registered_phone("1001"), home.lan_phone("1000")
        call = caller.invite("1001", home.internal, password=PASSWORD)
        rung = await callee.rung()
        rung.ring()
        await call.ringing()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        assert home.public_prefix not in caller.text + callee.text

    async def test_one_far_away_is_called_through_the_gateway(self, home: Home) -> None:
        far = home.far_phone("1001")
        assert (await far.register(home.reached_at("internal"), PASSWORD)).status == 200
        caller = home.lan_phone("1000")
        call = caller.invite("1001", home.internal, password=PASSWORD)
        rung = await far.rung()
        rung.ring()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        assert home.private_prefix not in far.text
        assert home.public_prefix not in caller.text

    async def test_without_a_password_nobody_calls_on_the_internal_profile(self, home: Home) -> None:
        call = home.lan_phone("1000").invite("1001", home.internal)
        assert (await call.refused()).status == 407

    async def test_nor_with_a_wrong_one(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        phone = home.lan_phone("1000")
        call = phone.invite("9196", home.internal, password="guess")
        assert (await call.refused()).status == 407
        assert (
            f"SIP auth failure (INVITE) on sofia profile 'internal' for [1000@{home.address}]"
            f" from ip {phone.address.host}"
        ) in caplog.text


class TestPeopleWithStrangeNames:
    async def test_a_caller_with_an_escaped_user_part(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone("o%27neil%20x")
        caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        assert rung.call.request.from_.uri.user == "o%27neil%20x"

    async def test_a_number_that_is_a_pattern_of_the_dialplan(self, found: Any) -> None:
        dial: Edit = extension("(.*)", ("bridge", "user/$1@${domain_name}"))
        home: Home = await found({PUBLIC: dial})
        await home.switch.start()
        for number in ("'%7Ba", "1000,sofia%2Finternal", "%5B%5D"):
            assert (await home.lan_phone().invite(number, home.external).refused()).status in (404, 480, 484)
