"""A capture of a device that people have replays to what was concluded at that device."""

from __future__ import annotations

import time

import pytest

from ringthru.lab import FakeGateway
from ringthru.lab.gateway.devices import device
from ringthru.lab.virtual.replay import Replay
from ringthru.portmap.capture.transcript import decode
from ringthru.portmap.engine.engine import Engine

from .conftest import GATEWAY, OUTSIDE

DEVICES = (
    "archer-c9",
    "broadcom-32",
    "dir655",
    "linksys-wrt120n",
    "mikrotik-725",
    "nvg578lx",
    "opnsense-pf",
    "protonvpn",
    "wrt54gl-ddwrt-13064",
)


@pytest.mark.parametrize("name", DEVICES)
async def test_it_replays_to_the_same_conclusion(nat, tmp_path, name):
    known = device(name)
    gateway = FakeGateway(
        GATEWAY, OUTSIDE, protocols=known.protocols, quirks=known.quirks, clock=time.monotonic
    )
    await gateway.start()
    nat.linger = 1.5
    try:
        said = await nat("capture", str(tmp_path / "capture.json"), "--port", "25060")
    finally:
        await gateway.stop()
    transcript = decode((tmp_path / "capture.json").read_text())
    then = transcript.outcome.external_port or 40000

    def engine_on(surroundings):
        return Engine(
            surroundings, entropy=bytes, pick_port=lambda: then, log=lambda *_: None, witness_after=0.0
        )

    assert "Traceback" not in said.err
    assert Replay(transcript, engine_on).run().outcome == transcript.outcome
