"""``bridge`` in calls: who is rung, what the caller hears meanwhile, and what comes after."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.sip import CallCancelled, CallEnded

from .dialled import leg
from .hearing import hears_tone
from .home import DEFAULT, PASSWORD, Home, extension
from .phones import Phone, PhoneCall, hear_each_other, hears_itself
from .waiting import eventually


class TestBridging:
    async def bridged(self, home: Home, call: PhoneCall, callee: Phone) -> PhoneCall:
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        return rung

    async def test_the_dialplan_goes_on_when_the_called_side_hangs_up(self, found: Any) -> None:
        plan = extension("77", ("bridge", "user/1000@${domain_name}"), ("echo", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        rung = await self.bridged(home, call, callee)
        rung.hang_up()
        await rung.over()
        await eventually(lambda: len(home.switch.calls.channels) == 1)
        await eventually(lambda: leg(home).application == "echo()")
        await hears_itself(call)
        assert leg(home).variables["bridge_hangup_cause"] == "NORMAL_CLEARING"

    @pytest.mark.parametrize(
        ("after", "application"),
        [("transfer_after_bridge=9196:XML:default", "echo()"), ("park_after_bridge=true", "bridge(")],
    )
    async def test_or_goes_elsewhere(self, found: Any, after: str, application: str) -> None:
        plan = extension("77", ("set", after), ("bridge", "user/1000@${domain_name}"), ("hangup", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        rung = await self.bridged(home, call, callee)
        rung.hang_up()
        await rung.over()
        await eventually(lambda: len(home.switch.calls.channels) == 1)
        await eventually(lambda: leg(home).application.startswith(application))
        call.hang_up()
        await home.quiet()

    async def test_or_hangs_up(self, found: Any) -> None:
        plan = extension("77", ("set", "hangup_after_bridge=true"), ("bridge", "user/1000"), ("echo", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        (await self.bridged(home, call, callee)).hang_up()
        assert isinstance(await call.over(), CallEnded)

    @pytest.mark.parametrize(
        ("goes_on", "status"),
        [
            ("true", 499),
            ("USER_BUSY,NO_ANSWER", 499),
            ("17", 499),
            ("NO_ANSWER", 486),
            ("false", 486),
            ("!NO_ANSWER", 499),
            ("!USER_BUSY", 486),
        ],
    )
    async def test_nobody_answered(self, dialled: Any, goes_on: str, status: int) -> None:
        _, call = await dialled(
            ("set", f"continue_on_fail={goes_on}"),
            ("bridge", "error/USER_BUSY"),
            ("respond", "${cond(${originate_disposition}/${DIALSTATUS} == USER_BUSY/BUSY ? 499 : 498)}"),
        )
        assert (await call.refused()).status == status

    async def test_nobody_answered_so_it_goes_elsewhere(self, dialled: Any) -> None:
        _, call = await dialled(("set", "transfer_on_fail=9196 XML default"), ("bridge", "error/17"))
        await call.answered()
        await hears_itself(call)

    async def test_each_leg_is_made_ready_before(self, found: Any) -> None:
        plan = extension(
            "77",
            ("set", "bridge_pre_execute_aleg_app=set"),
            ("set", "bridge_pre_execute_aleg_data=side=a"),
            ("set", "bridge_pre_execute_bleg_app=set"),
            ("set", "bridge_pre_execute_bleg_data=side=b"),
            ("bridge", "user/1000"),
        )
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        await self.bridged(home, call, callee)
        sides = {c.direction.value: c.variables.get("side") for c in home.switch.calls.channels.values()}
        assert sides == {"inbound": "a", "outbound": "b"}

    async def test_the_caller_hears_a_tone_of_our_own_while_it_rings(self, found: Any) -> None:
        plan = extension("77", ("set", "ringback=%(2000,0,440)"), ("bridge", "user/1000"))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        rung = await callee.rung()
        rung.ring()
        assert (await call.ringing()).status == 183
        await hears_tone(call, 440)
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)

    async def test_a_ringback_that_cannot_be_played_is_a_plain_one(self, found: Any) -> None:
        plan = extension("77", ("set", "instant_ringback=true"), ("set", "ringback=shout://radio/moh"),
                         ("bridge", "user/1000"))  # fmt: skip
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        callee = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        assert (await call.ringing()).status == 183
        await hears_tone(call, 440, at_least=0.3)
        call.hang_up()
        assert isinstance(await (await callee.rung()).over(), CallCancelled)
        await home.quiet()
