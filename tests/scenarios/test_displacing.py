"""A sound in place of what one side hears of the other, over each media engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringthru.console.standard import standard_table

from .engines import SWITCH_XML
from .hearing import hears_no_more_of, hears_tone, humming, share, write_wav
from .home import DEFAULT, PASSWORD, Edit, Home, extension
from .phones import PhoneCall, hear_each_other
from .waiting import eventually

SOUND, VOICE, OTHER = 700, 500, 1100  # Hz


@pytest.fixture
async def home(each_engine: Edit, found: Any, tmp_path: Path) -> Home:
    write_wav(tmp_path / "a.wav", 1.0, SOUND)
    made: Home = await found({SWITCH_XML: each_engine})
    await made.switch.start()
    return made


async def talking(home: Home) -> tuple[PhoneCall, PhoneCall, str]:
    """Both calls, and the UUID of the caller's leg."""
    callee = await home.registered_phone()
    call = home.lan_phone("1001").invite("1000", home.internal, password=PASSWORD)
    rung = await callee.rung()
    rung.answer()
    await call.answered()
    await hear_each_other(call, rung, frames=1)
    return call, rung, next(iter(home.switch.calls.channels))


@pytest.mark.parametrize("flags", ["l", "lr"])
async def test_one_side_hears_it_until_it_is_stopped_and_the_other_hears_on(
    home: Home, logs: Any, tmp_path: Path, flags: str
) -> None:
    table, file = standard_table(logs), tmp_path / "a.wav"
    call, rung, uuid = await talking(home)
    told, untold = (rung, call) if "r" in flags else (call, rung)
    async with humming(told, OTHER), humming(untold, VOICE):
        assert await table.run(home.switch, f"uuid_displace {uuid} start {file} 0 {flags}") == "+OK Success\n"
        await hears_tone(told, SOUND, 0.9)
        await hears_tone(untold, OTHER, 0.9)
        again = await table.run(home.switch, f"uuid_displace {uuid} start {file}")
        assert again == "-ERR Cannot displace session!\n"
        assert await table.run(home.switch, f"uuid_displace {uuid} stop {file}") == "+OK Success\n"
        await hears_tone(told, VOICE, 0.9)
        await hears_no_more_of(told, SOUND)
    none = await table.run(home.switch, f"uuid_displace {uuid} stop {file}")
    assert none == "-ERR Cannot stop displace session!\n"


async def test_it_ends_with_its_file(home: Home, logs: Any, tmp_path: Path) -> None:
    call, rung, uuid = await talking(home)
    async with humming(rung, VOICE):
        line = f"uuid_displace {uuid} start {tmp_path}/a.wav"
        assert await standard_table(logs).run(home.switch, line) == "+OK Success\n"
        await hears_tone(call, SOUND, 0.9)
        await hears_tone(call, VOICE, 0.9)
    await eventually(lambda: home.switch.calls.channels[uuid].displacement is None)


async def test_with_mux_both_are_heard_until_the_legs_part(home: Home, logs: Any, tmp_path: Path) -> None:
    call, rung, uuid = await talking(home)
    async with humming(rung, VOICE):
        line = f"uuid_displace {uuid} start {tmp_path}/a.wav 0 muxl"
        assert await standard_table(logs).run(home.switch, line) == "+OK Success\n"
        await eventually(lambda: share(call, SOUND) > 0.25 and share(call, VOICE) > 0.25, "not both")
        call.hang_up()
    await home.quiet()


async def test_what_cannot_be_done(home: Home, logs: Any, tmp_path: Path, caplog: Any) -> None:
    table = standard_table(logs)
    _, _, uuid = await talking(home)
    said = await table.run(home.switch, f"uuid_displace {uuid} start {tmp_path}/none.wav")
    assert said == "-ERR Cannot displace session!\n"
    assert "none.wav" in caplog.text
    said = await table.run(home.switch, f"uuid_displace {uuid} begin x")
    assert said == "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"


async def test_a_dialplan_says_so_of_a_leg_that_talks_to_nobody(found: Any, caplog: Any) -> None:
    steps = [("answer", ""), ("displace_session", "x.wav l +5"), ("stop_displace_session", "x.wav")]
    home: Home = await found({DEFAULT: extension("77", *steps, ("echo", ""))})
    await home.switch.start()
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    await eventually(lambda: "stop_displace_session: x.wav takes nobody's place" in caplog.text)
    assert "displace_session: the leg talks to nobody here" in caplog.text
