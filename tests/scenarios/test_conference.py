"""Conferences, over each media engine: who hears whom, and what is done to them from outside."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ringthru.console.conference import conference
from ringthru.media import PCMA, holds_tone
from ringthru.media.sound.tones import tone_share

from .engines import SWITCH_XML
from .hearing import hears_tone, humming, share
from .home import DEFAULT, PASSWORD, Edit, Home, extension
from .phones import PhoneCall
from .waiting import eventually

CONFERENCE = "autoload_configs/conference.conf.xml"
TONES = (500, 800, 1100, 1540, 2150)  # Hz, of those who talk
ENTERS, LEAVES, KICKED = 640, 930, 1310  # Hz, of the room's own sounds


def parameter(name: str, value: str) -> Edit:
    return lambda text: text.replace(
        '<profile name="default">', f'<profile name="default"><param name="{name}" value="{value}"/>'
    )


def quiet(text: str) -> str:
    """No sounds but what people say."""
    for name in ("enter", "exit", "moh", "muted", "unmuted"):
        text = text.replace(f'name="{name}-sound"', 'name="comfort-noise"')
    return text


@pytest.fixture
async def home(each_engine: Edit, found: Any) -> Home:
    made: Home = await found({CONFERENCE: quiet, SWITCH_XML: each_engine})
    await made.switch.start()
    return made


async def calls_in(home: Home, number: str = "3000", count: int = 3, **options: Any) -> list[PhoneCall]:
    calls = []
    for user in range(1001, 1001 + count):
        call = home.lan_phone(str(user)).invite(number, home.internal, password=PASSWORD, **options)
        await call.answered()
        await eventually(lambda: size(home) == len(calls) + 1, "nobody came in")
        calls.append(call)
    return calls


def size(home: Home, room: str = "3000") -> int:
    found = home.switch.calls.conferences.rooms.get(room)
    return len(found.members) if found is not None else 0


async def hears_only(call: PhoneCall, *frequencies: int) -> None:
    """All of these at once, and of the other tones nothing."""
    most, enough = 0.03, 0.8 / max(len(frequencies), 1) / 2

    def so() -> bool:
        heard = {each: share(call, each) for each in TONES}
        return all((heard[each] >= enough) if each in frequencies else (heard[each] < most) for each in TONES)

    await eventually(so, f"{call.phone.user} does not hear {frequencies} alone")


class TestThreeOfThem:
    async def test_each_hears_the_two_others_and_not_itself(self, home: Home) -> None:
        one, two, three = await calls_in(home)
        async with humming(one, TONES[0]), humming(two, TONES[1]), humming(three, TONES[2]):
            await hears_only(one, TONES[1], TONES[2])
            await hears_only(two, TONES[0], TONES[2])
            await hears_only(three, TONES[0], TONES[1])
            three.hang_up()
            await eventually(lambda: size(home) == 2)
            await hears_only(one, TONES[1])
            await hears_only(two, TONES[0])
        for call in (one, two):
            call.hang_up()
        await home.quiet()
        assert not home.switch.calls.conferences.rooms

    async def test_a_phone_of_the_other_law(self, home: Home) -> None:
        one, two = await calls_in(home, count=2, codecs=(PCMA,))
        async with humming(one, TONES[0], "PCMA"):

            def heard() -> bool:
                frames = [each for each, _ in two.audio.heard][-20:]
                return holds_tone(frames, TONES[0], "PCMA")

            await eventually(heard, "it is not heard in A-law")

    async def test_a_phone_whose_packets_come_out_of_order_is_heard_whole(self, home: Home) -> None:
        one, two = await calls_in(home, count=2)

        def whole() -> bool:
            frames = [each for each, _ in two.audio.heard][-40:]
            return len(frames) == 40 and all(tone_share([each], TONES[0]) > 0.9 for each in frames)

        async with humming(one, TONES[0], swapped=True):
            await eventually(whole, "there are holes in it")

    async def test_muted_and_deaf(self, home: Home) -> None:
        one, two, three = await calls_in(home)
        async with humming(one, TONES[0]), humming(two, TONES[1]), humming(three, TONES[2]):
            assert await conference(home.switch, "3000 mute 1") == "+OK mute 1\n"
            await hears_only(two, TONES[2])
            assert await conference(home.switch, "3000 unmute 1") == "+OK unmute 1\n"
            await hears_only(two, TONES[0], TONES[2])
            assert await conference(home.switch, "3000 deaf last") == "+OK deaf 3\n"
            await hears_only(three)
            await hears_only(two, TONES[0], TONES[2])
            assert await conference(home.switch, "3000 undeaf 3") == "+OK undeaf 3\n"
            await hears_only(three, TONES[0], TONES[1])

    async def test_a_sound_for_all_and_for_one(self, home: Home) -> None:
        one, two = await calls_in(home, count=2)
        sound = "tone_stream://%(1000,0,1100);loops=-1"
        assert await conference(home.switch, f"3000 play {sound}") == f"+OK (play) Playing file {sound}\n"
        await hears_only(one, 1100)
        await hears_only(two, 1100)
        assert await conference(home.switch, "3000 stop all") == "+OK Stopped 1 files.\n"
        await hears_only(two)
        told = await conference(home.switch, f"3000 play {sound} 2")
        assert told == f"+OK (play) Playing file {sound} to member 2\n"
        await hears_only(two, 1100)
        await hears_only(one)
        assert await conference(home.switch, "3000 stop all 2") == "+OK Stopped 1 files.\n"
        await hears_only(two)


class TestFiveOfThem:
    """Who comes and who goes is heard by all; who is sent away is told so, and nobody else is disturbed."""

    @pytest.fixture
    async def room(self, each_engine: Edit, found: Any) -> Home:
        def sounds(text: str) -> str:
            text = quiet(text).replace('name="comfort-noise"', 'name="unused"')
            for name, hertz in (("enter", ENTERS), ("exit", LEAVES), ("kicked", KICKED)):
                text = parameter(f"{name}-sound", f"tone_stream://%(900,0,{hertz})")(text)
            return text

        made: Home = await found({CONFERENCE: sounds, SWITCH_XML: each_engine})
        await made.switch.start()
        return made

    async def test_each_hears_the_four_others_and_the_rest_when_one_is_kicked(self, room: Home) -> None:
        calls: list[PhoneCall] = []
        for user in ("1000", "1001", "1002", "1003", "1000"):
            call = room.lan_phone(user).invite("3000", room.internal, password=PASSWORD)
            await call.answered()
            for other in calls:
                await hears_tone(other, ENTERS)
            await eventually(lambda: size(room) == len(calls) + 1, "nobody came in")
            calls.append(call)
        async with AsyncExitStack() as talking:
            for call, hertz in zip(calls, TONES, strict=True):
                await talking.enter_async_context(humming(call, hertz))
            for call, hertz in zip(calls, TONES, strict=True):
                await hears_only(call, *(each for each in TONES if each != hertz))
            assert await conference(room.switch, "3000 kick 3") == "+OK kicked 3\n"
            await asyncio.gather(
                hears_tone(calls[0], LEAVES, 0.1),
                hears_tone(calls[4], LEAVES, 0.1),
                hears_tone(calls[2], KICKED),
            )
            await calls[2].over()
            del calls[2]
            left = [each for each in TONES if each != TONES[2]]
            for call, hertz in zip(calls, left, strict=True):
                await hears_only(call, *(each for each in left if each != hertz))
        assert await conference(room.switch, "3000 list count") == "4\n"
        for call in calls:
            call.hang_up()
        await room.quiet()
        assert not room.switch.calls.conferences.rooms


class TestWhoComesIn:
    async def test_nobody_when_it_is_locked(self, home: Home) -> None:
        await calls_in(home, count=1)
        assert await conference(home.switch, "3000 lock") == "+OK 3000 locked\n"
        late = home.lan_phone("1002").invite("3000", home.internal, password=PASSWORD)
        await late.answered()
        await hears_tone(late, 400, 0.3)  # that it may not
        await late.over()
        assert size(home) == 1
        assert await conference(home.switch, "3000 unlock") == "+OK 3000 unlocked\n"
        again = home.lan_phone("1002").invite("3000", home.internal, password=PASSWORD)
        await again.answered()
        await eventually(lambda: size(home) == 2)

    async def test_no_more_than_the_profile_lets_in(self, found: Any) -> None:
        home: Home = await found({CONFERENCE: lambda text: text.replace('value="50"', 'value="1"')})
        await home.switch.start()
        await calls_in(home, count=1)
        late = home.lan_phone("1002").invite("3000", home.internal, password=PASSWORD)
        await late.answered()
        await late.over()
        assert size(home) == 1

    @pytest.mark.parametrize(("keys", "lets_in"), [("4711", True), ("12# 4711", True), ("1# 2# 3#", False)])
    async def test_only_who_knows_the_pin(self, found: Any, keys: str, lets_in: bool) -> None:
        home: Home = await found({CONFERENCE: parameter("pin", "4711")})
        await home.switch.start()
        call = home.lan_phone("1001").invite("3000", home.internal, password=PASSWORD)
        await call.answered()
        first, *others = keys.split()
        call.press(first)
        for more in others:
            await hears_tone(call, 400, 0.3)  # that it was the wrong one
            call.press(more)
            call.audio.heard.clear()
        if lets_in:
            await eventually(lambda: size(home) == 1)
        else:
            await call.over()
            assert size(home) == 0

    @pytest.mark.parametrize("data", ["", "@default", "3000@nowhere", "bridge:3000:user/1000"])
    async def test_what_names_none_ends_the_call(self, found: Any, data: str, caplog: Any) -> None:
        home: Home = await found({DEFAULT: extension("77", ("conference", data))})
        await home.switch.start()
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        await eventually(lambda: call.events and not home.switch.calls.channels)
        assert "conference" in caplog.text


class TestSoundsOfTheRoom:
    async def test_who_is_alone_hears_music_until_another_comes(self, found: Any) -> None:
        music = lambda text: text.replace('"$${hold_music}"', '"%(1000,0,800)"')  # noqa: E731
        home: Home = await found({CONFERENCE: music})
        await home.switch.start()
        (one,) = await calls_in(home, count=1)
        await hears_tone(one, 800)
        two = home.lan_phone("1002").invite("3000", home.internal, password=PASSWORD)
        await two.answered()
        await eventually(lambda: size(home) == 2)
        await hears_only(one)

    async def test_somebody_comes(self, found: Any) -> None:
        def loud(text: str) -> str:
            text = text.replace('"$${hold_music}"', '""')
            return text.replace("v=-20;%(150,0,500,600)", "%(800,0,800)")

        home: Home = await found({CONFERENCE: loud})
        await home.switch.start()
        (one,) = await calls_in(home, count=1)
        await hears_tone(one, 800)


class TestKeys:
    async def test_nought_mutes_and_the_hash_ends_it(self, home: Home) -> None:
        (call,) = await calls_in(home, count=1)
        (member,) = home.switch.calls.conferences.rooms["3000"].members.values()
        call.press("0")
        await eventually(lambda: member.muted)
        call.press("0")
        await eventually(lambda: not member.muted)
        call.press("*")
        await eventually(lambda: member.muted and member.deaf)
        call.press("#")
        await call.over()
        await home.quiet()


class TestTheCommand:
    async def test_lists(self, home: Home) -> None:
        assert await conference(home.switch, "list") == "+OK No active conferences.\n"
        call, _ = await calls_in(home, count=2)
        one, two = home.switch.calls.channels.values()
        heading = "+OK Conference 3000 (2 members rate: 8000 flags: running|answered|dynamic)\n"
        rows = (
            f"1;{one.name};{one.uuid};{one.caller.name};1001;hear|speak;0;0;100\n"
            f"2;{two.name};{two.uuid};{two.caller.name};1002;hear|speak;0;0;100\n"
        )
        assert await conference(home.switch, "list") == heading + rows
        assert await conference(home.switch, "3000 list") == rows
        assert await conference(home.switch, "3000 list count") == "2\n"
        assert (await conference(home.switch, "3000 list delim |")).startswith(f"1|{one.name}|")
        async with humming(call, 500):
            await eventually(lambda: home.switch.calls.conferences.rooms["3000"].members[1].talking)
            assert "hear|speak|talking" in await conference(home.switch, "3000 list")

    async def test_sends_one_away_whose_dialplan_goes_on(self, found: Any) -> None:
        plan = extension("77", ("answer", ""), ("conference", "3000@default"), ("echo", ""))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        (call,) = await calls_in(home, "77", count=1)
        assert await conference(home.switch, "3000 kick all") == "+OK kicked 1\n"
        await eventually(lambda: size(home) == 0)
        async with humming(call, 500):
            await hears_tone(call, 500)

    async def test_presses_keys(self, home: Home) -> None:
        (call,) = await calls_in(home, count=1)
        told = await conference(home.switch, "3000 dtmf 1 5")
        assert told == "+OK sent 5 to 1\n"
        await eventually(lambda: [each for each, _ in call.audio.heard if len(each) == 4 and each[0] == 5])

    @pytest.mark.parametrize(
        ("order", "told"),
        [
            ("", "-USAGE: "),
            ("4711 list", "-ERR Conference 4711 not found\n"),
            ("3000 mute 9", "-ERR Non-Existant ID 9\n"),
            ("3000 mute", "-USAGE: mute "),
            ("3000 dance", "-ERR Conference command 'dance' not found.\n"),
            ("3000 play /nowhere.wav", "-ERR (play) File: /nowhere.wav not found: cannot read /nowhere.wav"),
            ("3000 play ../../etc/passwd", "-ERR (play) File: ../../etc/passwd not found: "),
            ("3000 play tone_stream://%(1) 9", "-ERR Non-Existant ID 9\n"),
            ("3000 dtmf 1 x", "-ERR 'x' are no keys of a telephone\n"),
            ("3000 stop all 9", "-ERR Non-Existant ID 9\n"),
        ],
    )
    async def test_says_what_is_wrong(self, found: Any, order: str, told: str) -> None:
        home: Home = await found()
        await home.switch.start()
        await calls_in(home, count=1)
        assert (await conference(home.switch, order)).startswith(told)
