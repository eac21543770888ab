"""Calls that begin without an offer, change while they stand, and what phones ask in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringthru.media import (
    PCMA,
    PCMU,
    Codec,
    Negotiated,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
)
from ringthru.net.address import Endpoint
from ringthru.switch.configuration import ConfigurationError

from .home import EXTERNAL_XML, PASSWORD, Home, setting
from .phones import Audio, Phone, PhoneCall, frame_of, hear_each_other, hears_itself
from .waiting import eventually
from .wire import HandWritten, body_of

G729 = Codec("G729", 18)


async def echoing(home: Home) -> tuple[Phone, PhoneCall]:
    phone = home.far_phone()
    call = phone.invite("9196", home.reached_at("external"))
    await call.answered()
    await hears_itself(call, frames=2)
    return phone, call


def offer_of(call: PhoneCall, audio: Audio, version: int = 2, direction: str = "sendrecv") -> bytes:
    return make_offer(audio.address, (PCMU, PCMA), 1, version, direction=direction)


async def says_until(
    audio: Audio, frame: bytes, agreed: Negotiated, heard: Callable[[], list[Endpoint]]
) -> None:
    """Say a frame again and again, as a phone does: the engine may hear the first before the ACK is read."""

    await eventually(heard, "not heard", again=lambda: audio.say(frame, agreed.codec, agreed.remote_rtp))


class TestAnInviteWithoutAnOffer:
    """RFC 3261 §13.2.1: our offer is in the 200, the answer in the ACK."""

    async def begin(self, home: Home) -> tuple[HandWritten, Phone, bytes]:
        phone = home.far_phone()
        hand = HandWritten(phone, "9196", home.reached_at("external"))
        hand.send("INVITE", 1)
        return hand, phone, await hand.final(1)

    async def test_our_offer_is_answered_in_the_ack_and_the_echo_works(self, home: Home) -> None:
        hand, phone, response = await self.begin(home)
        assert response.startswith(b"SIP/2.0 200 ")
        audio = phone.new_audio()
        agreed = make_answer(SessionDescription.parse(body_of(response)), audio.address, (PCMU,), 1, 1)
        assert agreed.remote_rtp.host == home.outside_address
        hand.send("ACK", 1, agreed.sdp)
        await says_until(audio, frame_of(1), agreed, lambda: audio.sources_of(frame_of(1)))
        audio.close()
        hand.send("BYE", 2)
        await hand.final(2, "BYE")
        await home.quiet()

    async def test_an_ack_without_an_answer_ends_the_call(self, home: Home) -> None:
        hand, phone, _ = await self.begin(home)
        hand.send("ACK", 1)
        await eventually(lambda: any(each.startswith(b"BYE ") for each in phone.heard), "no BYE")
        await home.quiet()

    async def test_a_bridge_works_without_an_offer_too(self, home: Home) -> None:
        callee, phone = await home.registered_phone(), home.far_phone()
        hand = HandWritten(phone, "1000", home.reached_at("external"))
        hand.send("INVITE", 1)
        rung = await callee.rung()
        rung.answer(codecs=(PCMA,))
        response = await hand.final(1)
        audio = phone.new_audio()
        agreed = make_answer(SessionDescription.parse(body_of(response)), audio.address, (PCMU, PCMA), 1, 1)
        assert agreed.codec.name == "PCMA"  # what the callee already speaks
        hand.send("ACK", 1, agreed.sdp)
        await says_until(audio, frame_of(1), agreed, lambda: rung.audio.sources_of(frame_of(1)))
        heard = lambda: audio.sources_of(frame_of(2))  # noqa: E731
        await eventually(heard, "not heard", again=lambda: rung.say(frame_of(2)))
        audio.close()


class TestAReinvite:
    async def test_hold_and_on_again(self, home: Home) -> None:
        _, call = await echoing(home)
        held = await call.reinvite(offer_of(call, call.audio, 2, "sendonly"))
        assert held.status == 200
        assert b"a=recvonly" in held.body
        (leg,) = home.switch.calls.channels.values()
        before = leg.snapshot().packets_received
        counted = lambda: leg.snapshot().packets_received > before  # noqa: E731
        await eventually(counted, "not even counted", again=lambda: call.say(frame_of(40)))
        assert (await call.reinvite(offer_of(call, call.audio, 3))).status == 200
        await hears_itself(call)
        assert not call.audio.sources_of(frame_of(40))

    async def test_another_port(self, home: Home) -> None:
        phone, call = await echoing(home)
        elsewhere = phone.new_audio()
        response = await call.reinvite(offer := offer_of(call, elsewhere))
        call.agreed = read_answer(offer, SessionDescription.parse(response.body))
        old, call.audio = call.audio, elsewhere
        await hears_itself(call)
        old.close()

    async def test_our_address_stays_and_only_the_version_may_change(self, home: Home) -> None:
        _, call = await echoing(home)
        first = await call.answered()
        again = await call.reinvite(offer_of(call, call.audio, 2, "sendonly"))
        before, after = (SessionDescription.parse(each.body).origin for each in (first, again))
        assert (before.session_id, before.host) == (after.session_id, after.host)
        assert int(after.version) == int(before.version) + 1
        assert again.contact is not None
        assert first.contact is not None
        assert again.contact.uri == first.contact.uri

    async def test_a_codec_we_lack_is_488_and_the_call_goes_on(self, home: Home) -> None:
        _, call = await echoing(home)
        assert (await call.reinvite(make_offer(call.audio.address, (G729,), 1, 2))).status == 488
        await hears_itself(call)

    async def test_sdp_that_is_none_is_refused_and_the_call_goes_on(self, home: Home) -> None:
        _, call = await echoing(home)
        assert (await call.reinvite(b"nonsense")).status in (400, 488)
        await hears_itself(call)

    async def test_without_an_offer_we_offer_and_the_ack_answers(self, home: Home) -> None:
        """How some phones and every third-party call control go on after a hold."""
        phone = home.far_phone()
        hand = HandWritten(phone, "9196", home.reached_at("external"))
        audio, elsewhere = phone.new_audio(), phone.new_audio()
        hand.send("INVITE", 1, make_offer(audio.address, (PCMU,), 1, 1))
        await hand.final(1)
        hand.send("ACK", 1)
        hand.send("INVITE", 2)
        offer = SessionDescription.parse(body_of(await hand.final(2)))
        agreed = make_answer(offer, elsewhere.address, (PCMU,), 1, 2)
        hand.send("ACK", 2, agreed.sdp)
        await says_until(elsewhere, frame_of(3), agreed, lambda: elsewhere.sources_of(frame_of(3)))
        audio.close()
        elsewhere.close()

    async def test_a_bridged_phone_holds_and_comes_back(self, home: Home) -> None:
        home.switch.variables["hold_music"] = "silence"  # so that the hold itself is passed on
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        assert (await rung.reinvite(offer_of(rung, rung.audio, 2, "sendonly"))).status == 200
        await eventually(lambda: call.offers == 1, "the other side did not hear of the hold")
        assert (await rung.reinvite(offer_of(rung, rung.audio, 3))).status == 200
        await eventually(lambda: call.offers == 2, "the other side did not hear of its end")
        await home.both_ways()
        await hear_each_other(call, rung)
        assert home.public_prefix not in callee.text

    async def test_a_bridged_leg_keeps_its_codec(self, home: Home) -> None:
        """While it is offered; else it changes to another that can be made of the other side's."""
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer(codecs=(PCMU,))
        await call.answered()
        response = await rung.reinvite(make_offer(rung.audio.address, (PCMA, PCMU), 1, 2))
        assert b"PCMA" not in response.body
        assert (await rung.reinvite(make_offer(rung.audio.address, (G729,), 1, 3))).status == 488
        await hear_each_other(call, rung)
        response = await rung.reinvite(make_offer(rung.audio.address, (PCMA,), 1, 4))
        assert b" RTP/AVP 8 " in response.body


class TestQuestions:
    async def test_options_tells_what_we_can(self, home: Home) -> None:
        response = await home.far_phone().options(home.reached_at("external"))
        assert response.status == 200
        allowed = {each.strip() for each in (response.get("Allow") or "").split(",")}
        assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"} <= allowed
        assert response.get("Accept") == "application/sdp"

    async def test_options_needs_no_password(self, home: Home) -> None:
        assert (await home.lan_phone().options(home.internal)).status == 200

    async def test_an_unknown_method_is_501_with_allow(self, home: Home) -> None:
        hand = HandWritten(home.lan_phone(), "9196", home.external)
        hand.send("DANCE", 1)
        response = await hand.final(1, "DANCE")
        assert response.startswith(b"SIP/2.0 501 ")
        assert b"\r\nAllow: INVITE, " in response

    async def test_a_bye_of_no_call_is_481(self, home: Home) -> None:
        hand = HandWritten(home.lan_phone(), "9196", home.external)
        hand.send("BYE", 1)
        assert (await hand.final(1, "BYE")).startswith(b"SIP/2.0 481 ")

    async def test_info_in_a_call_is_answered(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        call = phone.invite("9196", home.internal, password=PASSWORD)
        await call.answered()
        handle = phone.act(lambda now: call.call.ask(now, "INFO", body=b"Signal=5"))
        assert (await phone.response_to(handle)).status == 200


class TestASessionRefresh:
    """RFC 4028: the timer is the user agent's; the description of a re-INVITE is the switch's."""

    async def test_a_peer_without_update_gets_a_reinvite_that_changes_nothing(self, home: Home) -> None:
        phone, call = await echoing(home)
        (channel,) = home.switch.calls.channels.values()
        assert channel.call is not None
        first = SessionDescription.parse((await call.answered()).body)
        channel.call.updates = False
        channel.call._refresh_session(channel.profile.now())
        channel.profile.act(lambda now: None)
        await eventually(lambda: phone.bodies("INVITE"), "no re-INVITE")
        again = SessionDescription.parse(phone.bodies("INVITE")[0])
        assert again.origin.session_id == first.origin.session_id
        assert again.host == first.host
        await hears_itself(call)

    async def test_the_profile_s_parameters_hold(self, found: Any) -> None:
        edit = [setting("session-timeout", "600"), setting("minimum-session-expires", "300")]
        home: Home = await found({EXTERNAL_XML: edit})
        await home.switch.start()
        await home.mapped()
        call = home.far_phone().invite("9196", home.reached_at("external"))
        response = await call.answered()
        assert (response.get("Session-Expires"), response.get("Require")) == ("600;refresher=uac", "timer")
        short = (("Session-Expires", "299"), ("Supported", "timer"))
        again = home.far_phone().invite("9196", home.reached_at("external"), headers=short)
        response = await again.answered()  # the phone asked again after the 422
        assert (response.get("Session-Expires") or "").startswith("300;")
        assert "Min-SE: 300" in again.phone.text

    async def test_switched_off(self, found: Any) -> None:
        home: Home = await found({EXTERNAL_XML: setting("enable-timer", "false")})
        await home.switch.start()
        await home.mapped()
        call = home.far_phone().invite("9196", home.reached_at("external"))
        response = await call.answered()
        assert response.get("Session-Expires") is None
        assert "timer" not in (response.get("Supported") or "")

    async def test_a_session_of_a_minute_is_no_setting(self, found: Any) -> None:
        with pytest.raises(ConfigurationError, match="session-timeout"):
            await found({EXTERNAL_XML: setting("session-timeout", "60")})


class TestBodiesThatAreNoSdp:
    async def test_415_with_what_we_accept(self, home: Home) -> None:
        hand = HandWritten(home.far_phone(), "9196", home.reached_at("external"))
        hand.send("INVITE", 1, b"hello", "Content-Type: text/plain")
        response = await hand.final(1)
        assert response.startswith((b"SIP/2.0 415 ", b"SIP/2.0 400 "))

    async def test_406_for_an_answer_that_must_not_be_sdp(self, home: Home) -> None:
        """RFC 4475 §3.3.15."""
        phone = home.far_phone()
        call = phone.invite(
            "9196", home.reached_at("external"), headers=(("Accept", "text/nobodyKnowsThis"),)
        )
        assert (await call.refused()).status == 406
