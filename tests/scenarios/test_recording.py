"""Both sides of a call in one file, over each media engine."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.recordings import uuid_record
from ringthru.media.leg.session_recording import TwoSides
from ringthru.media.sound.g711 import ULAW_SILENCE, encode
from ringthru.media.sound.tones import tone_share

from .engines import SWITCH_XML
from .hearing import hears_tone, humming
from .home import DEFAULT, PASSWORD, Edit, Home, extension
from .phones import PhoneCall
from .waiting import eventually

ONE, TWO = 500, 1100  # Hz


@pytest.fixture
async def home(each_engine: Edit, found: Any, tmp_path: Path) -> Home:
    plan = [
        extension("77", ("record_session", f"{tmp_path}/kept/a.wav"), ("bridge", "user/1000")),
        extension(
            "78",
            ("set", "RECORD_STEREO=true"),
            ("record_session", f"{tmp_path}/a.wav"),
            ("bridge", "user/1000"),
        ),
    ]
    made: Home = await found({DEFAULT: plan, SWITCH_XML: each_engine})
    await made.switch.start()
    return made


async def talk(home: Home, number: str) -> tuple[PhoneCall, PhoneCall]:
    callee = await home.registered_phone()
    call = home.lan_phone("1001").invite(number, home.internal, password=PASSWORD)
    rung = await callee.rung()
    rung.answer()
    await call.answered()
    return call, rung


async def hum_both(call: PhoneCall, rung: PhoneCall, times: int = 1) -> None:
    """Until each has heard nothing else for a while."""
    async with humming(call, times * ONE), humming(rung, times * TWO):
        await hears_tone(call, times * TWO, 0.95)
        await hears_tone(rung, times * ONE, 0.95)


def share(path: Path, frequency: int, place: int = 0) -> float:
    """The most of a frequency in any stretch of 100 ms on one track."""
    return max(shares(path, frequency, place))


def shares(path: Path, frequency: int, place: int = 0) -> list[float]:
    """How much of each stretch of 100 ms on one track is at a frequency."""
    with wave.open(str(path)) as file:
        tracks = file.getnchannels()
        samples = array("h", file.readframes(file.getnframes()))[place::tracks]
    ulaw = encode(samples, "PCMU")
    return [tone_share([ulaw[at : at + 800]], frequency) for at in range(0, len(ulaw) - 800, 400)]


async def test_both_are_heard_at_once(home: Home, tmp_path: Path) -> None:
    call, rung = await talk(home, "77")
    await hum_both(call, rung)
    call.hang_up()
    await home.quiet()
    file = tmp_path / "kept" / "a.wav"
    assert share(file, ONE) > 0.4
    assert share(file, TWO) > 0.4


async def test_each_on_a_side_of_its_own(home: Home, tmp_path: Path) -> None:
    call, rung = await talk(home, "78")
    await hum_both(call, rung)
    call.hang_up()
    await home.quiet()
    file = tmp_path / "a.wav"
    assert share(file, ONE, 0) > 0.9 > 0.1 > share(file, TWO, 0)
    assert share(file, TWO, 1) > 0.9 > 0.1 > share(file, ONE, 1)


async def test_packets_out_of_order_leave_no_holes(home: Home, tmp_path: Path) -> None:
    call, rung = await talk(home, "78")
    async with humming(call, ONE, swapped=True), humming(rung, TWO, swapped=True):
        await hears_tone(rung, ONE, 0.3)
        await eventually(lambda: len(rung.audio.heard) > 60)
    call.hang_up()
    await home.quiet()
    kept = shares(tmp_path / "a.wav", ONE)
    there = [at for at, each in enumerate(kept) if each > 0.5]
    assert min(kept[there[0] + 1 : there[-1]]) > 0.95


async def test_begun_and_ended_from_outside(home: Home, tmp_path: Path) -> None:
    call, rung = await talk(home, "1000")
    leg = next(iter(home.switch.calls.channels.values()))
    file = tmp_path / "b.wav"
    assert await uuid_record(home.switch, f"{leg.uuid} start {file}") == "+OK Success\n"
    assert (await uuid_record(home.switch, f"{leg.uuid} start {file}")).startswith("-ERR Cannot record")
    await hum_both(call, rung)
    assert await uuid_record(home.switch, f"{leg.uuid} stop {file}") == "+OK Success\n"
    await eventually(lambda: not leg.recordings)
    assert share(file, ONE) > 0.4
    assert await uuid_record(home.switch, f"{leg.uuid} stop {file}") == "-ERR Cannot stop record session!\n"


async def test_what_is_masked_is_silent_and_what_comes_after_is_not(home: Home, tmp_path: Path) -> None:
    call, rung = await talk(home, "78")
    leg = next(iter(home.switch.calls.channels.values()))
    file = tmp_path / "a.wav"
    assert await uuid_record(home.switch, f"{leg.uuid} mask {file}") == "+OK Success\n"
    await hum_both(call, rung)  # a secret
    await hum_both(call, rung, 3)  # nothing of it is on its way any more
    assert await uuid_record(home.switch, f"{leg.uuid} unmask {file}") == "+OK Success\n"
    await hum_both(call, rung, 2)
    call.hang_up()
    await home.quiet()
    assert share(file, ONE, 0) < 0.1 > share(file, TWO, 1)
    assert share(file, 2 * ONE, 0) > 0.9 < share(file, 2 * TWO, 1)
    heard = [at for at, each in enumerate(shares(file, 2 * ONE)) if each > 0.5]
    assert heard[0] > 2, "the silence has its length"


def test_the_last_words_of_one_side_are_kept_beside_the_silence_of_the_other() -> None:
    sides = TwoSides()
    sides.here.add(b"x" * 160, 160)
    sides.even_out()
    assert sides.take() == (b"x" * 160, bytes((ULAW_SILENCE,)) * 160)


async def test_only_what_is_written_is_masked(home: Home) -> None:
    await talk(home, "1000")
    leg = next(iter(home.switch.calls.channels.values()))
    for order in ("mask", "unmask"):
        said = await uuid_record(home.switch, f"{leg.uuid} {order} none.wav")
        assert said == f"-ERR Cannot {order} recording session!\n"


async def test_a_dialplan_masks_too(found: Any, tmp_path: Path, caplog: Any) -> None:
    file = f"{tmp_path}/a.wav"
    steps = [("record_session", file), ("record_session_mask", "all"), ("sleep", "400")]
    plan = [
        ("answer", ""),
        *steps,
        ("record_session_unmask", file),
        ("record_session_mask", "b"),
        ("echo", ""),
    ]
    home: Home = await found({DEFAULT: extension("77", *plan)})
    await home.switch.start()
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    async with humming(call, ONE):
        await hears_tone(call, ONE)
    call.hang_up()
    await home.quiet()
    kept = shares(Path(file), ONE)
    assert max(kept) > 0.4 > 0.1 > max(kept[:3])
    assert "record_session_mask: b is not being written" in caplog.text


async def test_what_cannot_be_written_is_told(found: Any, tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "file").write_text("")
    paths = (f"{tmp_path}/file/a.wav", "../a.wav")
    plan = [*(("record_session", each) for each in paths), ("echo", "")]
    home: Home = await found({DEFAULT: extension("77", *plan)})
    await home.switch.start()
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    assert caplog.text.count("record_session: ") == 2
    (leg,) = home.switch.calls.channels.values()
    for path in paths:
        assert (await uuid_record(home.switch, f"{leg.uuid} start {path}")).startswith("-ERR Cannot record")
    assert await uuid_record(home.switch, f"nobody start {tmp_path}/c.wav") == "-ERR Cannot locate session!\n"
    assert (await uuid_record(home.switch, f"{leg.uuid} begin")).startswith("-USAGE: ")


@pytest.mark.parametrize("application", ["record", "record_session"])
async def test_a_disk_that_is_full_ends_the_recording_and_not_the_call(
    found: Any, application: str, caplog: Any
) -> None:
    plan = [("answer", ""), (application, "/dev/full"), ("echo", "")]
    home: Home = await found({DEFAULT: extension("77", *plan)})
    await home.switch.start()
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    async with humming(call, ONE):
        await eventually(lambda: "No space left on device" in caplog.text)
        await hears_tone(call, ONE)
    (leg,) = home.switch.calls.channels.values()
    await eventually(lambda: not leg.recordings)
    assert caplog.text.count("No space left on device") == 1
    assert "Traceback" not in caplog.text
