"""``originate`` calls somebody and says how it went, in FreeSWITCH's words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringthru.sip import CallCancelled, CallEnded
from ringthru.switch.calls.causes import HangupCause

from .home import DIRECTORY, Edit, Home
from .phones import PhoneCall, hear_each_other, hears_itself
from .waiting import eventually


async def originated(home: Home, phone: Any, url: str, extension: str, **how: Any) -> tuple[PhoneCall, str]:
    asked = asyncio.ensure_future(home.switch.originate(url, extension, **how))
    rung = await phone.rung()
    rung.ring()
    rung.answer()
    return rung, await asked


def uuid_of(said: str) -> str:
    word, _, uuid = said.partition(" ")
    assert word == "+OK"
    assert len(uuid) == 36
    return uuid


class TestItIsAnswered:
    async def test_a_user_hears_himself(self, home: Home) -> None:
        phone = await home.registered_phone()
        rung, said = await originated(home, phone, "user/1000", "&echo")
        uuid = uuid_of(said)
        assert [each.uuid for each in home.switch.snapshot().channels] == [uuid]
        await hears_itself(rung)
        rung.hang_up()
        await home.quiet()

    async def test_an_address_is_parked(self, home: Home) -> None:
        phone = home.lan_phone("9196")
        rung, said = await originated(home, phone, f"sofia/internal/sip:9196@{phone.address}", "&park")
        uuid = uuid_of(said)
        (channel,) = home.switch.snapshot().channels
        assert (channel.uuid, channel.application, channel.call_state) == (uuid, "park()", "ACTIVE")
        leg = home.switch.calls.channels[uuid]
        assert home.switch.kill(uuid, "MANAGER_REQUEST")
        assert leg.cause is HangupCause.MANAGER_REQUEST  # the reason given, not that of the BYE's own event
        assert isinstance(await rung.over(), CallEnded)
        assert not home.switch.kill(uuid, "NORMAL_CLEARING")

    async def test_a_user_is_sent_to_the_dialplan(self, home: Home) -> None:
        phone = await home.registered_phone()
        rung, said = await originated(home, phone, "user/1000", "9196", dialplan="XML", context="default")
        uuid_of(said)
        await hears_itself(rung)

    async def test_one_is_joined_to_another(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        first, said = await originated(home, one, "user/1000", "&bridge(user/1001)")
        uuid_of(said)
        second = await other.rung()
        second.answer()
        await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
        await hear_each_other(first, second)
        second.hang_up()
        await first.over()
        await home.quiet()

    async def test_far_away(self, home: Home) -> None:
        far = home.far_phone("bob")
        rung, said = await originated(home, far, f"sofia/external/sip:bob@{far.address}", "&echo")
        uuid_of(said)
        assert rung.call.request.contact is not None
        assert rung.call.request.contact.uri.host == home.outside_address
        assert f"Via: SIP/2.0/UDP {home.outside_address}:5080;" in rung.call.request.encode().decode()
        await hears_itself(rung)
        assert home.private_prefix not in far.text

    async def test_the_caller_id_is_shown(self, home: Home) -> None:
        phone = await home.registered_phone()
        rung, _ = await originated(
            home, phone, "user/1000", "&park", caller_name="Front door", caller_number="77"
        )
        sender = rung.call.request.from_
        assert (sender.display, sender.uri.user) == ("Front door", "77")

    async def test_variables_of_the_dial_string(self, home: Home) -> None:
        phone = await home.registered_phone()
        variables = (
            "{origination_uuid=11111111-2222-3333-4444-555555555555,origination_caller_id_number=4711}"
        )
        rung, said = await originated(home, phone, f"{variables}user/1000", "&park")
        assert said == "+OK 11111111-2222-3333-4444-555555555555"
        assert rung.call.request.from_.uri.user == "4711"


class TestByEachName:
    """Every way to name one phone, and ``sofia/PROFILE/USER`` reads registrations and not the directory."""

    @pytest.mark.parametrize(
        "url",
        [
            "user/1000",
            "user/1000@DOMAIN",
            "USER/1000",
            "sofia/internal/1000",
            "sofia/internal/1000%DOMAIN",
            "sofia/DOMAIN/1000",  # a domain of the directory is an alias of the profile
            "sofia/internal/sip:1000@PHONE",
            "sofia/internal/1000@PHONE;transport=udp",
            "sofia/external/1000@PHONE^1000@example.org",
            "error/user_busy|user/1000",
            "error/user_busy,user/1000",
            "error/user_busy:_:user/1000",
            "<a=1>{^^:b=2,3:c=4}[d='5,6']user/1000",
        ],
    )
    async def test_the_phone_rings(self, home: Home, url: str) -> None:
        phone = await home.registered_phone()
        named = url.replace("DOMAIN", home.address).replace("PHONE", str(phone.address))
        rung, said = await originated(home, phone, named, "&echo")
        uuid_of(said)
        await hears_itself(rung)

    @pytest.mark.parametrize(
        ("url", "cause"),
        [
            ("sofia/internal/1000%elsewhere.example", "USER_NOT_REGISTERED"),
            ("sofia/external/1000", "USER_NOT_REGISTERED"),  # he is on the other profile
            ("group/nobody", "NO_ROUTE_DESTINATION"),
            ("error/17", "USER_BUSY"),
            ("error/nonsense", "NORMAL_UNSPECIFIED"),
            ("[leg_timeout=0.05]user/1000", "NO_ANSWER"),
            ("{leg_timeout=0.05}user/1000|error/user_busy", "USER_BUSY"),
        ],
    )
    async def test_or_it_is_said_why_not(self, home: Home, url: str, cause: str) -> None:
        await home.registered_phone()
        assert await home.switch.originate(url, "&echo") == f"-ERR {cause}"


class TestItIsNot:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("error/user_busy", "-ERR USER_BUSY"),
            ("error/USER_BUSY", "-ERR USER_BUSY"),
            ("user/1000", "-ERR USER_NOT_REGISTERED"),
            ("user/1000@nowhere.example", "-ERR SUBSCRIBER_ABSENT"),
            ("user/4711", "-ERR SUBSCRIBER_ABSENT"),
            ("sofia/internal/1000", "-ERR USER_NOT_REGISTERED"),
            ("sofia/nowhere/sip:1000@127.0.0.1", "-ERR INVALID_PROFILE"),
            ("pots/1000", "-ERR CHAN_NOT_IMPLEMENTED"),
            ("", "-ERR INVALID_URL"),
            ("nonsense", "-ERR INVALID_URL"),
            ("{unclosed", "-ERR INVALID_URL"),
            ("sofia/internal/sip:a b@127.0.0.1", "-ERR INVALID_URL"),
            ("error/user_busy|user/1000", "-ERR USER_NOT_REGISTERED"),
        ],
    )
    async def test_at_once(self, home: Home, url: str, said: str) -> None:
        assert await home.switch.originate(url, "&echo") == said
        assert not home.switch.calls.channels

    @pytest.mark.parametrize(
        ("status", "said"),
        [(486, "-ERR USER_BUSY"), (603, "-ERR CALL_REJECTED"), (404, "-ERR UNALLOCATED_NUMBER")],
    )
    async def test_the_phone_refuses(self, home: Home, status: int, said: str) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "&echo"))
        (await phone.rung()).reject(status)
        assert await asked == said
        await home.quiet()

    async def test_nobody_answers(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "&echo", timeout=0.05))
        rung = await phone.rung()
        rung.ring()
        assert await asked == "-ERR NO_ANSWER"
        assert isinstance(await rung.over(), CallCancelled)

    async def test_an_application_that_does_not_exist_rings_nobody(self, home: Home) -> None:
        phone = await home.registered_phone()
        for nonsense in ("&coffee", "&echo(", "&"):
            assert (await home.switch.originate("user/1000", nonsense)).startswith("-ERR ")
        assert not phone.calls

    async def test_the_one_who_asked_goes_away(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "&echo"))
        rung = await phone.rung()
        rung.ring()
        asked.cancel()
        assert isinstance(await rung.over(), CallCancelled)
        await home.quiet()

    async def test_the_switch_stops_meanwhile(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "&echo"))
        rung = await phone.rung()
        rung.ring()
        await home.switch.stop()
        assert (await asked).startswith("-ERR ")
        assert isinstance(await rung.over(), CallCancelled)

    async def test_a_number_that_the_context_lacks(self, home: Home) -> None:
        phone = await home.registered_phone()
        rung, said = await originated(home, phone, "user/1000", "0800")
        uuid_of(said)  # answered all the same; then the dialplan ends it
        assert isinstance(await rung.over(), CallEnded)

    async def test_a_user_without_a_dial_string(self, found: Any) -> None:
        bare: Edit = lambda text: text.replace('name="dial-string"', 'name="other"')  # noqa: E731
        home: Home = await found({DIRECTORY: bare})
        await home.switch.start()
        assert await home.switch.originate("user/1000", "&echo") == "-ERR MANDATORY_IE_MISSING"
