"""What strangers and careless phones write into SIP, and what it must not do."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from ringthru.media import PCMU, SessionDescription, make_offer, read_answer

from .home import PASSWORD, PUBLIC, Home, extension
from .waiting import eventually
from .wire import HandWritten


class TestWordsThatEndInADialString:
    """Numbers, names and Contacts come from outside; commas and brackets in them must stay text."""

    @pytest.mark.parametrize("user", ["o'brien", "a,user/1001", "a(b", "[x=1]a", "{a", "a|b"])
    async def test_a_contact_of_odd_characters_rings_its_own_phone(self, home: Home, user: str) -> None:
        phone, other = home.lan_phone("1000"), await home.registered_phone("1001")
        response = await phone.register(home.internal, PASSWORD, contact=f"<sip:{user}@{phone.address}>")
        assert response.status == 200
        call = home.far_phone().invite("1000", home.reached_at("external"))
        (await phone.rung()).answer()
        await call.answered()
        assert other.calls == []

    async def test_a_contact_rings_nobody_besides(self, home: Home) -> None:
        phone, victim = home.lan_phone("1000"), home.lan_phone("victim")
        second = f"x=y,sofia/external/sip:toll@{victim.address}"
        await phone.register(home.internal, PASSWORD, contact=f"<sip:1000@{phone.address};{second}>")
        call = home.far_phone().invite("1000", home.reached_at("external"))
        (await phone.rung()).answer()
        await call.answered()
        assert victim.calls == []

    @pytest.mark.parametrize("number", ["71000,user/1001", "71000|user/1001", "7[a=1]1000", "7${x}1000"])
    async def test_a_number_rings_one_user_or_none(self, found: Any, number: str) -> None:
        home: Home = await found({PUBLIC: extension("7(.+)", ("bridge", "user/$1@${domain_name}"))})
        await home.switch.start()
        await home.mapped()
        phones = [await home.registered_phone(user) for user in ("1000", "1001")]
        assert (await home.far_phone().invite(number, home.reached_at("external")).refused()).status == 480
        assert [each.calls for each in phones] == [[], []]

    async def test_a_name_sets_no_variables(self, found: Any) -> None:
        bridge = ("bridge", "{origination_caller_id_name=${caller_id_name}}user/1000@${domain_name}")
        home: Home = await found({PUBLIC: extension("7", bridge)})
        await home.switch.start()
        await home.mapped()
        phone, other = await home.registered_phone("1000"), await home.registered_phone("1001")
        hand = HandWritten(home.far_phone("joe"), "7", home.reached_at("external"))
        words = hand.write("INVITE", 1).replace(b"<sip:joe@", b'"x}user/1001,{a=b" <sip:joe@', 1)
        hand.phone.send(words, hand.at)
        assert (await phone.rung()).call.request.from_.display == "x%7Duser/1001%2C%7Ba=b"
        assert other.calls == []


class TestACallerWhoComesWhileWeStop:
    async def test_he_is_told_to_come_again(self, home: Home) -> None:
        """The gateway may take seconds to delete our mappings, and the profiles listen until then."""
        assert home.switch.mapper is not None
        stop, stopping, go_on = home.switch.mapper.stop, asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            stopping.set()
            await go_on.wait()
            await stop()

        home.switch.mapper.stop = slow  # type: ignore[method-assign]
        ending = asyncio.ensure_future(home.switch.stop())
        await stopping.wait()
        response = await home.lan_phone().invite("9196", home.external).refused()
        assert (response.status, response.get("Retry-After")) == (503, "5")
        go_on.set()
        await ending
        assert not home.switch.calls.channels


class TestAStrangersWord:
    """What somebody far away claims moves nothing in our LAN, and leaves room for others."""

    async def test_audio_is_not_aimed_at_a_machine_of_the_lan(self, home: Home) -> None:
        victim = home.lan_phone("victim").new_audio()
        offer = make_offer(victim.address, (PCMU,), 1, 1)
        call = home.far_phone().invite("9196", home.reached_at("external"), body=offer)
        await call.answered()
        channel = next(iter(home.switch.calls.channels.values()))
        assert channel.media is not None
        call.hang_up()
        await eventually(channel.gone.is_set, "the call goes on")
        assert channel.media.report().packets_sent == 0
        victim.close()

    async def test_nor_at_somebody_else_on_the_internet(self, found: Any) -> None:
        """Music for a third party: five minutes of it for one INVITE."""
        endless = ("playback", "tone_stream://%(10000,0,440);loops=-1")
        home: Home = await found({PUBLIC: extension("7", ("answer", ""), endless)})
        await home.switch.start()
        await home.mapped()
        victim, own = home.far_phone("victim").new_audio(), home.far_phone()
        offer = make_offer(victim.address, (PCMU,), 1, 1)
        call = home.far_phone().invite("7", home.reached_at("external"), body=offer)
        answer = await call.answered()
        (channel,) = home.switch.calls.channels.values()
        beside = own.invite("7", home.reached_at("external"))
        await beside.answered()
        await eventually(lambda: len(beside.audio.heard) > 5, "nobody is spoken to")
        assert channel.media is not None
        assert channel.media.report().packets_sent == 0
        assert victim.heard == []
        at = read_answer(offer, SessionDescription.parse(answer.body)).remote_rtp
        say = lambda: victim.say(bytes(160), PCMU, at)  # noqa: E731  # so its audio really is elsewhere
        await eventually(lambda: len(victim.heard) > 5, "it is not spoken to", again=say)
        victim.close()

    async def test_a_user_may_have_his_audio_elsewhere(self, home: Home) -> None:
        """Whoever gave a password is spoken to where he says."""
        elsewhere = home.far_phone("media").new_audio()
        phone = home.far_phone("1000")
        offer = make_offer(elsewhere.address, (PCMU,), 1, 1)
        call = phone.invite("9196", home.reached_at("internal"), password=PASSWORD, body=offer)
        await call.answered()
        await eventually(lambda: elsewhere.heard, "it is not spoken to")
        elsewhere.close()

    async def test_one_caller_cannot_take_every_place(self, home: Home) -> None:
        home.switch.calls.max_channels = 4
        stranger, other = home.far_phone("stranger"), home.far_phone("other")
        at = home.reached_at("external")
        for _ in range(2):
            await stranger.invite("9196", at).answered()
        assert (await stranger.invite("9196", at).refused()).status == 503
        await other.invite("9196", at).answered()


class TestWhoCalls:
    async def test_the_directory_says_whom_the_called_side_sees(self, home: Home) -> None:
        """Not the caller: From is whatever a phone writes."""
        callee = await home.registered_phone("1001")
        caller = await home.registered_phone("1000")
        caller.user = "0190666666"
        caller.login_as = "1000"
        caller.invite("1001", home.internal, password=PASSWORD)
        shown = (await callee.rung()).call.request.from_
        assert (shown.display, shown.uri.user) == ("Extension 1000", "1000")

    async def test_a_from_without_a_host_is_challenged_for_a_real_realm(self, home: Home) -> None:
        hand = HandWritten(home.far_phone("joe"), "9196", home.reached_at("internal"))
        words = hand.write("INVITE", 1)
        hand.phone.send(re.sub(rb"From: <[^>]*>", b"From: <tel:+15551234>", words), hand.at)
        challenge = await hand.final(1)
        assert b'realm=""' not in challenge
        assert b"Proxy-Authenticate: Digest realm=" in challenge

    async def test_a_loop_through_another_switch_ends(self, home: Home) -> None:
        callee = await home.registered_phone("1000")
        hand = HandWritten(home.far_phone("joe"), "1000", home.reached_at("external"))
        hand.phone.send(hand.write("INVITE", 1).replace(b"Max-Forwards: 70", b"Max-Forwards: 5"), hand.at)
        assert (await callee.rung()).call.request.max_forwards == 4
        last = HandWritten(home.far_phone("jim"), "1000", home.reached_at("external"))
        last.phone.send(last.write("INVITE", 1).replace(b"Max-Forwards: 70", b"Max-Forwards: 1"), last.at)
        assert (await last.final(1)).startswith(b"SIP/2.0 483 ")
