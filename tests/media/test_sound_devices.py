"""The console phone's devices: PortAudio's, by a card that is none and by the real library; and our own."""

from __future__ import annotations

import ctypes.util
import importlib.util
import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ringthru
from ringthru.media import Sound
from ringthru.media.devices.interface import DeviceError
from ringthru.media.devices.portaudio_driver import QUEUE, PortAudio
from ringthru.media.devices.virtual import Keeping, Nothing, Saying
from ringthru.media.sound.g711 import decode, encode

from .fake_sound_card import FakeCard

SINE = [round(8000 * math.sin(2 * math.pi * 400 * at / 8000)) for at in range(160)]
NO_PORTAUDIO = "sounddevice or PortAudio is missing (extra 'audio', Debian libportaudio2)"


class TestTheList:
    def test_names_channels_and_the_systems_own(self) -> None:
        card = PortAudio(FakeCard())
        rows = [(each.number, each.name, each.api, each.inputs, each.outputs) for each in card.devices()]
        assert rows == [(0, "USB Headset", "ALSA", 1, 2), (1, "HDMI", "ALSA", 0, 2)]
        assert card.defaults() == (0, 0)

    def test_a_machine_without_any(self) -> None:
        fake = FakeCard()
        fake.names, fake.device = [], (-1, -1)
        card = PortAudio(fake)
        assert card.devices() == []
        assert card.defaults() == (None, None)

    def test_looking_again_begins_anew(self) -> None:
        fake = FakeCard()
        card = PortAudio(fake)
        card.look_again()
        assert fake.restarts == ["terminate", "initialize"]
        assert [each.name for each in card.devices()] == ["USB Headset", "HDMI", "Bluetooth"]


class TestAMicrophone:
    def test_frames_come_as_they_were_said(self) -> None:
        fake = FakeCard()
        microphone = PortAudio(fake).open_source(0)
        assert microphone.read() is None
        fake.streams[0].turn(SINE)
        assert microphone.read() == encode(SINE, "PCMU")
        assert microphone.read() is None

    def test_nobody_who_fetches_late_makes_it_grow(self) -> None:
        fake = FakeCard()
        microphone = PortAudio(fake).open_source(0)
        for number in range(QUEUE + 5):
            fake.streams[0].turn([number * 256] * 160)
        kept = [frame for _ in range(QUEUE + 5) if (frame := microphone.read()) is not None]
        assert len(kept) == QUEUE
        assert kept[0] == encode([5 * 256] * 160, "PCMU")  # the oldest are lost

    def test_one_that_knows_48_kilohertz_only(self) -> None:
        fake = FakeCard(rates=(48_000,))
        microphone = PortAudio(fake).open_source(0)
        assert fake.streams[0].options["blocksize"] == 960
        fake.streams[0].turn([sample for sample in SINE for _ in range(6)])
        assert microphone.read() == encode(SINE, "PCMU")

    def test_one_that_knows_no_rate_of_ours_says_so(self) -> None:
        with pytest.raises(DeviceError, match="sound device 0 cannot be opened: Invalid sample rate"):
            PortAudio(FakeCard(rates=(11_025,))).open_source(0)

    def test_one_that_is_taken_says_so(self) -> None:
        with pytest.raises(DeviceError, match="Device unavailable"):
            PortAudio(FakeCard(broken=True)).open_source(0)

    def test_it_is_closed_once(self) -> None:
        fake = FakeCard()
        microphone = PortAudio(fake).open_source(0)
        microphone.close()
        microphone.close()
        assert fake.streams[0].closed


class TestALoudspeaker:
    def test_says_what_it_is_told_and_else_nothing(self) -> None:
        fake = FakeCard()
        loudspeaker = PortAudio(fake).open_sink(1)
        frame = encode(SINE, "PCMU")
        loudspeaker.write(frame)
        assert fake.streams[0].turn() == decode(frame, "PCMU")
        assert fake.streams[0].turn() == [0] * 160

    def test_at_48_kilohertz_it_draws_straight_lines(self) -> None:
        fake = FakeCard(rates=(48_000,))
        loudspeaker = PortAudio(fake).open_sink(1)
        frame = encode(SINE, "PCMU")
        loudspeaker.write(frame)
        said = fake.streams[0].turn()
        assert len(said) == 960
        assert said[5::6] == decode(frame, "PCMU")
        assert max(abs(one - other) for one, other in itertools.pairwise(said)) < 600


class TestTheLibrary:
    def test_without_it_the_error_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
        with pytest.raises(DeviceError, match=r"pip install 'ringthru\[audio\]'.*libportaudio2"):
            PortAudio()

    def test_the_real_one_lists_what_this_machine_has(self) -> None:
        try:
            card = PortAudio()
        except DeviceError:
            if os.environ.get("CI"):
                pytest.fail(f"required here: {NO_PORTAUDIO}", pytrace=False)
            pytest.skip(NO_PORTAUDIO)
        devices = card.devices()
        assert [each.number for each in devices] == list(range(len(devices)))
        assert all(each.name and each.api for each in devices)
        known = {each.number for each in devices}
        assert {each for each in card.defaults() if each is not None} <= known


class TestOurOwn:
    def test_null_says_and_keeps_nothing(self) -> None:
        nothing = Nothing()
        nothing.write(bytes(160))
        assert nothing.read() is None

    def test_a_sound_begins_again_when_it_is_over(self) -> None:
        saying = Saying(Sound(bytes(range(160)) + bytes(160), times=1))
        first = [saying.read() for _ in range(2)]
        assert [saying.read() for _ in range(2)] == first
        saying.close()
        assert saying.read() is None

    def test_what_nobody_writes_down_is_a_minute_at_most(self) -> None:
        keeping = Keeping()
        for _ in range(4000):
            keeping.write(bytes(160))
        assert len(keeping.take()) == 60 * 8000
        assert keeping.take() == b""


TRIED = """
import time
from ringthru.media.devices.portaudio_driver import PortAudio
card = PortAudio()
device = next(each for each in card.devices() if each.name == "ringthru")
source, sink = card.open_source(device.number), card.open_sink(device.number)
deadline = time.monotonic() + 40
while (frame := source.read()) is None and time.monotonic() < deadline:
    time.sleep(0.005)
sink.write(bytes(160))
source.close()
sink.close()
print(device.api, device.inputs > 0, device.outputs > 0, len(frame))
"""


def test_streams_of_the_real_library_on_alsas_null_device(tmp_path: Path) -> None:
    """A process of its own, whose ALSA knows devices that need no sound card."""
    if importlib.util.find_spec("sounddevice") is None or ctypes.util.find_library("portaudio") is None:
        if os.environ.get("CI"):
            pytest.fail(f"required here: {NO_PORTAUDIO}", pytrace=False)
        pytest.skip(NO_PORTAUDIO)
    both = "pcm.ringthru { type null }\npcm.!default { type null }\n"  # without a default it aborts
    (tmp_path / "asound.conf").write_text(both)
    source = str(Path(ringthru.__file__).parents[1])
    said = subprocess.run(
        [sys.executable, "-c", TRIED],
        env={**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.stdout == "ALSA True True 160\n", (said.returncode, said.stderr)
