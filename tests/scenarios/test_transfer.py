"""Transfers as phones do them: blind, attended, by Replaces (RFC 5589, RFC 5359 §2.4, §2.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringthru.sip import Request

from .bridged import connected
from .home import DIRECTORY, INTERNAL_XML, PUBLIC, RING_1000, Home, setting
from .phones import PhoneCall, hear_each_other, hears_itself
from .transferring import consult, joined, reason
from .waiting import eventually


async def back_from_hold(home: Home, call: PhoneCall) -> None:
    await eventually(lambda: call.agreed is not None and call.agreed.direction == "sendrecv", "still held")
    await home.both_ways()


class TestBlind:
    async def test_the_called_phone_sends_the_caller_on(self, office: Home) -> None:
        """RFC 5359 §2.4: 1000 sends a stranger to 1001."""
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        assert (await rung.refer(f"<sip:1001@{office.address}>")).status == 202
        target = await second.rung()
        target.ring()
        target.answer()
        assert await rung.told() == b"SIP/2.0 200 OK\r\n"
        assert "BLIND_TRANSFER" in reason(await rung.over())
        await hear_each_other(call, target)
        call.hang_up()
        await target.over()
        await office.quiet()

    async def test_the_calling_phone_sends_the_called_one_on(self, office: Home) -> None:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call = await consult(first, office, "1001")
        rung = await second.rung()
        rung.answer()
        await call.answered()
        assert (await call.refer(f"<sip:9196@{office.address}>")).status == 202
        assert await call.told() == b"SIP/2.0 200 OK\r\n"
        await call.over()
        await hears_itself(rung)
        rung.hang_up()
        await office.quiet()

    async def test_the_first_notify_is_100_and_each_has_its_event(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        _, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:9196@{office.address}>")
        await rung.told()
        notifies = [each for each in first.requests if each.method == "NOTIFY"]
        assert [each.body.split(b"\r\n")[0] for each in notifies] == [
            b"SIP/2.0 100 Trying",
            b"SIP/2.0 200 OK",
        ]
        assert all((each.get("Event") or "").startswith("refer") for each in notifies)

    async def test_a_target_that_refuses_leaves_the_phone_its_call(self, office: Home) -> None:
        """RFC 5589 §6.2: the phone is told, and takes the call back."""
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.hold()
        await rung.refer(f"<sip:1001@{office.address}>")
        (await second.rung()).reject(486)
        assert await rung.told() == b"SIP/2.0 486 Busy Here\r\n"
        assert (await rung.hold("sendrecv")).status == 200
        await back_from_hold(office, call)
        await hear_each_other(call, rung)
        rung.hang_up()
        await call.over()
        await office.quiet()

    async def test_where_there_is_voicemail_the_caller_speaks_to_that(self, home: Home) -> None:
        first, second = await home.registered_phone("1000"), await home.registered_phone("1001")
        call, rung = await connected(home, home.far_phone(), first)
        await rung.refer(f"<sip:1001@{home.address}>")
        (await second.rung()).reject(486)
        assert await rung.told() == b"SIP/2.0 200 OK\r\n"
        await rung.over()
        (leg,) = home.switch.calls.channels.values()
        assert leg.application.startswith("voicemail(")
        call.hang_up()

    async def test_it_may_transfer_again_then(self, office: Home) -> None:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:1001@{office.address}>")
        (await second.rung()).reject(486)
        await rung.told()
        await joined(office)
        await rung.refer(f"<sip:9196@{office.address}>")
        await rung.over()
        await hears_itself(call)

    async def test_a_number_that_nobody_has(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:5551234@{office.address}>")
        assert await rung.told() == b"SIP/2.0 404 Not Found\r\n"
        await joined(office)
        await hear_each_other(call, rung)
        call.hang_up()
        await rung.over()
        await office.quiet()

    async def test_a_phone_that_hung_up_is_rung_when_nobody_takes_the_call(self, office: Home) -> None:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:1001@{office.address}>")
        rung.hang_up()
        (await second.rung()).reject(486)
        again = await first.rung(2)
        again.answer()
        await joined(office)
        await hear_each_other(call, again)

    async def test_and_only_once(self, office: Home) -> None:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:1001@{office.address}>")
        rung.hang_up()
        (await second.rung()).reject(486)
        (await first.rung(2)).reject(486)
        await call.over()
        await office.quiet()

    async def test_it_goes_to_the_fallback_extension_where_the_user_has_one(
        self, found: Callable[..., Any]
    ) -> None:
        fallback = '<variable name="transfer_fallback_extension" value="9196"/></variables>'
        home: Home = await found(
            {PUBLIC: RING_1000, DIRECTORY: lambda text: text.replace("</variables>", fallback, 1)}
        )
        await home.switch.start()
        await home.mapped()
        first = await home.registered_phone("1000")
        call, rung = await connected(home, home.far_phone(), first)
        await rung.refer(f"<sip:5551234@{home.address}>")
        assert await rung.told() == b"SIP/2.0 404 Not Found\r\n"
        await rung.over()
        await hears_itself(call)

    async def test_the_caller_gives_up_before_the_target_answers(self, office: Home) -> None:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:1001@{office.address}>")
        target = await second.rung()
        call.hang_up()
        await target.over()
        assert (await rung.told()).startswith(b"SIP/2.0 487 ")
        await office.quiet()

    async def test_who_transferred_may_hang_up_at_once(self, office: Home) -> None:
        """Many phones send BYE as soon as they have the 202."""
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:1001@{office.address}>")
        rung.hang_up()
        target = await second.rung()
        target.answer()
        await joined(office)
        await hear_each_other(call, target)

    async def test_the_new_phone_is_told_who_sent_the_call(self, office: Home) -> None:
        """RFC 3892."""
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        _, rung = await connected(office, office.far_phone("4711"), first)
        by = ("Referred-By", "<sip:1000@home.example>")
        await rung.refer(f"<sip:1001@{office.address}>", by)
        invite = (await second.rung()).call.request
        assert invite.get("Referred-By") == "<sip:1000@home.example>"
        assert invite.from_.uri.user == "4711"

    async def test_a_caller_on_hold_comes_back_for_the_transfer(self, office: Home) -> None:
        """Phones hold before they transfer; the other side must not stay held."""
        office.switch.variables["hold_music"] = "silence"  # so that the hold itself is passed on
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.hold()
        await eventually(lambda: call.phone.bodies("INVITE"))
        await rung.refer(f"<sip:1001@{office.address}>")
        target = await second.rung()
        target.answer()
        await joined(office)
        await back_from_hold(office, call)
        await hear_each_other(call, target)


class TestWhoMayNot:
    async def test_a_stranger_cannot_call_out_by_transfer(self, office: Home) -> None:
        """The far caller refers the phone to a number that only users may dial: its own context holds."""
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await call.refer(f"<sip:1001@{office.outside_address}>")
        assert await call.told() == b"SIP/2.0 404 Not Found\r\n"
        assert second.calls == []
        await joined(office)
        await hear_each_other(call, rung)

    async def test_a_call_with_nobody_at_the_other_end(self, office: Home) -> None:
        call = office.far_phone().invite("9196", office.reached_at("external"))
        await call.answered()
        assert (await call.refer("<sip:1000@x>")).status == 603
        await hears_itself(call)

    @pytest.mark.parametrize("target", ["", "<>", "nonsense here", "<sip:a@b?Replaces=x>"])
    async def test_a_refer_to_that_is_none(self, office: Home, target: str) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        assert (await rung.refer(target)).status == 400
        await hear_each_other(call, rung)

    async def test_by_parameter(self, found: Callable[..., Any]) -> None:
        home: Home = await found({INTERNAL_XML: setting("disable-transfer", "true"), PUBLIC: RING_1000})
        await home.switch.start()
        await home.mapped()
        call, rung = await connected(home, home.far_phone(), await home.registered_phone("1000"))
        assert (await rung.refer(f"<sip:9196@{home.address}>")).status == 603
        await hear_each_other(call, rung)

    async def test_outside_of_a_call(self, office: Home) -> None:
        request = Request("REFER", f"sip:1000@{office.address}", [("Refer-To", "<sip:9196@x>")])
        assert (await office.lan_phone().ask(request, office.internal)).status == 603

    async def test_a_replaces_of_no_call_here(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        _, rung = await connected(office, office.far_phone(), first)
        target = f"<sip:1001@{office.address}?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        assert (await rung.refer(target)).status == 603

    async def test_a_stranger_with_a_replaces_of_another_switch(self, office: Home) -> None:
        first, other = await office.registered_phone("1000"), office.lan_phone("elsewhere")
        call, rung = await connected(office, office.far_phone(), first)
        target = f"<sip:x@{other.address}?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        assert (await call.refer(target)).status == 603
        assert other.calls == []
        await hear_each_other(call, rung)


class TestFromTheInside:
    """What `transfer` and `uuid_transfer`, `uuid_bridge` stand on."""

    async def test_a_leg_is_sent_elsewhere_and_its_partner_hung_up(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        channel = next(each for each in office.switch.calls.channels.values() if each.bridged_to)
        inbound = channel if channel.direction.value == "inbound" else channel.bridged_to
        assert inbound is not None
        office.switch.calls.transfers.transfer(inbound, "9196", "default")
        await rung.over()
        await hears_itself(call)

    async def test_two_legs_are_joined(self, office: Home) -> None:
        one = office.far_phone("one").invite("9196", office.reached_at("external"))
        other = office.far_phone("two").invite("9196", office.reached_at("external"))
        await one.answered()
        await other.answered()
        await hears_itself(one, frames=1)
        await hears_itself(other, frames=1)
        first, second = office.switch.calls.channels.values()
        office.switch.calls.transfers.connect(first, second)
        await eventually(lambda: first.bridged_to is second)
        await hear_each_other(one, other)
        one.hang_up()
        await other.over()
        await office.quiet()
