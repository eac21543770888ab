"""REFERs of ours: an answered caller is asked to call elsewhere itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .home import PUBLIC, Home, extension
from .phones import PhoneCall, hears_itself
from .transferring import reason
from .waiting import eventually


class TestDeflect:
    """REFER sent by us: `deflect`."""

    @pytest.fixture
    async def deflecting(self, found: Callable[..., Any]) -> Home:
        actions = [("answer", ""), ("deflect", "sip:1@elsewhere.example"), ("echo", "")]
        home: Home = await found({PUBLIC: [extension("77", *actions), extension("78", *actions[1:])]})
        await home.switch.start()
        await home.mapped()
        return home

    async def referred(self, home: Home) -> PhoneCall:
        call = home.far_phone("4711").invite("77", home.reached_at("external"))
        await call.answered()
        await eventually(lambda: any(each.method == "REFER" for each in call.phone.requests), "no REFER")
        return call

    def tell(self, call: PhoneCall, line: bytes, state: str) -> None:
        rows = [("Event", "refer"), ("Subscription-State", state), ("Content-Type", "message/sipfrag")]
        call.phone.act(lambda now: call.call.ask(now, "NOTIFY", rows, line))

    async def test_the_caller_is_asked_to_call_there_itself(self, deflecting: Home) -> None:
        call = await self.referred(deflecting)
        refer = next(each for each in call.phone.requests if each.method == "REFER")
        assert refer.get("Refer-To") == "<sip:1@elsewhere.example>"
        assert refer.get("Contact") is not None
        self.tell(call, b"SIP/2.0 100 Trying\r\n", "active;expires=60")
        self.tell(call, b"SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
        assert "BLIND_TRANSFER" in reason(await call.over())
        await deflecting.quiet()

    async def test_the_dialplan_goes_on_when_that_call_fails(self, deflecting: Home) -> None:
        call = await self.referred(deflecting)
        self.tell(call, b"SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource")
        (channel,) = deflecting.switch.calls.channels.values()
        reply = await eventually(lambda: channel.variables.get("sip_refer_reply"), "no outcome")
        assert reply == "SIP/2.0 486 Busy Here"
        await hears_itself(call)

    async def test_a_notify_that_nobody_asked_for(self, deflecting: Home) -> None:
        call = deflecting.far_phone("4711").invite("9196", deflecting.reached_at("external"))
        await call.answered()
        response = await call.phone.response_to(
            call.phone.act(lambda now: call.call.ask(now, "NOTIFY", [("Event", "refer")]))
        )
        assert response.status == 481

    async def test_a_caller_that_waits_is_redirected(self, deflecting: Home) -> None:
        call = deflecting.far_phone("4711").invite("78", deflecting.reached_at("external"))
        response = await call.refused()
        assert (response.status, response.get("Contact")) == (302, "<sip:1@elsewhere.example>")
