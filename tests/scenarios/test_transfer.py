"""Transfers as phones do them: blind, attended, by Replaces (RFC 5589, RFC 5359 §2.4, §2.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.sip import CallCancelled, CallEnded, Request

from .bridged import connected
from .home import (
    DEFAULT,
    DIRECTORY,
    INTERNAL_XML,
    PASSWORD,
    PUBLIC,
    RING_1000,
    WITHOUT_VOICEMAIL,
    Home,
    extension,
    setting,
)
from .phones import Phone, PhoneCall, hear_each_other, hears_itself
from .waiting import eventually


@pytest.fixture
async def office(found: Callable[..., Any]) -> Home:
    """Strangers may ring 1000 and nobody else; nobody has voicemail, which would take what nobody takes."""
    made: Home = await found({PUBLIC: RING_1000, DEFAULT: WITHOUT_VOICEMAIL})
    await made.switch.start()
    await made.mapped()
    return made


def replaces(call: PhoneCall) -> str:
    """A Refer-To of a call's other side, with its dialog."""
    dialog = call.call.dialog
    assert dialog is not None
    tags = f"%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
    return f"<{dialog.remote_target}?Replaces={dialog.call_id}{tags}>"


def reason(end: object) -> str:
    assert isinstance(end, CallEnded)
    assert end.request is not None
    return end.request.get("Reason") or ""


async def joined(home: Home) -> None:
    """All legs that are left hear each other."""
    await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels), "not joined")


async def back_from_hold(home: Home, call: PhoneCall) -> None:
    await eventually(lambda: call.agreed is not None and call.agreed.direction == "sendrecv", "still held")
    await home.both_ways()


async def consult(phone: Phone, home: Home, number: str) -> PhoneCall:
    return phone.invite(number, home.internal, password=PASSWORD)


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
