"""Music on hold, over each media engine: who hears it, and who hears it no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringthru.media import SessionDescription

from .engines import SWITCH_XML
from .hearing import hears_no_more_of, hears_tone, humming, write_wav
from .home import DEFAULT, PASSWORD, PUBLIC, RING_1000, Edit, Home, extension, setting
from .phones import PhoneCall, hear_each_other
from .waiting import eventually

VARS, INTERNAL_XML = "vars.xml", "sip_profiles/internal.xml"
STREAMS = "autoload_configs/local_stream.conf.xml"
MUSIC = 700  # Hz


def stream(folder: Path) -> Edit:
    return lambda text: text.replace(
        "</configuration>", f'<directory name="moh" path="{folder}"/></configuration>'
    )


@pytest.fixture
async def home(each_engine: Edit, found: Any, tmp_path: Path) -> Home:
    music = tmp_path / "music"
    music.mkdir()
    write_wav(music / "a.wav", 1.0, MUSIC)
    (music / "b.wav").write_bytes(b"not one")
    made: Home = await found(
        {
            DEFAULT: extension("77", ("answer", ""), ("playback", "local_stream://moh")),
            PUBLIC: RING_1000,
            STREAMS: stream(music),
            SWITCH_XML: each_engine,
        }
    )
    await made.switch.start()
    return made


async def talking(home: Home, number: str = "1000") -> tuple[PhoneCall, PhoneCall]:
    callee = await home.registered_phone()
    call = home.lan_phone("1001").invite(number, home.internal, password=PASSWORD)
    rung = await callee.rung()
    rung.answer()
    await call.answered()
    await hear_each_other(call, rung, frames=1)
    return call, rung


class TestAHeldCaller:
    @pytest.mark.parametrize("who", [0, 1])
    async def test_hears_music_until_the_call_is_taken_back(self, home: Home, who: int) -> None:
        pair = await talking(home)
        holder, other = pair[who], pair[1 - who]
        await holder.hold()
        async with humming(holder, 440):  # what a phone plays of its own is not heard beside it
            await hears_tone(other, MUSIC)
            await hears_no_more_of(other, 440)
            assert other.offers == 0  # its phone knows nothing of a hold
            await holder.hold("sendrecv")
            await hears_tone(other, 440)
            await hears_no_more_of(other, MUSIC)
        await hear_each_other(*pair)

    async def test_hears_no_more_of_it_after_a_transfer(self, home: Home) -> None:
        call, rung = await talking(home)
        await call.hold()
        await hears_tone(rung, MUSIC)
        await call.refer(f"<sip:9197@{home.address}>")
        await hears_tone(rung, 1004)
        await hears_no_more_of(rung, MUSIC)

    async def test_hears_it_too_when_an_operator_holds_it(self, home: Home) -> None:
        call, rung = await talking(home)
        leg = next(iter(home.switch.calls.channels.values()))
        leg.hold(True)
        await hears_tone(call, MUSIC)
        leg.hold(False)
        async with humming(rung, 440):
            await hears_tone(call, 440)
            await hears_no_more_of(call, MUSIC)

    async def test_a_stranger_behind_a_nat_hears_it_though_his_phone_has_fallen_silent(
        self, home: Home
    ) -> None:
        """His SDP names an address that leads nowhere: what showed where he is must not be forgotten."""
        await home.mapped()
        callee = await home.registered_phone()
        call = home.far_phone(shows=home.place.elsewhere).invite("1000", home.reached_at("external"))
        rung = await callee.rung()
        rung.answer()
        await call.answered()
        async with humming(call, 440), humming(rung, 600):
            await hears_tone(rung, 440)
            await hears_tone(call, 600)
        (leg,) = [each for each in home.switch.calls.channels.values() if "stranger" in each.name]
        leg.hold(True)
        await hears_tone(call, MUSIC)

    async def test_everything_is_given_back_when_somebody_hangs_up(self, home: Home) -> None:
        call, rung = await talking(home)
        await call.hold()
        await hears_tone(rung, MUSIC)
        rung.hang_up()
        await call.over()
        await home.quiet()


async def test_all_listeners_hear_it_at_the_same_place(home: Home) -> None:
    """A frame of the second one's is one that the first hears at about that moment."""
    calls = [home.lan_phone(user).invite("77", home.internal, password=PASSWORD) for user in ("1001", "1002")]
    for call in calls:
        await call.answered()
        await hears_tone(call, MUSIC)
    sounds = home.switch.calls.sounds
    one, two = [await sounds.load("local_stream://moh", {}) for _ in range(2)]
    assert one.ulaw is two.ulaw
    assert 0 <= (two.start - one.start) % len(one.ulaw) < 4000


class TestWhichMusic:
    @pytest.mark.parametrize(
        ("number", "edits", "frequency"),
        [
            (
                "1000",
                {VARS: lambda text: text.replace("local_stream://moh", "tone_stream://%(1000,0,500)")},
                500,
            ),
            ("1000", {INTERNAL_XML: setting("hold-music", "%(1000,0,600)")}, 600),
            (
                "78",
                {
                    DEFAULT: extension("78", ("set", "hold_music=%(1000,0,800)"), ("bridge", "user/1000")),
                    INTERNAL_XML: setting("hold-music", "%(1000,0,600)"),
                },
                800,
            ),
        ],
    )
    async def test_the_nearest_word_holds(self, found: Any, number: str, edits: Any, frequency: int) -> None:
        home: Home = await found(edits)
        await home.switch.start()
        call, rung = await talking(home, number)
        await call.hold()
        await hears_tone(rung, frequency)

    async def test_without_files_it_is_our_own_tones(self, found: Any) -> None:
        home: Home = await found()
        await home.switch.start()
        call, rung = await talking(home)
        await call.hold()
        await eventually(lambda: len({each for each, _ in rung.audio.heard}) > 50, "there is no music")

    async def test_what_cannot_be_played_is_silence_and_a_warning(self, found: Any, caplog: Any) -> None:
        home: Home = await found({VARS: lambda text: text.replace("local_stream://moh", "/nowhere.wav")})
        await home.switch.start()
        call, rung = await talking(home)
        await call.hold()
        await eventually(lambda: "hold_music: cannot read /nowhere.wav" in caplog.text)
        await call.hold("sendrecv")
        await hear_each_other(call, rung)

    async def test_silence_passes_the_hold_on(self, found: Any) -> None:
        plan = extension("78", ("set", "hold_music=silence"), ("bridge", "user/1000"))
        home: Home = await found({DEFAULT: plan})
        await home.switch.start()
        call, rung = await talking(home, "78")
        await call.hold()
        await eventually(lambda: rung.offers, "its phone is not told")
        offer = SessionDescription.parse(rung.phone.bodies("INVITE")[-1])
        assert "sendonly" in [name for name, _ in offer.media[0].attributes]
