"""Dial strings at work: who rings, together or in order, and what ``originate`` says of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringthru.lab.datagrams import Datagrams
from ringthru.media import SessionDescription, read_answer
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.sip import CallCancelled, CallEnded, Flow, Login, SipUri
from ringthru.sip.transactions.transaction import Timing
from ringthru.switch.calls import dtmf
from ringthru.switch.calls.causes import HangupCause
from ringthru.switch.calls.channel import Channel
from ringthru.switch.profiles.target import Target
from ringthru.switch.trunks.book import TrunkBook

from .home import DEFAULT, DIRECTORY, EXTERNAL_XML, PASSWORD, PUBLIC, RING_1000, Home, extension, setting
from .phones import Phone, hear_each_other, hears_itself
from .waiting import eventually

WIKI_DOMAIN = """
  <domain name="default">
    <params><param name="dial-string" value="${sofia_contact(*/${dialed_user}@${dialed_domain})}"/></params>
    <user id="105"><params><param name="password" value="correct-horse-7-battery"/></params></user>
  </domain>
</include>"""


async def uuid_of(asked: Any) -> str:
    word, _, uuid = (await asked).partition(" ")
    assert word == "+OK"
    return str(uuid)


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


class TestLoopback:
    async def test_into_our_own_dialplan(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("loopback/9196/default", "&bridge(user/1000)"))
        rung = await phone.rung()
        rung.answer()
        await uuid_of(asked)
        await eventually(lambda: sum(1 for each in home.switch.snapshot().channels if each.bridged_to) == 2)
        await hears_itself(rung)
        rung.hang_up()
        await home.quiet()

    async def test_one_application(self, home: Home) -> None:
        assert await home.switch.originate("loopback/app=hangup:USER_BUSY", "&park") == "-ERR USER_BUSY"
        await home.quiet()

    async def test_a_number_that_nobody_has(self, home: Home) -> None:
        assert await home.switch.originate("loopback/4711", "&park") == "-ERR NO_ROUTE_DESTINATION"

    async def test_in_circles(self, found: Any) -> None:
        home: Home = await found({DEFAULT: extension("77", ("bridge", "loopback/77"))})
        await home.switch.start()
        for channel in list(home.switch.calls.channels.values()):
            channel.hang_up(HangupCause.NORMAL_CLEARING)
        said = await home.switch.originate("loopback/77", "&park")
        assert said.startswith("-ERR ")
        await home.quiet()


class TestNobody:
    """``null/…``, with which people try dialplans and programs."""

    async def test_it_answers_at_once_and_is_one_leg(self, home: Home) -> None:
        uuid = await uuid_of(home.switch.originate("null/test", "&park()"))
        (channel,) = home.switch.snapshot().channels
        assert (channel.uuid, channel.name) == (uuid, "null/test")
        home.switch.calls.channels[uuid].hang_up(HangupCause.NORMAL_CLEARING)
        await home.quiet()

    async def test_it_hears_what_is_played_and_said(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("null/test", "&bridge(user/1000)"))
        rung = await phone.rung()
        rung.answer()
        leg = home.switch.calls.channels[await uuid_of(asked)]
        sent = lambda: leg.media and leg.media.report().packets_sent  # noqa: E731
        await eventually(sent, again=lambda: rung.say(bytes(160)))
        rung.hang_up()
        await home.quiet()

    async def test_an_extension_runs_on_it(self, home: Home) -> None:
        await uuid_of(home.switch.originate("null/1", "9197", context="default"))
        (leg,) = home.switch.calls.channels.values()
        await eventually(lambda: leg.media and leg.media.report().packets_sent > 2)

    async def test_later(self, home: Home) -> None:
        variables = "{null_auto_answer_delay=300000,originate_timeout=0.05}"
        assert await home.switch.originate(f"{variables}null/1", "&park") == "-ERR NO_ANSWER"
        await home.quiet()


class OneTrunk(TrunkBook):
    """A provider who is never registered with."""

    def __init__(self, home: Home, peer: Endpoint) -> None:
        super().__init__()
        self.home = home
        self.peer = peer

    async def target(self, name: str, number: str) -> Target | HangupCause:
        if name != "itsp":
            return HangupCause.INVALID_GATEWAY
        profile = self.home.switch.calls.profiles["external"]
        uri = SipUri.parse(f"sip:{number}@{self.peer}")
        way = Flow("UDP", profile.local, self.peer)
        return Target(
            profile,
            uri,
            (way,),
            "sip:me@itsp.example",
            Login("me", "secret"),
            (("X-Trunk", "1"),),
            variables=(("sip_gateway", "itsp"),),
        )


class TestTrunks:
    async def test_a_number_over_a_trunk(self, home: Home) -> None:
        provider = home.far_phone("provider")
        home.switch.calls.trunks = OneTrunk(home, provider.address)
        asked = asyncio.ensure_future(home.switch.originate("sofia/gateway/itsp/00441234", "&park"))
        rung = await provider.rung()
        request = rung.call.request
        assert (request.request_uri.user, str(request.from_.uri)) == ("00441234", "sip:me@itsp.example")
        assert request.get("X-Trunk") == "1"
        rung.answer()
        await uuid_of(asked)

    @pytest.mark.parametrize(
        ("first", "soon"), [("sofia/gateway/itsp/1", True), ("sofia/external/1@{}", False)]
    )
    async def test_a_silent_one_is_not_waited_for_where_another_is_called_next(
        self, home: Home, first: str, soon: bool
    ) -> None:
        """8 × T1 for a provider, who must say 100 at once; 64 × T1 for others, who may have to wake up."""
        silent = Datagrams(bind_udp(Endpoint(home.address, 0)), lambda data, source: heard.append(data))
        heard: list[bytes] = []
        agent = home.switch.calls.profiles["external"].agent
        agent._layer.timing = Timing(t1=0.02)
        home.switch.calls.trunks = OneTrunk(home, silent.local)
        phone = await home.registered_phone()
        dial = f"{first.format(silent.local)}|user/1000"
        asked = asyncio.ensure_future(home.switch.originate(dial, "&park"))
        (await phone.rung()).answer()
        await uuid_of(asked)
        assert (len(heard) <= 4) == soon  # in 8 × T1 there are four copies, in 64 × T1 seven
        silent.close()

    async def test_over_one_that_is_none(self, home: Home) -> None:
        assert await home.switch.originate("sofia/gateway/itsp/1", "&park") == "-ERR INVALID_GATEWAY"
        home.switch.calls.trunks = OneTrunk(home, home.external)
        assert await home.switch.originate("sofia/gateway/nobody/1", "&park") == "-ERR INVALID_GATEWAY"


class TestWhereTheAnsweredLegGoes:
    @pytest.mark.parametrize(
        ("onward", "dialplan"),
        [
            ("9196", "XML"),
            ("answer,echo", "inline"),
            ("m:;:set:a=1,2;echo", "inline"),
            ("&echo", "XML"),
            ("&echo()", "XML"),
        ],
    )
    async def test_it_echoes(self, home: Home, onward: str, dialplan: str) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", onward, dialplan=dialplan))
        rung = await phone.rung()
        rung.answer()
        await uuid_of(asked)
        await hears_itself(rung)

    async def test_to_a_dialplan_that_is_none(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "9196", dialplan="YAML"))
        rung = await phone.rung()
        rung.answer()
        await uuid_of(asked)
        await rung.over()
        assert "There is no dialplan YAML" in caplog.text
