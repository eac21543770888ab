"""Phones that forward their calls: 302 (RFC 3261 §8.1.3.4, RFC 5359 §2.9 to §2.11)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from .home import EXTERNAL_XML, INTERNAL_XML, PUBLIC, RING_1000, Edit, Home, extension, setting
from .phones import PhoneCall, hear_each_other, hears_itself
from .waiting import eventually


async def started(found: Any, **edits: Edit | list[Edit]) -> Home:
    home: Home = await found({PUBLIC: RING_1000, **edits})
    await home.switch.start()
    await home.mapped()
    return home


def forward(rung: PhoneCall, *contacts: str, status: int = 302) -> None:
    rows = [("Contact", each) for each in contacts]
    rung.phone.act(lambda now: rung.call.reject(now, status, headers=rows))


class TestFollowed:
    async def test_a_phone_forwards_to_another_user(self, found: Any) -> None:
        home = await started(found)
        first, second = await home.registered_phone("1000"), await home.registered_phone("1001")
        call = home.far_phone("4711").invite("1000", home.reached_at("external"))
        forward(await first.rung(), f"<sip:1001@{home.address}>")
        target = await second.rung()
        assert target.call.request.from_.uri.user == "4711"
        target.answer()
        await call.answered()
        await hear_each_other(call, target)
        call.hang_up()
        await target.over()
        await home.quiet()

    async def test_what_the_user_may_dial_and_the_caller_may_not(self, found: Any) -> None:
        """The forwarding user's context counts: a stranger may not dial 9196 in public here."""
        home = await started(found)
        first = await home.registered_phone("1000")
        call = home.far_phone().invite("1000", home.reached_at("external"))
        forward(await first.rung(), f"<sip:9196@{home.address}>", status=301)
        await call.answered()
        await hears_itself(call)

    async def test_the_places_are_tried_by_q(self, found: Any) -> None:
        home = await started(found)
        first, other = await home.registered_phone("1000"), home.lan_phone("elsewhere")
        second = await home.registered_phone("1001")
        call = home.far_phone().invite("1000", home.reached_at("external"))
        better = f"<sip:x@{other.address}>;q=0.9"
        forward(await first.rung(), f"<sip:1001@{home.address}>;q=0.2", better)
        (await other.rung()).reject(486)
        target = await second.rung()
        target.answer()
        await call.answered()
        await hear_each_other(call, target)

    async def test_in_circles_it_ends(self, found: Any) -> None:
        home = await started(found)
        first = await home.registered_phone("1000")
        call = home.far_phone().invite("1000", home.reached_at("external"))
        other = f"<sip:1000@{first.address}>"
        for count in range(1, 5):
            forward(await first.rung(count), other)
        assert (await call.refused()).status >= 400
        await home.quiet()

    @pytest.mark.parametrize("contact", ["<tel:+123>", "<sip:host.example>", "*", "<sip:", '"x'])
    async def test_to_nothing_that_can_be_called(self, found: Any, contact: str) -> None:
        home = await started(found)
        first = await home.registered_phone("1000")
        call = home.far_phone().invite("1000", home.reached_at("external"))
        forward(await first.rung(), contact)
        assert (await call.refused()).status >= 400
        await home.quiet()

    async def test_a_contact_adds_nothing_to_the_dial_string(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        home = await started(found)
        first, second = await home.registered_phone("1000"), await home.registered_phone("1001")
        call = home.far_phone().invite("1000", home.reached_at("external"))
        forward(await first.rung(), f"<sip:x%2cuser%2f1001,user/1001@{first.address.host}:9>")
        await eventually(lambda: "is forwarded to sofia/internal/" in caplog.text, "not forwarded")
        call.hang_up()
        await call.over()
        assert second.calls == []


class TestByHand:
    async def test_the_dialplan_sees_where_to(self, found: Any) -> None:
        actions = [
            ("set", "continue_on_fail=true"),
            ("bridge", "user/1000@${domain_name}"),
            ("log", "WARNING redirected to ${sip_redirect_contact_user_0}"),
            ("bridge", "${sip_redirect_dialstring}"),
        ]
        home: Home = await found(
            {
                PUBLIC: extension("77", *actions),
                INTERNAL_XML: setting("manual-redirect", "true"),
                EXTERNAL_XML: setting("user-agent-string", "x"),
            }
        )
        await home.switch.start()
        await home.mapped()
        first, second = await home.registered_phone("1000"), await home.registered_phone("1001")
        call = home.far_phone().invite("77", home.reached_at("external"))
        forward(await first.rung(), f"<sip:1001@{home.address}>")
        target = await second.rung()
        target.answer()
        await call.answered()
        await hear_each_other(call, target)
