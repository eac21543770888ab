"""``*8`` and ``**EXT`` of the default tree: a call that rings elsewhere is taken from here."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.sip import CallCancelled

from .answering import joined, leg_of
from .home import DEFAULT, PASSWORD, PUBLIC, RING_1000, Home, extension
from .phones import PhoneCall, hear_each_other
from .waiting import eventually


async def ringing(home: Home, number: str = "1000", caller: str = "1002") -> tuple[PhoneCall, PhoneCall]:
    """Somebody calls a phone of the house, which rings: his call, and the phone's."""
    phone = await home.registered_phone("1000")
    call = home.lan_phone(caller).invite(number, home.internal, password=PASSWORD)
    rung = await phone.rung()
    rung.ring()
    await call.ringing()
    return call, rung


class TestWhatRings:
    @pytest.mark.parametrize("number", ["**1000", "*8"])
    async def test_is_taken(self, home: Home, number: str) -> None:
        call, rung = await ringing(home)
        mine = home.lan_phone("1001").invite(number, home.internal, password=PASSWORD)
        await mine.answered()
        await call.answered()
        assert isinstance(await rung.over(), CallCancelled)
        await joined(home, "1002")
        await hear_each_other(call, mine)
        call.hang_up()
        await mine.over()
        await home.quiet()

    async def test_in_the_group_too(self, home: Home) -> None:
        call, rung = await ringing(home, "2000")
        mine = home.lan_phone("1001").invite("**2000", home.internal, password=PASSWORD)
        await mine.answered()
        await rung.over()
        await call.answered()
        await joined(home, "1002")
        await hear_each_other(call, mine)

    async def test_who_hangs_up_first_leaves_nobody(self, home: Home) -> None:
        call, _ = await ringing(home)
        call.hang_up()
        await home.quiet()
        mine = home.lan_phone("1001").invite("**1000", home.internal, password=PASSWORD)
        assert (await mine.refused()).status == 480

    async def test_nothing_rings(self, home: Home) -> None:
        for number in ("*8", "**1000", "**4711"):
            mine = home.lan_phone("1001").invite(number, home.internal, password=PASSWORD)
            assert (await mine.refused()).status == 480

    async def test_what_is_answered_is_left_alone(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.answer()
        await call.answered()
        mine = home.lan_phone("1001").invite("**1000", home.internal, password=PASSWORD)
        assert (await mine.refused()).status == 480
        await joined(home, "1002")
        await hear_each_other(call, rung)


class TestWhoMay:
    async def test_no_stranger(self, found: Any) -> None:
        """Even where somebody wrote it into the public context by mistake."""
        home = await found(
            {PUBLIC: [RING_1000, extension("8", ("intercept", "${taken}"), ("respond", "486"))]}
        )
        await home.switch.start()
        call, rung = await ringing(home)
        uuid = leg_of(home, "1002").uuid
        home.switch.set_variable("taken", uuid)
        thief = home.lan_phone("mallory").invite("8", home.external)
        assert (await thief.refused()).status == 486
        rung.answer()
        await call.answered()
        await joined(home, "1002")
        await hear_each_other(call, rung)

    async def test_not_from_another_context(self, found: Any) -> None:
        elsewhere = ("set", "user_context=cellar")
        taking = extension("88", elsewhere, ("intercept", "${taken}"), ("respond", "486"))
        home = await found({DEFAULT: [taking]})
        await home.switch.start()
        await ringing(home)
        home.switch.set_variable("taken", leg_of(home, "1002").uuid)
        mine = home.lan_phone("1001").invite("88", home.internal, password=PASSWORD)
        assert (await mine.refused()).status == 486


class TestWhatStands:
    @pytest.mark.parametrize("option", ["", "-bleg "])
    async def test_is_taken_over_where_the_dialplan_says_so(self, found: Any, option: str) -> None:
        home = await found(
            {DEFAULT: [extension("88", ("intercept", option + "${taken}"), ("respond", "486"))]}
        )
        await home.switch.start()
        call, rung = await ringing(home)
        rung.answer()
        await call.answered()
        await eventually(lambda: leg_of(home, "1002").bridged_to is not None)
        leg = leg_of(home, "1002")
        home.switch.set_variable("taken", leg.bridged_to.uuid if option else leg.uuid)
        mine = home.lan_phone("1001").invite("88", home.internal, password=PASSWORD)
        await mine.answered()
        await rung.over()
        await joined(home, "1002")
        await hear_each_other(call, mine)
        mine.hang_up()
        await call.over()
        await home.quiet()
