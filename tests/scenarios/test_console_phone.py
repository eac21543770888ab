"""The console phone: ``pa`` in the words of FreeSWITCH's, over each engine, without a sound card."""

from __future__ import annotations

import logging
import re
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ringthru.media.coding.coders import samples_of
from ringthru.media.sound.g711 import encode
from ringthru.media.sound.mixing import SILENT_FRAME
from ringthru.switch.phone.phone import ConsolePhone

from ..media.fake_sound_card import FakeCard
from .console_phone import Pa
from .engines import SWITCH_XML
from .hearing import write_wav
from .home import PUBLIC, RING_1000, Edit, Home
from .waiting import eventually


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The log since the start, from INFO on, without places and levels."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


def in_order(lines: list[str], *patterns: str) -> list[str]:
    """The first line that fits each pattern, each behind the one before."""
    found, at = [], 0
    for pattern in patterns:
        while at < len(lines) and not re.fullmatch(pattern, lines[at]):
            at += 1
        assert at < len(lines), f"no line {pattern!r} behind {found}, of:\n" + "\n".join(lines)
        found.append(lines[at])
        at += 1
    return found


class TestTheSessionOfTheWikiPage:
    @pytest.fixture
    async def homes(
        self, each_engine: Edit, new_homes: Callable[..., Awaitable[tuple[Home, Home]]]
    ) -> tuple[Home, Home]:
        return await new_homes({PUBLIC: RING_1000, SWITCH_XML: each_engine})

    async def test_line_by_line(
        self, homes: tuple[Home, Home], pa: Pa, caplog: pytest.LogCaptureFixture
    ) -> None:
        """``pa call sip:9196@…``, an echo that is heard, ``pa hangup``: what the log says, in its order."""
        here, there = homes
        echo = there.reached_at("external")
        caplog.set_level(logging.INFO, "ringthru")
        reply = await pa(here, f"call sip:9196@{echo}")
        logging.getLogger("ringthru").info("API %s", reply.strip())
        uuid = reply.strip().rpartition(":")[2]
        assert reply == f"SUCCESS:1:{uuid}\n"
        channel = here.switch.calls.channels[uuid]
        await eventually(lambda: channel.variables.get("ringthru_echo") == "heard both ways")
        far = channel.bridged_to
        assert far is not None
        logging.getLogger("ringthru").info("API %s", (await pa(here, "hangup")).strip())
        await here.quiet()
        await there.quiet()
        ours, theirs = re.escape(f"portaudio/sip:9196@{echo}"), re.escape(f"sofia/external/9196@{echo.host}")
        lines = in_order(
            said(caplog),
            rf"New Channel {ours} \[{uuid}\]",
            rf"Channel \[{ours}\] has been answered",
            rf"API SUCCESS:1:{uuid}",
            rf"Processing Ringthru <0000000000>->sip:9196@{re.escape(str(echo))} in context default",
            rf"New Channel {theirs} \[{far.uuid}\]",
            rf"Channel \[{theirs}\] has been answered",
            rf"Hangup {ours} \[CS_EXECUTE\] \[NORMAL_CLEARING\]",
            r"API OK",
            rf"Hangup {theirs} \[CS_EXCHANGE_MEDIA\] \[NORMAL_CLEARING\]",
            rf"Session \d+ \({theirs}\) Ended",
            rf"Close Channel {theirs} \[CS_DESTROY\]",
            rf"Audio of {ours}: \d+ packets in, \d+ out, .*",
            rf"Session \d+ \({ours}\) Ended",
            rf"Close Channel {ours} \[CS_DESTROY\]",
        )
        account = re.search(
            r"(\d+) packets in, (\d+) out, (\d+) lost.*; round trip (\d+) ms; echo heard; heard both ways: .*"
            r"\((\d+) of (\d+) chirps, certainty ([\d.]+) %\)",
            lines[11],
        )
        assert account is not None, lines[11]
        packets_in, packets_out, _, trip, returned, chirps, certainty = map(float, account.groups())
        assert packets_in > 50
        assert packets_out > 50
        assert trip < 250
        assert 2 <= returned <= chirps
        assert certainty > 99
        for leg in (channel, far):
            assert leg.variables["ringthru_echo"] == "heard both ways"
            assert float(leg.variables["ringthru_echo_round_trip_ms"]) < 250

    async def test_the_dialled_leg_may_choose_either_law(self, homes: tuple[Home, Home], pa: Pa) -> None:
        here, there = homes
        await pa(here, f"call sip:9196@{there.reached_at('external')}")
        await eventually(lambda: len(there.switch.calls.channels) == 1)
        (theirs,) = there.switch.calls.channels.values()
        assert theirs.offer is not None
        assert set(theirs.offer.media[0].formats) >= {"0", "8"}


class TestWithoutACall:
    async def test_what_is_said(self, house: Home, pa: Pa) -> None:
        rule = "-" * 80
        usage = await pa(house, "help")
        assert usage.startswith(f"USAGE:\n{rule}\npa help\n")
        assert usage.endswith(f"pa endpoints\n{rule}\n")
        assert usage == await pa(house, "usage") == await pa(house, "")
        for line, reply in (
            ("call", "FAIL:Usage: call <dest>\n"),
            ("hangup", "NO SUCH CALL\n"),
            ("hangup 7", "NO SUCH CALL\n"),
            ("answer", "Answered 0 channels.\n"),
            ("answer 7", "NO SUCH CALL\n"),
            ("switch 7", "NO SUCH CALL\n"),
            ("switch none", "OK\n"),
            ("dtmf", "No DTMF Supplied!\n"),
            ("list", "\n0 calls\n"),
            ("flags", "FLAGS: ear|mouth\n"),
            ("flags off mouth", "FLAGS: ear\n"),
            ("flags off ear", "FLAGS: none\n"),
            ("flags on ear mouth", "FLAGS: ear|mouth\n"),
            ("flags maybe ear", "Usage: flags [on|off] <flags>\n"),
            ("flags on nose", "Usage: flags [on|off] <flags>\n"),
            ("dance", "Unknown Command or not enough args [dance]\n"),
            ("indev", "Unknown Command or not enough args [indev]\n"),
            ("closestreams", "closestreams all open streams closed\n"),
        ):
            assert await pa(house, line) == reply, line

    async def test_devices(self, house: Home, pa: Pa) -> None:
        house.switch.calls._phone = ConsolePhone(house.switch.calls, FakeCard())
        assert await pa(house, "devlist") == (
            "0;USB Headset(ALSA);1;2;r,i,o\n1;HDMI(ALSA);0;2;\n2;null(ringthru);1;1;\n3;tone(ringthru);1;0;\n"
        )
        assert await pa(house, "outdev hdmi") == "outdev set to 1\n"
        assert await pa(house, "indev #2") == "indev set to 2\n"
        assert await pa(house, "indev 1") == "indev not set (invalid value)\n"
        assert await pa(house, "outdev nobody") == "outdev not set (invalid value)\n"
        assert await pa(house, "ringdev #0") == "ringdev set to 0\n"
        assert await pa(house, "indev file:hello.wav") == "indev set to 4\n"
        assert await pa(house, "devlist") == (
            "0;USB Headset(ALSA);1;2;r\n1;HDMI(ALSA);0;2;o\n2;null(ringthru);1;1;\n3;tone(ringthru);1;0;\n"
            "4;file:hello.wav(ringthru);1;1;i\n"
        )
        assert '<device id="1" name="HDMI"' in await pa(house, "devlist xml")
        assert await pa(house, "preparestream #0 #1") == "preparestream prepared indev: 0 outdev: 1\n"
        assert await pa(house, "switchstream #2 #0") == "switchstream switched to indev: 2 outdev: 0\n"
        assert await pa(house, "rescan") == "OK\n"
        assert "Bluetooth(ALSA)" in await pa(house, "devlist")

    async def test_without_a_sound_card_null_is_used_and_the_log_says_why(
        self, house: Home, pa: Pa, caplog: pytest.LogCaptureFixture
    ) -> None:
        card = FakeCard()
        card.names, card.device = [], (-1, -1)
        house.switch.calls._phone = ConsolePhone(house.switch.calls, card)
        assert await pa(house, "devlist") == "0;null(ringthru);1;1;r,i,o\n1;tone(ringthru);1;0;\n"
        assert "no sound device on this machine" in caplog.text

    async def test_a_device_that_fails(self, house: Home, pa: Pa) -> None:
        house.switch.calls._phone = ConsolePhone(house.switch.calls, FakeCard(broken=True))
        assert await pa(house, "call 9196") == "FAIL:Device Error!\n"
        assert not house.switch.calls.channels

    async def test_a_switch_that_takes_no_more(self, house: Home, pa: Pa) -> None:
        house.switch.calls.max_channels = 0
        assert await pa(house, "call 9196") == "FAIL:Thread Error!\n"

    async def test_the_loop_of_loudspeaker_and_microphone(
        self, house: Home, pa: Pa, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "ringthru")
        house.switch.calls.phone.loop_seconds = 0.1
        assert await pa(house, "looptest") == "looptest complete\n"
        assert "the microphone does not hear the loudspeaker" in caplog.text

    async def test_the_loop_when_the_loudspeaker_reaches_the_microphone(
        self, house: Home, pa: Pa, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the loudspeaker is told comes back to the microphone, quieter and 60 ms later."""
        caplog.set_level(logging.INFO, "ringthru")
        phone, air = house.switch.calls.phone, Air(3)
        monkeypatch.setattr(phone.streams.devices, "open_source", lambda device: air.itself())
        monkeypatch.setattr(phone.streams.devices, "open_sink", lambda device: air.itself())
        phone.loop_seconds = 4.0
        assert await pa(house, "looptest") == "looptest complete\n"
        heard = re.search(r"looptest: the microphone hears the loudspeaker after (\d+) ms", caplog.text)
        assert heard is not None, caplog.text
        assert 40 <= int(heard[1]) <= 120
        assert air.closed == 2

    async def test_sounds_on_a_device(self, house: Home, pa: Pa, tmp_path: Path) -> None:
        write_wav(tmp_path / "short.wav", 0.2, 700)
        assert await pa(house, f"outdev file:{tmp_path}/out.wav") == "outdev set to 2\n"
        assert await pa(house, f"play {tmp_path}/short.wav") == "playback test complete\n"
        with wave.open(str(tmp_path / "out.wav")) as file:
            assert file.getnframes() == 1600
        assert await pa(house, f"outdev file:{tmp_path}/other.wav") == "outdev set to 3\n"
        assert await pa(house, f"playdev #2 {tmp_path}/short.wav 1 no_close") == "playback test complete\n"
        with wave.open(str(tmp_path / "out.wav")) as file:
            assert file.getnframes() == 8000  # a second of it, again and again
        assert not (tmp_path / "other.wav").exists()
        assert await pa(house, "play ringtest 0") == "playback test complete\n"
        assert await pa(house, "playdev #9") == "playdev not set (invalid value)\n"
        reply = await pa(house, "play nobody.wav")
        assert reply.startswith("playback test failed: ")
        assert "nobody.wav" in reply

    async def test_what_is_open_and_what_rings(self, house: Home, pa: Pa) -> None:
        assert await pa(house, "shstreams") == "No open streams\n"
        assert await pa(house, "preparestream #0 #0") == "preparestream prepared indev: 0 outdev: 0\n"
        assert await pa(house, "shstreams") == "in: null\nout: null\n"
        assert await pa(house, "preparestream #0 #7") == "preparestream not prepared (invalid value)\n"
        assert await pa(house, "switchstream #7 #0") == "switchstream not switched to (invalid value)\n"
        assert await pa(house, "closestreams") == "closestreams all open streams closed\n"
        assert await pa(house, "ringdev #0") == "ringdev set to 0\n"
        assert await pa(house, "ringdev #7") == "ringdev not set (invalid value)\n"
        before = await pa(house, "ringfile")
        assert before.startswith("ring_file is ")
        assert await pa(house, "ringfile tone:440") == "ring_file set to tone:440\n"
        assert await pa(house, "ringfile") == "ring_file is tone:440\n"
        assert await pa(house, "endpoints") == "\n0 endpoints\n"
        for line in ("playdev", "preparestream #0", "switchstream", "ringdev", "outdev"):
            name = line.split()[0]
            assert await pa(house, line) == f"Unknown Command or not enough args [{name}]\n"
        assert await pa(house, "devlist xml") == (
            "<xml>\n  <devices>\n"
            '    <device id="0" name="null" hostapi="ringthru" inputs="1" outputs="1" />\n'
            '    <device id="1" name="tone" hostapi="ringthru" inputs="1" outputs="0" />\n'
            "  </devices>\n  <bindings>\n"
            '    <ring device="0" />\n    <input device="0" />\n    <output device="0" />\n'
            "  </bindings>\n</xml>\n"
        )


class Air:
    """Microphone and loudspeaker of one room: what is said is heard so many frames later, at a quarter."""

    def __init__(self, frames: int) -> None:
        self.closed = 0
        self._waiting = [SILENT_FRAME] * frames

    async def itself(self) -> Air:
        return self

    def read(self) -> bytes | None:
        return self._waiting.pop(0) if self._waiting else None

    def write(self, frame: bytes) -> None:
        quiet = [sample // 4 for sample in samples_of(frame)]
        self._waiting.append(encode(quiet, "PCMU"))

    def close(self) -> None:
        self.closed += 1


async def test_events_of_the_phone(house: Home, pa: Pa) -> None:
    heard: list[Any] = []
    subscription = house.switch.bus.subscribe(heard.append)
    subscription.want({"CUSTOM"})
    await pa(house, "call 9196")
    await pa(house, "call 9196")
    await pa(house, "switch 1")
    told = [(each.subclass, each.get("call_id")) for each in heard]
    assert told == [
        ("portaudio::makecall", "1"),
        ("portaudio::callheld", "1"),
        ("portaudio::callresumed", "2"),
        ("portaudio::makecall", "2"),
        ("portaudio::callheld", "2"),
        ("portaudio::callresumed", "1"),
    ]
    subscription.close()
