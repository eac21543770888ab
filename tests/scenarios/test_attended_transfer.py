"""A call that takes the place of another: attended transfers, INVITEs with Replaces, pick-up."""

from __future__ import annotations

import asyncio

import pytest

from ringthru.sip import CallCancelled

from .bridged import connected
from .home import PASSWORD, Home
from .phones import PhoneCall, hear_each_other, hears_itself
from .transferring import consult, joined, reason
from .waiting import eventually


def replaces(call: PhoneCall) -> str:
    """A Refer-To of a call's other side, with its dialog."""
    dialog = call.call.dialog
    assert dialog is not None
    tags = f"%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
    return f"<{dialog.remote_target}?Replaces={dialog.call_id}{tags}>"


class TestAttended:
    """RFC 5359 §2.5: 1000 has a caller, asks 1001, and joins the two."""

    async def asking(self, office: Home) -> tuple[PhoneCall, PhoneCall, PhoneCall, PhoneCall]:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.hold()
        asked = await consult(first, office, "1001")
        target = await second.rung()
        target.answer()
        await asked.answered()
        await hear_each_other(asked, target)
        return call, rung, asked, target

    @pytest.mark.parametrize("on_the_second", [False, True])
    async def test_the_two_are_joined_and_both_calls_of_the_phone_end(
        self, office: Home, on_the_second: bool
    ) -> None:
        call, rung, asked, target = await self.asking(office)
        one, other = (asked, rung) if on_the_second else (rung, asked)
        assert (await one.refer(replaces(other))).status == 202
        assert await one.told() == b"SIP/2.0 200 OK\r\n"
        for each in (rung, asked):
            assert "ATTENDED_TRANSFER" in reason(await each.over())
        await eventually(
            lambda: call.agreed is not None and call.agreed.direction == "sendrecv", "still held"
        )
        await hear_each_other(call, target)
        target.hang_up()
        await call.over()
        await office.quiet()

    async def test_while_the_second_call_rings(self, office: Home) -> None:
        first, second = await office.registered_phone("1000"), await office.registered_phone("1001")
        call, rung = await connected(office, office.far_phone(), first)
        asked = await consult(first, office, "1001")
        ringing = await second.rung()
        ringing.ring()
        await asked.ringing()
        dialog = next(iter(asked.call._early.values()))  # type: ignore[attr-defined]
        tags = f"%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
        assert (await rung.refer(f"<sip:1001@x?Replaces={dialog.call_id}{tags}>")).status == 202
        target = await second.rung(2)
        target.answer()
        assert await rung.told() == b"SIP/2.0 200 OK\r\n"
        await hear_each_other(call, target)

    async def test_where_the_second_call_is_of_another_switch(self, office: Home) -> None:
        """RFC 5589 §7: 1000 asked somebody without us; our leg of its caller takes that call over."""
        first, other = await office.registered_phone("1000"), office.lan_phone("elsewhere")
        call, rung = await connected(office, office.far_phone("4711"), first)
        target = f"<sip:x@{other.address}?Replaces=a.b%40c%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        assert (await rung.refer(target)).status == 202
        taken = await other.rung()
        assert taken.call.request.get("Replaces") == "a.b@c;to-tag=1;from-tag=2"
        assert taken.call.request.get_all("Require") == ["replaces"]
        assert taken.call.request.from_.uri.user == "4711"
        taken.answer()
        assert await rung.told() == b"SIP/2.0 200 OK\r\n"
        await rung.over()
        await hear_each_other(call, taken)
        taken.hang_up()
        await call.over()
        await office.quiet()

    @pytest.mark.parametrize(("status", "said"), [(481, b"503"), (420, b"480")])
    async def test_and_that_switch_does_not_know_it_or_no_replaces_at_all(
        self, office: Home, status: int, said: bytes
    ) -> None:
        """The phone is told, and has its call back; nothing that follows carries the Replaces."""
        first, other = await office.registered_phone("1000"), office.lan_phone("elsewhere")
        call, rung = await connected(office, office.far_phone(), first)
        await rung.refer(f"<sip:x@{other.address}?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>")
        (await other.rung()).reject(status)
        assert (await rung.told()).startswith(b"SIP/2.0 " + said)
        await joined(office)
        await hear_each_other(call, rung)

    async def test_a_call_cannot_be_joined_to_itself(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        assert (await rung.refer(replaces(rung))).status == 603
        await hear_each_other(call, rung)


class TestAnInviteWithReplaces:
    """RFC 3891: another phone takes the call over."""

    def header(self, call: PhoneCall) -> tuple[tuple[str, str], ...]:
        dialog = call.call.dialog
        assert dialog is not None
        tags = f"to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        return (("Replaces", f"{dialog.call_id};{tags}"), ("Require", "replaces"))

    async def test_it_takes_the_place_of_the_old_one(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        other = office.lan_phone("1001")
        taken = other.invite("1000", office.internal, password=PASSWORD, headers=self.header(rung))
        await taken.answered()
        assert "ATTENDED_TRANSFER" in reason(await rung.over())
        await hear_each_other(call, taken)
        call.hang_up()
        await taken.over()
        await office.quiet()

    async def test_a_stranger_takes_nothing_over(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        thief = office.far_phone("thief")
        stolen = thief.invite("1000", office.reached_at("external"), headers=self.header(rung))
        assert (await stolen.refused()).status == 403
        await hear_each_other(call, rung)

    @pytest.mark.parametrize(
        ("value", "status"),
        [("x;to-tag=1;from-tag=2", 481), ("x", 400), ("x;to-tag=1", 400)],
    )
    async def test_what_is_not_there_or_unreadable(self, office: Home, value: str, status: int) -> None:
        phone = office.lan_phone("1001")
        headers = (("Replaces", value),)
        call = phone.invite("1000", office.internal, password=PASSWORD, headers=headers)
        assert (await call.refused()).status == status

    async def test_early_only_leaves_a_standing_call_alone(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        call, rung = await connected(office, office.far_phone(), first)
        ((name, value), required) = self.header(rung)
        phone = office.lan_phone("1001")
        headers = ((name, value + ";early-only"), required)
        taken = phone.invite("1000", office.internal, password=PASSWORD, headers=headers)
        assert (await taken.refused()).status == 486
        await hear_each_other(call, rung)


class TestPickUp:
    """RFC 3891 §3: a call that rings at one phone is answered by another."""

    def header(self, rung: PhoneCall) -> tuple[tuple[str, str], ...]:
        request, tag = rung.call.request, rung.call.request_tag
        return (("Replaces", f"{rung.call.call_id};to-tag={request.from_.tag};from-tag={tag};early-only"),)

    async def ringing(self, office: Home) -> tuple[PhoneCall, PhoneCall]:
        first = await office.registered_phone("1000")
        call = office.far_phone().invite("1000", office.reached_at("external"))
        rung = await first.rung()
        rung.ring()
        await call.ringing()
        return call, rung

    async def test_the_caller_has_the_other_phone(self, office: Home) -> None:
        call, rung = await self.ringing(office)
        other = office.lan_phone("1001")
        taken = other.invite("1000", office.internal, password=PASSWORD, headers=self.header(rung))
        await taken.answered()
        await call.answered()
        await rung.until(CallCancelled)
        await hear_each_other(call, taken)
        taken.hang_up()
        await call.over()
        await office.quiet()

    async def test_all_phones_of_the_user_fall_silent(self, office: Home) -> None:
        second = await office.registered_phone("1000")
        call, rung = await self.ringing(office)
        beside = await second.rung()
        other = office.lan_phone("1001")
        taken = other.invite("1000", office.internal, password=PASSWORD, headers=self.header(rung))
        await taken.answered()
        await beside.until(CallCancelled)
        await rung.until(CallCancelled)
        await call.answered()
        await hear_each_other(call, taken)

    async def test_a_call_of_originate(self, office: Home) -> None:
        first = await office.registered_phone("1000")
        making = asyncio.create_task(office.switch.originate("user/1000", "9196", context="default"))
        rung = await first.rung()
        rung.ring()
        other = office.lan_phone("1001")
        await eventually(lambda: any(each.rang.is_set() for each in office.switch.calls.channels.values()))
        taken = other.invite("1000", office.internal, password=PASSWORD, headers=self.header(rung))
        await taken.answered()
        assert (await making).startswith("+OK ")
        channels = office.switch.calls.channels.values()
        await eventually(lambda: any(each.application.startswith("echo") for each in channels))
        await hears_itself(taken)

    async def test_a_stranger_picks_up_nothing(self, office: Home) -> None:
        call, rung = await self.ringing(office)
        thief = office.far_phone("thief")
        stolen = thief.invite("1000", office.reached_at("external"), headers=self.header(rung))
        assert (await stolen.refused()).status == 403
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)

    async def test_a_caller_of_ours_that_waits_cannot_be_taken(self, office: Home) -> None:
        """An early dialog that we did not begin: 481."""
        call, _ = await self.ringing(office)
        dialog = next(iter(call.call._early.values()))  # type: ignore[attr-defined]
        value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        phone = office.lan_phone("1001")
        taken = phone.invite("1000", office.internal, password=PASSWORD, headers=(("Replaces", value),))
        assert (await taken.refused()).status == 481
