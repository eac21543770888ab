"""``ringthru nat capture`` writes a file that can be replayed, and leaves nothing on the gateway."""

from __future__ import annotations

import socket

import pytest

from ringthru.lab.virtual.replay import Replay
from ringthru.nat.words import Exit
from ringthru.portmap.capture.transcript import decode
from ringthru.portmap.engine.engine import Engine


def engine_on(surroundings):
    return Engine(
        surroundings, entropy=bytes, pick_port=lambda: 40000, log=lambda *_: None, witness_after=0.0
    )


@pytest.mark.parametrize(("protocol", "kind"), [("natpmp", "pmp"), ("upnp", "upnp")])
async def test_a_capture_replays_to_the_same_conclusion(start_gateway, nat, tmp_path, protocol, kind):
    gateway = await start_gateway(protocol)
    nat.linger = 1.5  # as it is outside of tests: what was not waited for is not in the outcome
    path = tmp_path / "capture.json"
    said = await nat("capture", str(path))
    assert said.code == Exit.OK, said.err
    transcript = decode(path.read_text())
    assert (transcript.outcome.type, transcript.outcome.removed) == (kind, True)
    assert Replay(transcript, engine_on).run().outcome == transcript.outcome
    assert gateway.mappings() == ()


async def test_the_file_names_neither_the_network_nor_this_machine(start_gateway, nat, tmp_path):
    await start_gateway("upnp")
    path = tmp_path / "capture.json"
    await nat("capture", str(path))
    text = path.read_text()
    assert "127.70." not in text
    assert "127.71." not in text
    assert f'"{socket.gethostname()}"' not in text


async def test_a_file_that_exists_is_not_replaced_unasked(start_gateway, nat, tmp_path):
    path = tmp_path / "capture.json"
    path.write_text("precious")
    said = await nat("capture", str(path))
    assert said.code == Exit.LOCAL
    assert "--force" in said.err
    assert path.read_text() == "precious"


async def test_silence_is_captured_too(nat, tmp_path):
    path = tmp_path / "capture.json"
    said = await nat("capture", str(path), "--timeout", "0.3")
    assert said.code == Exit.NO_GATEWAY
    assert decode(path.read_text()).outcome.type is None


async def test_a_folder_that_is_not_there_is_local_trouble(start_gateway, nat, tmp_path):
    await start_gateway("natpmp")
    said = await nat("capture", str(tmp_path / "nowhere" / "capture.json"))
    assert said.code == Exit.LOCAL
