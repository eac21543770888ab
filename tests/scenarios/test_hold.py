"""Hold and resume through the switch: what one phone does, the other hears of (RFC 3264 §8.4, RFC 5359)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from ringthru.media import PCMU, SessionDescription, make_offer
from ringthru.net.values import replace
from ringthru.sip import CallAnswered, IncomingRequest
from ringthru.switch.calls.channel import Channel

from .bridged import connected
from .home import PUBLIC, RING_1000, VARS, Home, variables
from .phones import Audio, Phone, PhoneCall, frame_of, hear_each_other
from .waiting import eventually

Pair = tuple[PhoneCall, PhoneCall]


@pytest.fixture
async def home(found: Any) -> Home:
    """One without music on hold, where the hold itself is passed on."""
    made: Home = await found({PUBLIC: RING_1000, VARS: variables(hold_music="silence")})
    await made.switch.start()
    await made.mapped()
    return made


@pytest.fixture
async def talking(home: Home) -> Pair:
    callee, caller = await home.registered_phone(), home.far_phone()
    call, rung = await connected(home, caller, callee)
    await hear_each_other(call, rung, frames=1)
    return call, rung


def direction(body: bytes) -> str:
    (medium,) = SessionDescription.parse(body).media
    names = {name for name, _ in medium.attributes}
    return next(each for each in ("sendrecv", "sendonly", "recvonly", "inactive") if each in names)


async def offered(call: PhoneCall, count: int) -> str:
    """The direction of the ``count``-th offer that a phone got within its call."""
    bodies = await eventually(
        lambda: found if len(found := call.phone.bodies("INVITE")) >= count else None, f"no offer {count}"
    )
    return direction(bodies[count - 1])


class TestOneSideHolds:
    @pytest.mark.parametrize("who", [0, 1])
    async def test_the_other_side_hears_of_it_and_of_the_end(
        self, home: Home, talking: Pair, who: int
    ) -> None:
        holder, other = talking[who], talking[1 - who]
        response = await holder.hold()
        assert direction(response.body) == "recvonly"
        assert await offered(other, 1) == "sendonly"
        response = await holder.hold("sendrecv")
        assert direction(response.body) == "sendrecv"
        assert await offered(other, 2) == "sendrecv"
        await home.both_ways()
        await hear_each_other(*talking)

    async def test_inactive_is_passed_as_such(self, talking: Pair) -> None:
        await talking[1].hold("inactive")
        assert await offered(talking[0], 1) == "inactive"

    async def test_the_old_way_with_no_address(self, talking: Pair) -> None:
        """RFC 2543's hold: c=0.0.0.0."""
        holder, other = talking
        body = (
            b"v=0\r\no=- 1 7 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
            b"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        response = await holder.reinvite(body)
        assert direction(response.body) == "recvonly"
        assert await offered(other, 1) == "sendonly"

    async def test_the_version_grows_with_every_new_direction(self, talking: Pair) -> None:
        holder, other = talking
        await holder.hold()
        await offered(other, 1)
        await holder.hold("sendrecv")
        await offered(other, 2)
        origins = [SessionDescription.parse(each).origin for each in other.phone.bodies("INVITE")]
        assert int(origins[1].version) == int(origins[0].version) + 1
        assert origins[0].session_id == origins[1].session_id

    async def test_users_see_it(self, home: Home, talking: Pair) -> None:
        await talking[0].hold()
        states = {each.direction: each.call_state for each in home.switch.snapshot().channels}
        assert states == {"inbound": "HELD", "outbound": "ACTIVE"}
        await talking[0].hold("sendrecv")
        assert {each.call_state for each in home.switch.snapshot().channels} == {"ACTIVE"}

    async def test_a_held_call_is_hung_up_like_any(self, home: Home, talking: Pair) -> None:
        await talking[0].hold()
        await offered(talking[1], 1)
        talking[1].hang_up()
        await talking[0].over()
        await home.quiet()


class TestBothHold:
    async def test_each_comes_back_by_itself(self, home: Home, talking: Pair) -> None:
        call, rung = talking
        await call.hold()
        await offered(rung, 1)
        assert direction((await rung.hold()).body) == "inactive"
        assert await offered(call, 1) == "sendonly"
        response = await call.hold("sendrecv")
        assert direction(response.body) == "sendonly"  # the other one still holds
        response = await rung.hold("sendrecv")
        assert direction(response.body) == "sendrecv"
        await home.both_ways()
        await hear_each_other(call, rung)


class TestGlare:
    async def test_both_hold_at_the_same_moment(self, home: Home, talking: Pair) -> None:
        """Each offer crosses the one that the other made necessary: 491, and both get through in the end."""
        call, rung = talking
        one = call.phone.act(lambda now: call.call.reinvite(now, _hold(call)))
        two = rung.phone.act(lambda now: rung.call.reinvite(now, _hold(rung)))
        for each, handle in ((call, one), (rung, two)):
            assert (await each.phone.response_to(handle)).status == 200
        await eventually(
            lambda: {each.call_state for each in home.switch.snapshot().channels} == {"HELD"}, "not held"
        )


def _hold(call: PhoneCall) -> bytes:
    return make_offer(call.audio.address, (PCMU,), 1, 50, direction="sendonly")


async def test_a_hold_of_an_echo_call_is_nobody_else_s_business(home: Home) -> None:
    call = home.far_phone().invite("9196", home.reached_at("external"))
    await call.answered()
    assert direction((await call.hold()).body) == "recvonly"
    assert call.phone.bodies("INVITE") == []
    assert direction((await call.hold("sendrecv")).body) == "sendrecv"
    await call.reaches(call, frame_of(3))


class TestTheSwitchHolds:
    """As by ``uuid_hold``, in an echo call."""

    @pytest.fixture
    async def held(self, home: Home) -> PhoneCall:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        self.leg(home).hold(True)
        assert await offered(call, 1) == "sendonly"
        await self.settled(home)
        return call

    def leg(self, home: Home) -> Channel:
        (leg,) = home.switch.calls.channels.values()
        return leg

    async def settled(self, home: Home) -> None:
        media = self.leg(home).media
        assert media is not None
        await eventually(lambda: not media.awaits_answer, "the offer is not answered")

    async def test_who_is_taken_back_is_heard_before_its_answer(
        self, home: Home, held: PhoneCall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """RFC 3264 §8: who offers is prepared to receive from then on; audio may overtake the 200."""
        kept: list[IncomingRequest] = []
        monkeypatch.setattr(held.phone, "_answer", kept.append)
        self.leg(home).hold(False)
        assert await offered(held, 2) == "sendrecv"
        held.say(frame_of(1))
        await held.hears(frame_of(1))
        monkeypatch.undo()
        held.phone.act(lambda now: held.phone._answer(kept[0]))
        await self.settled(home)
        held.say(frame_of(2))
        await held.hears(frame_of(2))

    async def shown(self, home: Home, state: str) -> None:
        await eventually(lambda: home.switch.snapshot().channels[0].call_state == state, f"not {state}")

    async def test_who_refuses_to_be_held_is_not_shown_as_held(
        self, home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        refuse = partial(call.phone._agent.respond, status=488, now=asyncio.get_running_loop().time())
        monkeypatch.setattr(call.phone, "_answer", refuse)
        leg = self.leg(home)
        leg.hold(True)
        assert await offered(call, 1) == "sendonly"
        await eventually(lambda: not leg.held_by_us, "still held")
        await self.shown(home, "ACTIVE")
        assert "is not put on hold: its phone refused our offer" in caplog.text
        await call.reaches(call, frame_of(1))
        monkeypatch.undo()
        leg.hold(True)
        assert await offered(call, 2) == "sendonly"
        await self.settled(home)
        await self.shown(home, "HELD")

    async def test_who_refuses_to_be_taken_back_stays_on_hold(
        self, home: Home, held: PhoneCall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """RFC 3261 §14.1: after a refusal the session goes on as it was."""
        refuse = partial(held.phone._agent.respond, status=488, now=asyncio.get_running_loop().time())
        monkeypatch.setattr(held.phone, "_answer", refuse)
        leg = self.leg(home)
        leg.hold(False)
        assert await offered(held, 2) == "sendrecv"
        await self.settled(home)
        before = home.switch.snapshot().channels[0].packets_received
        held.say(frame_of(1))
        await eventually(lambda: home.switch.snapshot().channels[0].packets_received > before, "it came not")
        await self.shown(home, "HELD")
        leg.hold(False)
        monkeypatch.undo()
        assert await offered(held, 3) == "sendrecv"
        held.say(frame_of(2))
        await held.hears(frame_of(2))
        assert held.audio.sources_of(frame_of(1)) == []


class TestHeldFromTheFirstWord:
    """RFC 3264 §8.4 in the INVITE itself: a caller who holds already, or only listens."""

    def offer(self, phone: Phone, direction: str, host: str = "") -> tuple[Audio, bytes]:
        audio = phone.new_audio()
        address = replace(audio.address, host=host) if host else audio.address
        return audio, make_offer(address, (PCMU,), 1, 1, direction=direction)

    async def called(self, home: Home, offer: bytes, audio: Audio, phone: Phone) -> PhoneCall:
        call = phone.invite("9196", home.reached_at("external"), body=offer)
        call.audio, call.offer = audio, offer
        await call.answered()
        return call

    @pytest.mark.parametrize(
        ("asked", "answer"), [("sendonly", "recvonly"), ("inactive", "inactive"), ("recvonly", "sendonly")]
    )
    async def test_the_answer_fits(self, home: Home, asked: str, answer: str) -> None:
        phone = home.far_phone()
        audio, offer = self.offer(phone, asked)
        call = await self.called(home, offer, audio, phone)
        event = await call.until(CallAnswered)
        assert direction(event.response.body) == answer
        (leg,) = home.switch.snapshot().channels
        assert leg.call_state == ("ACTIVE" if asked == "recvonly" else "HELD")

    async def test_no_address_yet(self, home: Home) -> None:
        """c=0.0.0.0 in an INVITE: nothing is sent, and the call comes to life by the next offer."""
        phone = home.far_phone()
        audio, offer = self.offer(phone, "sendrecv", "0.0.0.0")
        call = await self.called(home, offer, audio, phone)
        event = await call.until(CallAnswered)
        assert direction(event.response.body) == "recvonly"
        assert direction((await call.hold("sendrecv")).body) == "sendrecv"
        await call.reaches(call, frame_of(1))

    async def test_nothing_is_sent_to_who_wants_nothing(self, home: Home) -> None:
        phone = home.far_phone()
        audio, offer = self.offer(phone, "inactive")
        call = await self.called(home, offer, audio, phone)
        came = lambda: home.switch.snapshot().channels[0].packets_received  # noqa: E731
        await eventually(came, "it came not", again=lambda: call.say(frame_of(1)))
        assert direction((await call.hold("sendrecv")).body) == "sendrecv"
        await call.reaches(call, frame_of(2))
        assert audio.sources_of(frame_of(1)) == []

    async def test_a_bridged_one_tells_the_other_leg(self, home: Home) -> None:
        callee, phone = await home.registered_phone(), home.far_phone()
        audio, offer = self.offer(phone, "sendonly")
        call = phone.invite("1000", home.reached_at("external"), body=offer)
        call.audio, call.offer = audio, offer
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        assert await offered(rung, 1) == "sendonly"
        await call.hold("sendrecv")
        assert await offered(rung, 2) == "sendrecv"
        await home.both_ways()
        await hear_each_other(call, rung)
