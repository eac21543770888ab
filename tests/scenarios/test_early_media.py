"""What is heard before anybody answers (RFC 3960), and forks that answer otherwise than they rang."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringthru.media import PCMA, PCMU, SessionDescription, make_answer, read_answer
from ringthru.sip import CallProgress, Response
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse

from .home import PUBLIC, Home, extension
from .phones import PhoneCall, frame_of, hear_each_other
from .waiting import eventually


async def ringing(home: Home) -> tuple[PhoneCall, PhoneCall]:
    callee, caller = await home.registered_phone(), home.far_phone()
    call = caller.invite("1000", home.reached_at("external"))
    return call, await callee.rung()


async def heard_early(call: PhoneCall, status: int = 183) -> None:
    """The provisional response with SDP came, and is agreed on."""

    def found() -> Response | None:
        told = (each.response for each in call.events if isinstance(each, CallProgress))
        return next((each for each in told if each.body), None)

    response = await eventually(found, "no SDP before the answer")
    assert response.status == status
    call.agreed = read_answer(call.offer, SessionDescription.parse(response.body))


class TestThroughTheSwitch:
    async def test_the_caller_hears_the_called_side_before_it_answers(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        await rung.reaches(call, frame_of(1))
        await call.reaches(rung, frame_of(2))

    async def test_the_called_side_moves_its_early_media(self, home: Home) -> None:
        """An UPDATE before the answer (RFC 3311); the same SDP again in the 200 does not take it back."""
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        first, rung.audio = rung.audio, rung.phone.new_audio()
        assert (await rung.update()).status == 200
        await call.reaches(rung, frame_of(1))
        agreed, rung.agreed = rung.agreed, make_answer(rung.described, first.address, (PCMU, PCMA), 1, 1)
        same = rung.agreed.sdp
        rung.phone.act(lambda now: rung.call.answer(now, same))
        rung.agreed = agreed
        await call.answered()
        await hear_each_other(call, rung)
        first.close()

    async def test_the_caller_holds_before_the_answer(self, home: Home) -> None:
        home.switch.variables["hold_music"] = "silence"  # so that the hold itself is passed on
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        assert (await call.update("sendonly")).status == 200
        rung.answer()
        await call.answered()
        offers = await eventually(lambda: rung.phone.bodies("INVITE"), "the called phone hears of no hold")
        assert b"a=sendonly" in offers[0]
        states = {each.direction: each.call_state for each in home.switch.snapshot().channels}
        assert states == {"inbound": "HELD", "outbound": "ACTIVE"}

    async def test_then_it_answers_and_the_description_stays(self, home: Home) -> None:
        """RFC 6337 §3.1.1: the 200 repeats the answer that the 183 gave."""
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        early = call.agreed
        rung.answer()
        response = await call.answered()
        assert early is not None
        assert response.body == next(e.response.body for e in call.events if e.response.body)  # type: ignore[union-attr]
        await hear_each_other(call, rung)
        call.hang_up()
        await rung.over()
        await home.quiet()

    async def test_a_180_with_sdp_counts_as_well(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.early(status=180)
        await heard_early(call)

    async def test_the_caller_sees_the_public_address_in_it(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        assert call.agreed is not None
        assert call.agreed.remote_rtp.host == home.outside_address

    async def test_a_200_without_sdp_after_it_is_fine(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        rung.phone.act(lambda now: rung.call.answer(now, b""))
        await call.answered()
        await hear_each_other(call, rung)

    async def test_unusable_sdp_is_only_ringing(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.phone.act(lambda now: rung.call.ring(now, 183, b"nonsense"))
        assert (await call.ringing()).status == 180
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)

    async def test_the_caller_gives_up_meanwhile(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        call.hang_up()
        await rung.over()
        assert (await call.refused()).status == 487
        await home.quiet()

    async def test_the_called_side_refuses_after_all(self, home: Home) -> None:
        """An announcement, and then the true answer: "this number is not in service"."""
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        rung.reject(404)
        assert (await call.refused()).status == 404
        await home.quiet()

    async def test_users_see_it(self, home: Home) -> None:
        call, rung = await ringing(home)
        rung.early()
        await heard_early(call)
        assert {each.call_state for each in home.switch.snapshot().channels} == {"EARLY"}


async def test_ignore_early_media(found: Callable[..., Any]) -> None:
    """``{ignore_early_media=true}``: it rings, and nothing is heard before the answer."""
    data = "{ignore_early_media=true}user/1000@${domain_name}"
    home: Home = await found({PUBLIC: extension("1000", ("bridge", data))})
    await home.switch.start()
    await home.mapped()
    call, rung = await ringing(home)
    rung.early()
    response = await call.ringing()
    assert (response.status, response.body) == (180, b"")
    rung.answer()
    await call.answered()
    await hear_each_other(call, rung)


async def test_of_two_that_ring_the_one_that_answers_is_heard(found: Callable[..., Any]) -> None:
    data = "user/1000@${domain_name},user/1001@${domain_name}"
    home: Home = await found({PUBLIC: extension("2000", ("bridge", data))})
    await home.switch.start()
    await home.mapped()
    one, other = await home.registered_phone("1000"), await home.registered_phone("1001")
    call = home.far_phone().invite("2000", home.reached_at("external"))
    first, second = await one.rung(), await other.rung()
    first.early()
    await heard_early(call)
    second.early(codecs=(PCMA,))
    await first.reaches(call, frame_of(1))
    second.answer(codecs=(PCMA,))
    await call.answered()
    await first.over()
    await hear_each_other_in_two_laws(call, second)


async def hear_each_other_in_two_laws(one: PhoneCall, other: PhoneCall) -> None:
    """PCMU here and PCMA there: the frames are translated, so only their number is looked at."""
    before = len(other.audio.heard)
    more = lambda: len(other.audio.heard) > before  # noqa: E731
    await eventually(more, "nothing is heard", again=lambda: one.say(frame_of(5)))


class TestAForkBeyondUs:
    """Our INVITE is forked by a proxy of the called side: several early dialogs, one answer."""

    @pytest.mark.parametrize("winner", [0, 1])
    async def test_the_answer_s_description_counts(self, home: Home, winner: int) -> None:
        callee = await home.registered_phone()
        caller = home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        audios = [callee.new_audio(), callee.new_audio()]
        agreed = [
            make_answer(rung.described, each.address, (PCMU, PCMA), number, 1)
            for number, each in enumerate(audios)
        ]
        for number, tag in enumerate(("one", "two")):
            callee.send(forked(callee.heard, 183, tag, agreed[number].sdp), home.internal)
        await heard_early(call)
        callee.send(forked(callee.heard, 200, ("one", "two")[winner], agreed[winner].sdp), home.internal)
        await call.answered()
        audio, chosen = audios[winner], agreed[winner]
        heard = lambda: audio.sources_of(frame_of(9))  # noqa: E731
        await eventually(heard, "the winner hears nothing", again=lambda: call.say(frame_of(9)))
        say = lambda: audio.say(frame_of(11), chosen.codec, chosen.remote_rtp)  # noqa: E731
        await call.hears(frame_of(11), again=say)
        for each in audios:
            each.close()


def forked(heard: list[bytes], status: int, tag: str, body: bytes) -> bytes:
    """A response to the INVITE that a phone got, by somebody else behind the same proxy."""
    invite = parse(next(each for each in heard if each.startswith(b"INVITE ")))
    assert isinstance(invite, Request)
    rows = [
        f"{name}: {value}" for name, value in invite.headers if name in ("Via", "From", "Call-ID", "CSeq")
    ]
    rows += [f"To: {invite.get('To')};tag={tag}", f"Contact: <sip:{tag}@{invite.request_uri.host}>"]
    rows += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    return (f"SIP/2.0 {status} Whatever\r\n" + "\r\n".join(rows) + "\r\n\r\n").encode() + body
