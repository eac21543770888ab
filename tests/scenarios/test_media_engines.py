"""The same calls over each media engine: the switch does not know which one it has."""

from __future__ import annotations

import os
import signal
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from ringthru.media import tone
from ringthru.media.engine import choice

from .engines import NODES, SWITCH_XML, media_engine
from .home import DEFAULT, PASSWORD, RING_1000, Home, extension
from .phones import frame_of, hear_each_other, hears_itself
from .waiting import eventually


@pytest.fixture(params=["rtpengine"] if NODES else ["c", "python"])
async def home(request: Any, found: Any, tmp_path: Path) -> Home:
    if request.param == "c":
        pytest.importorskip("ringthru.media.engine._native", reason="the C engine is not built")
    said = extension(
        "77", ("record", f"{tmp_path}/said.wav 60"), ("playback", f"{tmp_path}/said.wav"), ("park", "")
    )
    made: Home = await found({DEFAULT: [said, RING_1000], SWITCH_XML: media_engine(request.param)})
    await made.switch.start()
    assert made.switch.snapshot().media_engine == request.param
    return made


async def told(home: Home) -> None:
    """A node is told where a phone is beside the 200: the phone's first packet may be quicker."""
    if not NODES:
        return
    legs = home.switch._engine._home._distant.values()  # type: ignore[attr-defined]
    await eventually(lambda: not any(leg._telling for leg in legs), "a node is not told")


async def test_an_echo_and_a_bridge(home: Home) -> None:
    echoed = home.lan_phone("1001").invite("9196", home.internal, password=PASSWORD)
    await echoed.answered()
    await told(home)
    await hears_itself(echoed)
    callee = await home.registered_phone()
    call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
    rung = await callee.rung()
    rung.answer()
    await call.answered()
    await told(home)
    await hear_each_other(call, rung)
    rung.hang_up()
    echoed.hang_up()
    await home.quiet()
    assert not home.switch._engine.legs()


@pytest.mark.skipif(len(NODES.split()) < 2, reason="interop/test_rtpengine plays it, with two nodes")
async def test_a_node_that_dies_moves_its_call_by_a_reinvite(home: Home) -> None:
    await eventually(lambda: all(each.state == "up" for each in home.switch._engine.nodes()))  # type: ignore
    call = home.lan_phone("1001").invite("9196", home.internal, password=PASSWORD)
    await call.answered()
    await told(home)
    await hears_itself(call)
    assert call.agreed is not None
    before = call.agreed.remote_rtp
    victim = next(each for each in home.switch._engine.nodes() if each.calls)  # type: ignore[attr-defined]
    port = int(victim.address.rpartition(":")[2])
    processes = os.environ["RTPENGINE_PROCESSES"].split()
    os.kill(int(processes[port - 2223]), signal.SIGKILL)
    await eventually(lambda: call.agreed.remote_rtp != before, "no re-INVITE names another port")
    assert "c=IN IP4 127.0.0.1" in call.phone.bodies("INVITE")[-1].decode()
    await told(home)
    await call.reaches(call, frame_of(50))  # unlike those that came from the dead node
    call.hang_up()
    await home.quiet()


async def test_what_is_recorded_is_played(home: Home, tmp_path: Path) -> None:
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    frames = tone(500, 1.0)
    (leg,) = home.switch.calls.channels.values()
    came = lambda: leg.snapshot().packets_received >= 50  # noqa: E731
    await eventually(came, again=lambda: [call.say(each) for each in frames])
    leg.digits.append("*")
    leg.digit_came.set()
    await eventually(
        lambda: leg.variables.get("playback_status") == "FILE PLAYED", "it is not played to its end"
    )
    with wave.open(str(tmp_path / "said.wav")) as kept:
        assert kept.getnframes() >= 4000
    await eventually(lambda: call.audio.sources_of(frames[20]), "what was said is not heard")


async def test_without_an_engine_in_c_the_log_warns_and_says_what_to_do(
    found: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a machine without a compiler; who asks for Python is not warned."""
    monkeypatch.setitem(sys.modules, "ringthru.media.engine.native_driver", None)
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    home: Home = await found({})
    await home.switch.start()
    assert home.switch.snapshot().media_engine == "python"
    (warned,) = [
        each for each in caplog.records if "Media engine" in each.message and each.levelname == "WARNING"
    ]
    assert "bears a third as many calls" in warned.message
    assert "install gcc and python3-dev" in warned.message
