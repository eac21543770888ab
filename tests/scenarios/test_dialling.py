"""Dial strings at work: who rings, together or in order, and what ``originate`` says of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringthru.media import SessionDescription, read_answer
from ringthru.sip import CallCancelled, CallEnded
from ringthru.switch.calls import dtmf
from ringthru.switch.calls.channel import Channel

from .home import DEFAULT, DIRECTORY, EXTERNAL_XML, PASSWORD, PUBLIC, RING_1000, Home, extension, setting
from .phones import Phone, hear_each_other, hears_itself
from .waiting import eventually, uuid_of

WIKI_DOMAIN = """
  <domain name="default">
    <params><param name="dial-string" value="${sofia_contact(*/${dialed_user}@${dialed_domain})}"/></params>
    <user id="105"><params><param name="password" value="correct-horse-7-battery"/></params></user>
  </domain>
</include>"""


class TestTheWikiPage:
    """originate sofia/internal/9996@HOST &bridge(user/105@default)"""

    async def test_calls_the_conference_and_rings_the_phone(self, found: Any) -> None:
        any_domain = lambda text: text.replace(  # noqa: E731
            '<param name="force-register-domain" value="$${domain}"/>', ""
        )
        home: Home = await found(
            {
                DIRECTORY: lambda text: text.replace("</include>", WIKI_DOMAIN),
                "sip_profiles/internal.xml": any_domain,
            }
        )
        await home.switch.start()
        await home.mapped()
        phone, conference = home.lan_phone("105"), home.far_phone("9996")
        assert (await phone.register(home.internal, PASSWORD, domain="default")).status == 200
        host = conference.address
        asked = asyncio.ensure_future(
            home.switch.originate(f"sofia/internal/9996@{host}", "&bridge(user/105@default)")
        )
        far = await conference.rung()
        far.answer()
        await uuid_of(asked)
        near = await phone.rung()
        near.answer()
        await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
        await hear_each_other(far, near)
        assert home.private_prefix not in conference.text
        far.hang_up()
        assert isinstance(await near.over(), CallEnded)
        await home.quiet()

    async def test_default_is_our_domain_where_none_is_called_so(self, found: Any) -> None:
        home: Home = await found({PUBLIC: RING_1000})
        await home.switch.start()
        phone = await home.registered_phone("1000")
        asked = asyncio.ensure_future(home.switch.originate("user/1000@default", "&echo"))
        (await phone.rung()).answer()
        await uuid_of(asked)


class TestInWhatOrder:
    async def test_both_branches_of_an_enterprise_call_ring(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(
            home.switch.originate("error/user_busy|user/1000:_:{leg_timeout=30}user/1001", "&echo")
        )
        first, second = await asyncio.gather(one.rung(), other.rung())
        second.answer()
        await uuid_of(asked)
        assert isinstance(await first.over(), CallCancelled)
        await hears_itself(second)

    async def test_a_group_of_the_directory(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(home.switch.originate("group/default", "&park"))
        first, second = await asyncio.gather(one.rung(), other.rung())
        first.answer()
        await uuid_of(asked)
        await second.over()

    async def test_who_calls_his_own_group_is_not_rung_himself(self, home: Home) -> None:
        own, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        call = own.invite("2000", home.internal, password=PASSWORD)
        rung = await other.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        assert "INVITE " not in own.text

    async def test_a_group_one_after_the_other(self, home: Home) -> None:
        other = await home.registered_phone("1003")
        asked = asyncio.ensure_future(home.switch.originate("group/default@+F", "&park"))
        (await other.rung()).answer()
        await uuid_of(asked)

    async def test_a_leg_that_is_rung_later(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(
            home.switch.originate("[leg_delay_start=60]user/1000,[leg_delay_start=0.01]user/1001", "&park")
        )
        (await other.rung()).answer()
        await uuid_of(asked)
        assert not one.calls

    async def test_a_single_refusal_can_end_it_all(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(
            home.switch.originate("{fail_on_single_reject=USER_BUSY}user/1000,user/1001|user/1001", "&park")
        )
        first, second = await asyncio.gather(one.rung(), other.rung())
        second.ring()
        first.reject(486)
        assert await asked == "-ERR USER_BUSY"
        assert isinstance(await second.over(), CallCancelled)
        assert len(other.calls) == 1

    async def test_or_only_those_that_are_named(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(
            home.switch.originate("{fail_on_single_reject=!USER_BUSY}user/1000,user/1001", "&park")
        )
        first, second = await asyncio.gather(one.rung(), other.rung())
        first.reject(486)
        second.answer()
        await uuid_of(asked)

    async def test_once_more(self, home: Home) -> None:
        phone = await home.registered_phone("1000")
        asked = asyncio.ensure_future(
            home.switch.originate("{originate_retries=2,originate_retry_sleep_ms=500}user/1000", "&park")
        )
        (await phone.rung()).reject(486)
        (await phone.rung(2)).answer()
        await uuid_of(asked)

    async def test_who_does_not_ring_in_time_is_passed_by(self, home: Home) -> None:
        one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(
            home.switch.originate("[leg_progress_timeout=0.05]user/1000|user/1001", "&park")
        )
        assert isinstance(await (await one.rung()).over(), CallCancelled)
        (await other.rung()).answer()
        await uuid_of(asked)

    async def test_nobody_in_time(self, home: Home) -> None:
        phone = await home.registered_phone("1000")
        said = await home.switch.originate("{originate_timeout=0.05}user/1000", "&park")
        assert said == "-ERR NO_ANSWER"
        assert isinstance(await (await phone.rung()).over(), CallCancelled)


class TestVariablesOfALeg:
    async def test_headers_domain_contact_and_codecs(self, home: Home) -> None:
        phone = await home.registered_phone()
        variables = (
            "{sip_h_X-Account=a\\,b,sip_h_Via=evil,sip_invite_domain=example.org,sip_contact_user=door,"
            "absolute_codec_string=PCMA,origination_caller_id_name='Front, door'}"
        )
        asked = asyncio.ensure_future(home.switch.originate(f"{variables}user/1000", "&park"))
        rung = await phone.rung()
        request = rung.call.request
        assert request.get("X-Account") == "a,b"
        assert "evil" not in phone.text
        assert (request.from_.uri.host, request.from_.display) == ("example.org", "Front, door")
        assert request.contact is not None
        assert request.contact.uri.user == "door"
        assert b"PCMU" not in request.body
        rung.answer()
        await uuid_of(asked)

    async def test_parameters_of_our_contact_stay_in_it(self, home: Home) -> None:
        phone = await home.registered_phone()
        variables = "{sip_contact_user=door,sip_invite_contact_params=;isup-oli=62;lr}"
        asked = asyncio.ensure_future(home.switch.originate(f"{variables}user/1000", "&park"))
        rung = await phone.rung()
        contact = f"Contact: <sip:door@{home.address};isup-oli=62;lr>"
        assert contact in phone.text
        rung.answer()
        uuid = await uuid_of(asked)
        home.switch.calls.channels[uuid].offer_again()
        await eventually(lambda: phone.text.count(contact) == 2)  # of the INVITE and the re-INVITE

    @pytest.mark.parametrize("params", ["a=1>;evil", "a b", "a=1\r\nX-A: 1", "a=b=c"])
    async def test_what_is_more_than_parameters_is_left_out(
        self, home: Home, params: str, caplog: Any
    ) -> None:
        phone = await home.registered_phone()
        url = f"{{sip_invite_contact_params='{params}'}}user/1000"
        asked = asyncio.ensure_future(home.switch.originate(url, "&park"))
        request = (await phone.rung()).call.request
        assert request.contact is not None
        assert not request.contact.uri.parameters
        assert request.get("X-A") is None
        assert "sip_invite_contact_params is" in caplog.text
        asked.cancel()

    async def test_a_to_of_ones_own(self, home: Home) -> None:
        far = home.far_phone("9996")
        dialled = f"sofia/external/9996@{far.address}^sip:hotline@example.org"
        asked = asyncio.ensure_future(home.switch.originate(dialled, "&park"))
        rung = await far.rung()
        assert str(rung.call.request.to.uri) == "sip:hotline@example.org"
        assert rung.call.request.request_uri.user == "9996"
        rung.answer()
        await uuid_of(asked)
        refused = await home.switch.originate(f"sofia/external/9996@{far.address}^sip:a b", "&park")
        assert refused == "-ERR INVALID_URL"

    async def test_a_line_break_makes_no_header(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(
            home.switch.originate("{sip_h_X-A=1\r\nX-B: 2,sip_h_X B=3}user/1000", "&park")
        )
        rung = await phone.rung()
        assert rung.call.request.get("X-A") is None
        assert rung.call.request.get("X-B") is None
        rung.answer()
        await uuid_of(asked)

    async def test_another_address_in_the_sdp_of_a_far_leg(self, home: Home) -> None:
        far = home.far_phone("bob")
        variables = "{rtp_adv_audio_ip=192.0.2.77}"
        asked = asyncio.ensure_future(
            home.switch.originate(f"{variables}sofia/external/bob@{far.address}", "&park")
        )
        rung = await far.rung()
        assert b"c=IN IP4 192.0.2.77" in rung.call.request.body
        rung.answer()
        await uuid_of(asked)

    @pytest.mark.parametrize("by", ["variable", "parameter"])
    async def test_audio_that_follows_nobody(self, found: Any, by: str) -> None:
        """``disable_rtp_auto_adjust`` of the leg, ``disable-rtp-auto-adjust`` of the profile."""
        edits = {EXTERNAL_XML: setting("disable-rtp-auto-adjust", "true")} if by == "parameter" else {}
        home: Home = await found(edits)
        await home.switch.start()
        await home.mapped()
        far = home.far_phone("bob")
        variables = "{disable_rtp_auto_adjust=true}" if by == "variable" else ""
        asked = asyncio.ensure_future(
            home.switch.originate(f"{variables}sofia/external/bob@{far.address}", "&park")
        )
        rung = await far.rung()
        rung.answer()
        await uuid_of(asked)
        (channel,) = home.switch.calls.channels.values()
        assert channel.media is not None
        assert channel.media.negotiated is not None
        assert not channel.media.negotiated.learns

    async def test_exported_ones_reach_the_other_leg(self, found: Any) -> None:
        plan = extension(
            "77",
            ("export", "sip_h_X-Both=1"),
            ("export", "nolocal:sip_h_X-There=2"),
            ("bridge", "user/1000@${domain_name}"),
        )
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        phone = await home.registered_phone("1000")
        home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        request = (await phone.rung()).call.request
        assert [request.get(f"X-{each}") for each in ("Both", "There")] == ["1", "2"]


class TestEarlyMedia:
    async def test_originate_is_content_with_it(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "&park"))
        rung = await phone.rung()
        rung.early()
        uuid = await uuid_of(asked)
        assert home.switch.calls.channels[uuid].phase.value == "EARLY"
        rung.answer()
        await eventually(lambda: home.switch.calls.channels[uuid].up)

    async def test_unless_it_is_told_to_wait(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(
            home.switch.originate("{ignore_early_media=true,originate_timeout=0.3}user/1000", "&park")
        )
        (await phone.rung()).early()
        assert await asked == "-ERR NO_ANSWER"

    async def test_the_caller_hears_the_called_side_before_it_answers(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.early()
        response = await call.ringing()
        assert response.status == 183
        call.agreed = read_answer(call.offer, SessionDescription.parse(response.body))
        await rung.reaches(call, b"\x11" * 160)
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)

    async def test_the_200_need_not_repeat_the_sdp(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.early()
        await call.ringing()
        callee.act(lambda now: rung.call.answer(now, b""))
        await call.answered()
        await hear_each_other(call, rung)


class TestConfirming:
    """A voicemail box that answers first does not take the call from the people beside it."""

    async def test_who_presses_the_key_has_the_call(self, home: Home) -> None:
        box, person = await home.registered_phone("1000"), await home.registered_phone("1001")
        asked = asyncio.ensure_future(
            home.switch.originate("{group_confirm_key=5}user/1000,user/1001", "&echo")
        )
        first, second = await asyncio.gather(box.rung(), person.rung())
        first.answer()
        second.answer()
        await eventually(lambda: sum(1 for each in home.switch.calls.channels.values() if each.up) == 2)
        dtmf.heard(channel_to(home, person), "4", 100, dtmf.BY_INFO)
        dtmf.heard(channel_to(home, person), "5", 100, dtmf.BY_INFO)
        await uuid_of(asked)
        await first.over()
        await hears_itself(second)

    async def test_nobody_does(self, home: Home) -> None:
        phone = await home.registered_phone("1000")
        asked = asyncio.ensure_future(
            home.switch.originate("{group_confirm_key=5,group_confirm_timeout=0.05}user/1000", "&echo")
        )
        rung = await phone.rung()
        rung.answer()
        assert await asked == "-ERR NO_PICKUP"
        await rung.over()

    @pytest.mark.parametrize(
        ("application", "said"), [("set a=b", "+OK"), ("hangup USER_BUSY", "-ERR USER_BUSY")]
    )
    async def test_an_application_decides(self, home: Home, application: str, said: str) -> None:
        phone = await home.registered_phone("1000")
        variables = f"{{group_confirm_key=exec,group_confirm_file='{application}'}}"
        asked = asyncio.ensure_future(home.switch.originate(f"{variables}user/1000", "&park"))
        (await phone.rung()).answer()
        assert (await asked).startswith(said)


def channel_to(home: Home, phone: Phone) -> Channel:
    channels = home.switch.calls.channels.values()
    return next(each for each in channels if each.call and each.call.flow.remote == phone.address)
