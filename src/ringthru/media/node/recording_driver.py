"""Recordings of a node's calls: both sides in one WAV file each.

Lives here: taps read every now and then, and the files. Never here: how two sides become one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import wave
from pathlib import Path
from typing import Final

from ..errors import LocalError
from ..leg.playing import Recorder
from ..leg.session_recording import Side, TwoSides
from ..sound.g711 import SAMPLE_RATE
from ..sound.sounds import linear_of
from .calls import NodeCall

log = logging.getLogger(__name__)

TICK: Final = 0.5  # seconds between looks at the taps, which hold some seconds
LONGEST: Final = 6 * 3600.0  # seconds
MOST: Final = 200  # recordings at once
NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9@._-]")


class Recordings:
    """The recordings that go on."""

    def __init__(self, folder: Path | None) -> None:
        """None: nothing is recorded here."""
        self._folder = folder
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, call: NodeCall) -> None:
        """Record a call from now on; one that is recorded already goes on.

        Raises:
            LocalError: there is no folder, or too many are recorded.
        """
        if self._folder is None:
            raise LocalError("Recording is off here: the node was started without --recording-dir")
        if call.call_id in self._tasks:
            return
        if len(self._tasks) >= MOST:
            raise LocalError(f"{MOST} calls are recorded already")
        # A call's name comes from a stranger: whatever could be a path is taken out of it.
        name = NOT_IN_NAMES.sub("_", call.call_id)[:100].lstrip(".") or "call"
        path = self._folder / f"{name}-{time.time_ns():x}.wav"
        task = asyncio.get_running_loop().create_task(_record(call, path))
        self._tasks[call.call_id] = task
        task.add_done_callback(lambda done: self._tasks.pop(call.call_id, None))

    def end(self, call: NodeCall) -> None:
        """Write what is on its way, and close the file; harmless where nothing is recorded."""
        task = self._tasks.pop(call.call_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _record(call: NodeCall, path: Path) -> None:
    began = time.monotonic()
    sides = [Recorder(side.leg.tap()) for side in call.sides]
    two = TwoSides()
    try:
        file = await asyncio.to_thread(_open, path)
    except BaseException as error:  # a recording that is ended meanwhile too: no tap may stay
        for side in sides:
            side.close()
        if not isinstance(error, OSError):
            raise
        log.error("Recording of %s: %s cannot be written: %s", call.call_id, path, error.strerror)
        return
    log.info("Recording %s to %s", call.call_id, path)
    try:
        while time.monotonic() - began < LONGEST:
            await asyncio.sleep(TICK)
            _hear(sides, two, began)
            await asyncio.to_thread(file.writeframes, linear_of(two.take_mixed()))
    except OSError as error:
        log.error("Recording of %s ends: %s: %s", call.call_id, path, error.strerror)
    finally:
        for side in sides:
            side.close()
        _hear(sides, two, began)
        two.even_out()
        file.writeframes(linear_of(two.take_mixed()))
        file.close()


def _open(path: Path) -> wave.Wave_write:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = wave.open(str(path), "wb")  # noqa: SIM115  # for as long as it goes on
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(SAMPLE_RATE)
    return file


def _hear(recorders: list[Recorder], two: TwoSides, began: float) -> None:
    """Take what both sides said since the last time; who says nothing has silence there."""
    moment = int((time.monotonic() - began) * SAMPLE_RATE)
    sides: tuple[Side, Side] = (two.here, two.there)
    for recorder, side in zip(recorders, sides, strict=True):
        side.add(recorder.take(), moment)
