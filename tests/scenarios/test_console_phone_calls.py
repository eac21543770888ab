"""The console's phone in several calls at once, and called by others."""

from __future__ import annotations

import logging
import wave
from pathlib import Path

import pytest

from ringthru.media.sound.g711 import encode
from ringthru.media.sound.tones import tone_share
from ringthru.switch.configuration.phone_settings import PhoneSettings

from .console_phone import Pa
from .hearing import hears_tone, humming, write_wav
from .home import PASSWORD, Home
from .waiting import eventually

TWO_SECONDS = 16_000  # samples: of them one is spoken, however busy the machine is


def share_of(file: wave.Wave_read, frequency: float) -> float:
    """Of the loudest second of a recording, how much is at a frequency."""
    samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    frames = [encode(samples[at : at + 160], "PCMU") for at in range(0, len(samples) - 160, 160)]
    spoken = [frame for frame in frames if tone_share([frame], frequency)]
    assert len(spoken) >= 40, f"{len(spoken)} of {len(frames)} frames"
    return tone_share(spoken[:50], frequency)


class TestItsSound:
    async def test_a_file_is_spoken_and_what_is_heard_is_recorded(
        self, house: Home, pa: Pa, tmp_path: Path
    ) -> None:
        """The echo of the switch itself: what the microphone's file says comes back into the recording."""
        write_wav(tmp_path / "hello.wav", 1.0, 700)
        assert await pa(house, f"indev file:{tmp_path}/hello.wav") == "indev set to 2\n"
        assert await pa(house, f"outdev file:{tmp_path}/heard.wav") == "outdev set to 3\n"
        house.switch.calls.phone_settings = PhoneSettings(echo_numbers="")
        reply = await pa(house, "call 9196")
        assert reply.startswith("SUCCESS:1:")
        channel = house.switch.calls.channels[reply.strip().rpartition(":")[2]]
        assert channel.media is not None
        await eventually(lambda: channel.media.report().packets_received > 60)  # type: ignore[union-attr]
        await pa(house, "hangup")
        await house.quiet()
        with wave.open(str(tmp_path / "heard.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            assert share_of(file, 700) > 0.8

    async def test_mouth_and_ear_can_be_shut(self, house: Home, pa: Pa) -> None:
        phone = await house.registered_phone()
        assert await pa(house, "indev tone:600") == "indev set to 2\n"
        await pa(house, "call 1000")
        rung = await phone.rung()
        rung.answer()
        await hears_tone(rung, 600)
        await pa(house, "flags off mouth")
        rung.audio.heard.clear()
        await eventually(lambda: len(rung.audio.heard) > 40)
        assert tone_share([payload for payload, _ in rung.audio.heard][-20:], 600) < 0.05

    async def test_keys_go_to_the_active_call(self, house: Home, pa: Pa) -> None:
        phone = await house.registered_phone()
        await pa(house, "call 1000")
        rung = await phone.rung()
        rung.answer()
        await eventually(lambda: all(each.bridged_to for each in house.switch.snapshot().channels))
        assert await pa(house, "dtmf 12#") == "OK\n"
        await eventually(lambda: sum(len(payload) == 4 for payload, _ in rung.audio.heard) >= 9)


class TestSeveralCalls:
    async def test_one_is_active_the_others_hear_music(self, house: Home, pa: Pa) -> None:
        first, second = await house.registered_phone("1000"), await house.registered_phone("1001")
        await pa(house, "indev tone:600")
        assert (await pa(house, "call 1000")).startswith("SUCCESS:1:")
        one = await first.rung()
        one.answer()
        await hears_tone(one, 600)
        assert (await pa(house, "call 1001 XML 4711 Desk")).startswith("SUCCESS:2:")
        other = await second.rung()
        other.answer()
        await hears_tone(other, 600)
        assert await pa(house, "list") == (
            "1 portaudio/1000 [Ringthru (0000000000)] hold\n"
            "2 portaudio/1001 [Desk (4711)] active\n\n2 calls\n"
        )
        await hears_tone(one, 350)
        assert await pa(house, "switch 1") == "OK\n"
        await hears_tone(one, 600)
        await hears_tone(other, 350)
        assert await pa(house, "hangup 2") == "OK\n"
        await other.over()
        assert await pa(house, "hangup") == "OK\n"
        await one.over()
        await house.quiet()

    async def test_the_next_is_taken_up_when_the_active_one_ends(self, house: Home, pa: Pa) -> None:
        await pa(house, "call 9196")
        await pa(house, "call 9196")
        assert await pa(house, "hangup 2") == "OK\n"
        (left,) = house.switch.calls.phone.legs.values()
        await eventually(lambda: house.switch.calls.phone.active is left)
        assert await pa(house, "list") == "1 portaudio/9196 [Ringthru (0000000000)] active\n\n1 call\n"


class TestItIsCalled:
    async def test_it_rings_and_is_answered(
        self, house: Home, pa: Pa, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "ringthru")
        phone = await house.registered_phone()
        call = phone.invite("7000", house.internal, password=PASSWORD)
        await call.ringing()
        await eventually(lambda: "BRRRRING! BRRRRING! call 1" in caplog.text)
        assert await pa(house, "list") == "1 portaudio/portaudio [Extension 1000 (1000)] hold\n\n1 call\n"
        await pa(house, "indev tone:600")
        assert await pa(house, "answer") == "Answered 1 channels.\n"
        await call.answered()
        await hears_tone(call, 600)
        assert await pa(house, "answer 1") == "CALL ALREADY ANSWERED\n"
        call.hang_up()
        await house.quiet()

    async def test_it_is_refused(self, house: Home, pa: Pa) -> None:
        phone = await house.registered_phone()
        call = phone.invite("7000", house.internal, password=PASSWORD)
        await call.ringing()
        assert await pa(house, "hangup") == "OK\n"
        assert (await call.refused()).status == 603
        await house.quiet()

    async def test_it_answers_by_itself_and_records(self, house: Home, pa: Pa, tmp_path: Path) -> None:
        await pa(house, f"outdev file:{tmp_path}/heard.wav")
        phone = await house.registered_phone()
        call = phone.invite("7001", house.internal, password=PASSWORD)
        await call.answered()
        heard = tmp_path / "heard.wav"
        async with humming(call, 900):
            await eventually(lambda: heard.exists() and heard.stat().st_size > 2 * TWO_SECONDS)
        call.hang_up()
        await house.quiet()
        with wave.open(str(heard)) as file:
            assert share_of(file, 900) > 0.8

    async def test_a_transfer_takes_it_elsewhere(self, house: Home, pa: Pa) -> None:
        """An ordinary channel: what is done to legs is done to it."""
        reply = await pa(house, "call 9664")
        uuid = reply.strip().rpartition(":")[2]
        channel = house.switch.calls.channels[uuid]
        house.switch.calls.transfers.transfer(channel, "9196", None)
        await eventually(lambda: channel.application.startswith("echo("))
        assert channel.up


class TestWhoMayDialAnAddress:
    async def test_a_registered_phone_may_not(self, house: Home) -> None:
        """``sip:…`` as a number is for the console phone alone."""
        phone = await house.registered_phone()
        channel_free = phone.invite("sip%3A9196%40127.0.0.1", house.internal, password=PASSWORD)
        assert (await channel_free.refused()).status == 404
