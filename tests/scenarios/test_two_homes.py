"""Two switches in one process, each behind a gateway of its own; one calls the other through both."""

from __future__ import annotations

import asyncio

from .home import PASSWORD, Home
from .phones import hear_each_other, hears_itself
from .waiting import eventually


class TestOneCallsTheOther:
    async def test_originate_to_the_echo_of_the_other_and_its_phone_hears_itself(
        self, homes: tuple[Home, Home]
    ) -> None:
        """Phone, switch, NAT, NAT, switch: and the whole way back."""
        here, there = homes
        phone = await here.registered_phone()
        echo = there.reached_at("external")
        asked = asyncio.ensure_future(
            here.switch.originate("user/1000", f"&bridge(sofia/external/sip:9196@{echo})")
        )
        rung = await phone.rung()
        rung.answer()
        assert (await asked).startswith("+OK ")
        await eventually(lambda: all(each.bridged_to for each in here.switch.snapshot().channels))
        await hears_itself(rung)
        rung.hang_up()
        await here.quiet()
        await there.quiet()

    async def test_phone_to_phone(self, homes: tuple[Home, Home]) -> None:
        here, there = homes
        caller, callee = await here.registered_phone(), await there.registered_phone()
        target = there.reached_at("external")
        asked = asyncio.ensure_future(
            here.switch.originate("user/1000", f"&bridge(sofia/external/sip:1000@{target})")
        )
        first = await caller.rung()
        first.answer()
        assert (await asked).startswith("+OK ")
        second = await callee.rung()
        second.ring()
        second.answer()
        await eventually(lambda: all(each.bridged_to for each in here.switch.snapshot().channels))
        await hear_each_other(first, second)
        assert there.private_prefix not in caller.text
        assert here.private_prefix not in callee.text
        second.hang_up()
        await first.over()
        await here.quiet()
        await there.quiet()

    async def test_each_switch_sees_the_others_gateway_only(self, homes: tuple[Home, Home]) -> None:
        here, there = homes
        asked = await here.switch.originate(
            f"sofia/external/sip:9196@{there.reached_at('external')}", "&park"
        )
        assert asked.startswith("+OK ")
        (ours,) = here.switch.snapshot().channels
        (theirs,) = there.switch.snapshot().channels
        assert ours.advertised == theirs.peer == (here.outside_address, 5080)
        assert theirs.advertised == ours.peer == (there.outside_address, 5080)
        assert ours.advertised_media is not None
        assert ours.advertised_media.host == here.outside_address
        await there.switch.hang_up_all("")
        await here.quiet()


class TestTheyShareNothing:
    async def test_registrations_calls_and_mappings_are_each_ones_own(self, homes: tuple[Home, Home]) -> None:
        here, there = homes
        await here.registered_phone()
        await here.lan_phone().invite("9196", here.external).answered()
        assert len(here.switch.snapshot().registrations) == len(here.switch.snapshot().channels) == 1
        assert not there.switch.snapshot().registrations
        assert not there.switch.snapshot().channels
        await there.switch.stop()
        assert here.gateway is not None
        assert len(here.gateway.mappings()) == 8
        call = here.lan_phone("1000").invite("9196", here.internal, password=PASSWORD)
        await call.answered()
        await hears_itself(call)
