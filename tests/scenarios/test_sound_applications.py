"""The dialplan's applications about sound, in calls: playing, recording, asking for keys."""

from __future__ import annotations

import os
import wave
from pathlib import Path
from typing import Any

import pytest

from ringthru.media import RtpPacket, holds_tone, tone
from ringthru.media.rtp.telephone_event import TelephoneEvent
from ringthru.media.sound.g711 import encode

from .dialled import leg
from .events import Ear
from .hearing import hears_tone, write_wav
from .home import DEFAULT, PASSWORD, Home, extension
from .phones import PhoneCall, frame_of
from .waiting import eventually


class TestSounds:
    async def test_the_milliwatt_tone(self, found: Any) -> None:
        home: Home = await found()
        await home.switch.start()
        call = home.lan_phone("1001").invite("9197", home.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 1004)

    async def test_a_file_to_its_end(self, dialled: Any, tmp_path: Path) -> None:
        write_wav(tmp_path / "a.wav", 0.4, 700)
        _, call = await dialled(("answer", ""), ("playback", str(tmp_path / "a.wav")), ("hangup", ""))
        await call.answered()
        await call.over()
        frames = [payload for payload, _ in call.audio.heard]
        assert len(frames) >= 15
        assert holds_tone(frames, 700)

    async def test_a_phrase_and_a_number(self, dialled: Any, found: Any, tmp_path: Path) -> None:
        write_wav(tmp_path / "a.wav", 0.4, 700)
        plan = (
            ("answer", ""),
            ("phrase", f"tone,{tmp_path}/a"),
            ("say", "en number iterated 7"),
            ("hangup", ""),
        )
        macro = '<macro name="tone"><input pattern="(.*)"><match><action function="play-file" data="$1.wav"/>'
        language = f'<language name="en">{macro}</match></input></macro></language>'
        section = f'<section name="languages">{language}</section>'
        edits = {
            DEFAULT: extension("77", *plan),
            "freeswitch.xml": lambda text: text.replace("</document>", f"{section}</document>"),
        }
        home: Home = await found(edits)
        await home.switch.start()
        ear = Ear(home.switch, "PLAYBACK_START")
        call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        await call.answered()
        await call.over()
        said = [each.get("Playback-File-Path") for each in ear.heard]
        assert said == [f"{tmp_path}/a.wav", "digits/7.wav"]
        assert holds_tone([payload for payload, _ in call.audio.heard], 700)

    async def test_several_one_after_the_other_before_the_answer(self, dialled: Any, tmp_path: Path) -> None:
        write_wav(tmp_path / "a.wav", 0.1, 700)
        text = f"file_string://{tmp_path}/a.wav!silence_stream://20!tone_stream://%(60,0,900)"
        _, call = await dialled(("playback", text), ("respond", "486"))
        assert (await call.ringing()).status == 183
        assert (await call.refused()).status == 486

    @pytest.mark.parametrize(
        "data", ["/nowhere.wav", "shout://radio/moh", "../etc/passwd", "", "tone_stream://%(1)", "/dev/null"]
    )
    async def test_what_cannot_be_played_is_passed_by(self, dialled: Any, data: str, caplog: Any) -> None:
        _, call = await dialled(
            ("playback", data), ("respond", "${cond('${playback_status}' == 'FILE NOT FOUND' ? 486 : 487)}")
        )
        assert (await call.refused()).status == 486
        assert "playback: " in caplog.text

    async def test_a_pipe_is_not_waited_for(self, dialled: Any, tmp_path: Path, caplog: Any) -> None:
        os.mkfifo(tmp_path / "a.wav")
        _, call = await dialled(("playback", str(tmp_path / "a.wav")), ("respond", "486"))
        assert (await call.refused()).status == 486
        assert "is no file: reading it might never end" in caplog.text

    async def test_a_key_ends_it(self, dialled: Any) -> None:
        home, call = await dialled(
            ("answer", ""),
            ("set", "playback_terminators=#"),
            ("playback", "silence_stream://-1"),
            ("set", "key=${playback_terminator_used}"),
            ("park", ""),
        )
        await call.answered()
        press(call, "1")
        press(call, "#")
        await eventually(lambda: leg(home).application == "park()")
        assert leg(home).variables["key"] == "#"

    async def test_a_late_echo(self, dialled: Any) -> None:
        _, call = await dialled(("delay_echo", "100"))
        await call.answered()
        await call.reaches(call, frame_of(1))

    async def test_what_is_said_is_kept(self, dialled: Any, tmp_path: Path) -> None:
        file = tmp_path / "kept" / "a.wav"
        home, call = await dialled(("record", f"{file} 60"), ("set", "next=yes"), ("park", ""))
        await call.answered()
        for frame in tone(500, 1.0):
            call.say(
                frame,
            )
        press(call, "*")
        await eventually(lambda: leg(home).variables.get("next"))
        with wave.open(str(file)) as kept:
            assert (kept.getframerate(), kept.getsampwidth(), kept.getnchannels()) == (8000, 2, 1)
            octets = kept.readframes(kept.getnframes())
        samples = [int.from_bytes(octets[i : i + 2], "little", signed=True) for i in range(0, len(octets), 2)]
        assert len(samples) >= 4000
        assert holds_tone([encode(samples, "PCMU")], 500)
        assert int(leg(home).variables["record_ms"]) >= 500

    async def test_what_was_said_when_the_caller_hangs_up_is_kept_too(
        self, dialled: Any, tmp_path: Path
    ) -> None:
        home, call = await dialled(("record", str(tmp_path / "a.wav")))
        await call.answered()
        enough = lambda: leg(home).snapshot().packets_received >= 10  # noqa: E731
        await eventually(enough, again=lambda: [call.say(each) for each in tone(500, 0.2)])
        call.hang_up()
        await home.quiet()
        with wave.open(str(tmp_path / "a.wav")) as kept:
            assert kept.getnframes() >= 800

    async def test_a_strangers_path_climbs_nowhere(self, dialled: Any, tmp_path: Path, caplog: Any) -> None:
        _, call = await dialled(("record", f"{tmp_path}/../x.wav"), ("hangup", ""))
        await call.answered()
        await call.over()
        assert "no part of it may be '..'" in caplog.text

    async def test_keys_are_pressed(self, dialled: Any) -> None:
        home, call = await dialled(("answer", ""), ("send_dtmf", "1w#@100"), ("hangup", ""))
        await call.answered()
        await call.over()
        events = [TelephoneEvent.decode(p) for p, _ in call.audio.heard if len(p) == 4]
        assert [each.key for each in events if each.end] == ["1"] * 3 + ["#"] * 3


def press(call: PhoneCall, key: str) -> None:
    """One key, by RFC 4733."""
    assert call.agreed is not None
    assert call.agreed.telephone_event is not None
    stamp = 16000 + "0123456789*#".index(key) * 4000  # a later key has a higher one
    for number in range(4):
        event = TelephoneEvent("0123456789*#".index(key), number == 3, 10, 160 * (number + 1))
        packet = RtpPacket(
            call.agreed.telephone_event, 40000 + ord(key) * 10 + number, stamp, 7, event.encode()
        )
        call.audio._socket.send(packet.encode(), call.agreed.remote_rtp)
