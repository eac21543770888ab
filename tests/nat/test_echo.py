"""``ringthru nat echo`` answers until it is interrupted."""

from __future__ import annotations

import asyncio
import signal
import socket

from ringthru.nat.words import Exit

from .conftest import BEYOND
from .interrupting import interrupt

LISTEN = f"{BEYOND}.9"


async def test_it_answers_until_interrupted_and_tells_how_often(nat):
    answering = asyncio.ensure_future(nat(f"echo --listen {LISTEN} --port 23479 --json"))
    await interrupt(signal.SIGTERM)
    said = await answering
    assert said.code == Exit.OK
    assert said.json["local"] == f"{LISTEN}:23479"


async def test_a_port_that_somebody_has_is_local_trouble(nat):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LISTEN, 0))
        said = await nat(f"echo --listen {LISTEN} --port {other.getsockname()[1]}")
    assert said.code == Exit.LOCAL
    assert "cannot be used" in said.err
