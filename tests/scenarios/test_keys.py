"""Keys through the switch: RTP events and INFO, and one made of the other where the sides differ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.media import PCMU, make_answer
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.telephone_event import KEYS, KeyListener, TelephoneEvent
from ringthru.media.sound.g711 import silence
from ringthru.media.sound.tone_script import read_tones
from ringthru.switch.configuration import ConfigurationError

from .bridged import connected
from .engines import SWITCH_XML
from .events import Ear
from .home import (
    DEFAULT,
    EXTERNAL_XML,
    INTERNAL_XML,
    PASSWORD,
    PUBLIC,
    RING_1000,
    Edit,
    Home,
    extension,
    setting,
)
from .phones import PhoneCall, frame_of, hear_each_other
from .waiting import eventually

LISTENS = extension(
    "31",
    ("answer", ""),
    ("start_dtmf", ""),
    ("read", "4 4 silence_stream://10000 found 8000 #"),
    ("stop_dtmf", ""),
    ("read", "1 1 silence_stream://2000 more 2000 #"),
    ("park", ""),
)
LISTENS_AND_RINGS = extension("32", ("start_dtmf", ""), ("bridge", "user/1000@${domain_name}"))
RELAY = ("Content-Type", "application/dtmf-relay")
PLAIN = ("Content-Type", "application/dtmf")


async def info(call: PhoneCall, body: bytes, *headers: tuple[str, str]) -> int:
    handle = call.phone.act(lambda now: call.call.ask(now, "INFO", headers, body))
    return (await call.phone.response_to(handle)).status


def press(call: PhoneCall, key: str, sequence: int = 2000) -> None:
    """One key, as RTP events, from a phone."""
    assert call.agreed is not None
    assert call.agreed.telephone_event is not None
    for number in range(1, 8):
        event = TelephoneEvent(KEYS.index(key), number > 4, 10, min(number, 5) * 160)
        packet = RtpPacket(
            call.agreed.telephone_event, sequence + number, 90_000, 4711, event.encode(), number == 1
        )
        call.audio._socket.send(packet.encode(), call.agreed.remote_rtp)


def keys_in(call: PhoneCall) -> str:
    """The keys that a phone's RTP brought."""
    listener, found = KeyListener(), ""
    for payload, _ in call.audio.heard:
        if len(payload) == 4:
            event = TelephoneEvent.decode(payload)
            key = listener.hear(payload, event.event * 10_000)  # one of each kind is all a test presses
            found += key.key if key is not None else ""
    return found


def infos(call: PhoneCall) -> list[bytes]:
    return call.phone.bodies("INFO")


class TestBothSpeakEvents:
    async def test_events_pass_as_packets(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        press(call, "5")
        await eventually(lambda: keys_in(rung) == "5", "no key")
        assert infos(rung) == []

    async def test_an_info_becomes_events(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        assert await info(call, b"Signal=9\r\nDuration=100\r\n", RELAY) == 200
        await eventually(lambda: keys_in(rung) == "9", "no key")

    async def test_the_plain_form_too(self, home: Home) -> None:
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        assert await info(call, b"#", PLAIN) == 200
        await eventually(lambda: keys_in(rung) == "#", "no key")


class TestOneSideSpeaksInfo:
    async def without_events(self, home: Home) -> tuple[PhoneCall, PhoneCall]:
        """The called phone's answer leaves telephone-event out."""
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        agreed = make_answer(rung.described, rung.audio.address, (PCMU,), 1, 1, with_keys=False)
        rung.agreed = agreed
        callee.act(lambda now: rung.call.answer(now, agreed.sdp))
        await call.answered()
        await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
        return call, rung

    async def test_events_become_an_info(self, home: Home) -> None:
        call, rung = await self.without_events(home)
        press(call, "7")
        await eventually(lambda: infos(rung), "no INFO")
        assert infos(rung) == [b"Signal=7\r\nDuration=100\r\n"]

    async def test_an_info_stays_one(self, home: Home) -> None:
        call, rung = await self.without_events(home)
        await info(call, b"Signal= *\r\nDuration= 250\r\n", RELAY)
        await eventually(lambda: infos(rung), "no INFO")
        assert infos(rung) == [b"Signal=*\r\nDuration=250\r\n"]


class TestDtmfType:
    async def home_with(self, found: Callable[..., Any], kind: str) -> Home:
        edits = {EXTERNAL_XML: setting("dtmf-type", kind), PUBLIC: RING_1000}
        home: Home = await found(edits)
        await home.switch.start()
        await home.mapped()
        return home

    @pytest.mark.parametrize("kind", ["info", "none"])
    async def test_events_are_not_agreed_to(self, found: Callable[..., Any], kind: str) -> None:
        home = await self.home_with(found, kind)
        call = home.far_phone().invite("9196", home.reached_at("external"))
        response = await call.answered()
        assert b"telephone-event" not in response.body

    async def test_info_sends_them_as_info(self, found: Callable[..., Any]) -> None:
        home = await self.home_with(found, "info")
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        press(rung, "3")
        await eventually(lambda: infos(call), "no INFO")
        assert infos(call) == [b"Signal=3\r\nDuration=100\r\n"]

    async def test_none_sends_none(self, found: Callable[..., Any]) -> None:
        home = await self.home_with(found, "none")
        call, rung = await connected(home, home.far_phone(), await home.registered_phone())
        assert await info(rung, b"Signal=3\r\n", RELAY) == 200
        assert infos(call) == []

    async def test_a_word_that_is_none_is_refused_with_its_place(self, found: Callable[..., Any]) -> None:
        with pytest.raises(ConfigurationError, match="dtmf-type"):
            await found({INTERNAL_XML: setting("dtmf-type", "smoke")})


class TestBadInfo:
    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"", (), 200),  # some phones keep a call alive by it
            (b"Signal=x\r\n", (RELAY,), 400),
            (b"nothing", (RELAY,), 400),
            (b"55", (PLAIN,), 400),
            (b"<xml/>", (("Content-Type", "application/media_control+xml"),), 415),
            (b"5", (PLAIN, ("Info-Package", "foo")), 469),
            (b"Signal=1\r\n" * 5000, (RELAY,), 200),
        ],
    )
    async def test_a_clear_answer(
        self, home: Home, body: bytes, headers: tuple[tuple[str, str], ...], status: int
    ) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        assert await info(call, body, *headers) == status

    async def test_keys_wait_for_the_dialplan(self, home: Home) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        for number in range(150):
            await info(call, b"Signal=%d\r\n" % (number % 10), RELAY)
        (channel,) = home.switch.calls.channels.values()
        assert len(channel.digits) == 100
        assert channel.digit_came.is_set()


async def talk(one: PhoneCall, other: PhoneCall) -> None:
    """Each hears the other, once the keys before are through: they silence the audio."""
    for each in (one, other):
        each.audio.heard.clear()
    await one.reaches(other, frame_of(20))
    await other.reaches(one, frame_of(21))


class TestStarAndAKey:
    """`bind_meta_app` and `att_xfer`, by a phone that sends its keys in INFO."""

    async def talking(self, found: Any, *bindings: str) -> tuple[Home, PhoneCall, PhoneCall]:
        actions = [("bind_meta_app", each) for each in bindings]
        home: Home = await found({PUBLIC: extension("77", *actions, ("bridge", "user/1000"))})
        await home.switch.start()
        await home.mapped()
        callee = await home.registered_phone("1000")
        call = home.far_phone("4711").invite("77", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung, frames=1)
        return home, call, rung

    async def star(self, call: PhoneCall, key: str) -> None:
        for each in f"*{key}":
            assert await info(call, f"Signal={each}\r\n".encode(), RELAY) == 200

    async def asking_a_third(self, found: Any) -> tuple[Home, PhoneCall, PhoneCall, PhoneCall]:
        """The called one of the two asks for 1001, which rings."""
        home, call, rung = await self.talking(found, "2 b s att_xfer::user/1001")
        second = await home.registered_phone("1001")
        await self.star(rung, "2")
        return home, call, rung, await second.rung()

    async def test_the_called_phone_sends_the_caller_elsewhere(self, found: Any) -> None:
        _, call, rung = await self.talking(found, "1 b o transfer::9196 XML default")
        await self.star(rung, "1")
        await rung.over()
        await call.reaches(call, frame_of(22))

    async def test_the_caller_s_keys_mean_nothing_then(self, found: Any) -> None:
        _, call, rung = await self.talking(found, "1 b o hangup")
        await self.star(call, "1")
        await talk(call, rung)

    async def test_it_asks_a_third_and_leaves_the_caller_with_him(self, found: Any) -> None:
        home, call, rung, third = await self.asking_a_third(found)
        third.answer()
        await eventually(lambda: len([e for e in home.switch.snapshot().channels if e.bridged_to]) == 2)
        await talk(rung, third)
        rung.hang_up()
        await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
        await talk(call, third)
        third.hang_up()
        await call.over()
        await home.quiet()

    async def test_a_third_who_refuses_leaves_the_two_together(self, found: Any) -> None:
        home, call, rung, third = await self.asking_a_third(found)
        third.reject(486)
        await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
        await talk(call, rung)
        call.hang_up()
        await rung.over()
        await home.quiet()

    async def test_a_third_who_hangs_up_leaves_the_two_together(self, found: Any) -> None:
        home, call, rung, third = await self.asking_a_third(found)
        third.answer()
        await eventually(lambda: len([e for e in home.switch.snapshot().channels if e.bridged_to]) == 2)
        third.hang_up()
        await eventually(lambda: len(home.switch.snapshot().channels) == 2)
        await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
        await talk(call, rung)

    async def test_who_waits_may_hang_up(self, found: Any) -> None:
        home, call, rung, third = await self.asking_a_third(found)
        third.answer()
        await eventually(lambda: len([e for e in home.switch.snapshot().channels if e.bridged_to]) == 2)
        call.hang_up()
        await eventually(lambda: len(home.switch.snapshot().channels) == 2)
        await talk(rung, third)
        rung.hang_up()
        await third.over()
        await home.quiet()


async def say_keys(call: PhoneCall, keys: str) -> None:
    """As tones in its sound, a frame every 20 ms; each key lasts 80 ms."""
    loop = asyncio.get_running_loop()
    frames = [*read_tones(f"d=80;w=100;{keys}").frames("PCMU", 160), *[silence("PCMU", 160)] * 10]
    began = loop.time()
    for number, frame in enumerate(frames):
        call.say(frame)
        await asyncio.sleep(max(began + number * 0.02 - loop.time(), 0))


class TestKeysThatSound:
    """``start_dtmf``: a phone that sends tones in its sound, and nothing else."""

    @pytest.fixture
    async def listening(self, each_engine: Edit, found: Any) -> Home:
        home: Home = await found({DEFAULT: [LISTENS, LISTENS_AND_RINGS], SWITCH_XML: each_engine})
        await home.switch.start()
        return home

    async def test_the_dialplan_reads_them_until_it_listens_no_more(self, listening: Home) -> None:
        ear = Ear(listening.switch, "DTMF")
        call = listening.lan_phone("1001").invite("31", listening.internal, password=PASSWORD)
        await call.answered()
        (channel,) = listening.switch.calls.channels.values()
        await eventually(lambda: channel.tone_listening is not None)
        await say_keys(call, "15*9")
        await eventually(lambda: channel.variables.get("found") == "15*9", str(channel.digits))
        await eventually(lambda: channel.tone_listening is None, "it still listens")
        await say_keys(call, "7")
        await eventually(lambda: channel.application.startswith("park"))
        assert not channel.variables.get("more")
        assert [dict(each.headers)["DTMF-Source"] for each in ear.heard] == ["INBAND_AUDIO"] * 4

    async def test_the_other_side_gets_them_as_events(self, listening: Home) -> None:
        callee = await listening.registered_phone()
        call = listening.lan_phone("1001").invite("32", listening.internal, password=PASSWORD)
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        await say_keys(call, "6")
        await eventually(lambda: keys_in(rung) == "6", "no event")
        rung.hang_up()
        await listening.quiet()
