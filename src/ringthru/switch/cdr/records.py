"""Records of calls: taken at the end of each leg, written by a thread.

The loop only copies what is known of the leg; words, formats and disks are the thread's.

Lives here: which leg is written where, and when files begin anew. Never here: what a record says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ... import __version__
from ..beside import Beside
from ..configuration.cdr_settings import CdrSettings, CsvSettings, JsonSettings
from . import csv_lines, json_text
from .files import RecordFiles, file_name, time_stamp
from .posts import Posts
from .record import CallRecord

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..events.bus import EventBus, SwitchEvent

PATIENCE: Final = 2.0  # seconds that a stop waits for the disk
MASTER: Final = "Master.csv"


class CallRecords:
    """All records of one switch."""

    def __init__(self, settings: CdrSettings, bus: EventBus, variables: Mapping[str, str]) -> None:
        """``variables`` are the global ones; a TRAP of the signal HUP begins files anew where that is set."""
        self._settings = settings
        self._core_uuid = bus.core_uuid
        self._variables = variables
        self._files = RecordFiles()
        self._beside = Beside("call records")
        self._json_folder = settings.json.folder if settings.json is not None else Path()
        web = settings.json.web if settings.json is not None else None
        self._posts = Posts(web, self._files, f"Ringthru/{__version__}") if web is not None else None
        self._ear = bus.subscribe(self._on_event)
        self._ear.want(("TRAP",))

    @property
    def written(self) -> int:
        """Lines, files, and what web servers have taken."""
        return self._files.written + (self._posts.sent if self._posts is not None else 0)

    @property
    def lost(self) -> int:
        """What a disk did not take, and what it was too slow for."""
        return self._files.failures + self._beside.lost

    def take(self, channel: Channel, other_ended_first: bool) -> None:
        """A leg is over; it returns at once."""
        record = CallRecord.of(channel, other_ended_first)
        self._beside.put(lambda: self._write(record))

    def rotate(self) -> None:
        """Begin files anew, where the settings ask for that."""
        self._beside.put(self._rotate)

    @property
    def writes_csv(self) -> bool:
        return self._settings.csv is not None

    async def rotate_csv(self) -> bool:
        """As ``rotate``, for the CSV alone; returns when it is done. False: the disk is too slow."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def rotate() -> None:
            try:
                self._rotate_csv()
            finally:
                loop.call_soon_threadsafe(done.set)

        if not self._beside.put(rotate):
            return False
        await done.wait()
        return True

    def close(self) -> None:
        """Write what waits; blocks for two seconds at most, and two more for web servers."""
        self._ear.close()
        self._beside.close(PATIENCE)
        if self._posts is not None:
            self._posts.close()

    def _on_event(self, event: SwitchEvent) -> None:
        if event.get("Trapped-Signal") == "HUP":
            self.rotate()

    # --- in the thread ------------------------------------------------------------------------------

    def _write(self, record: CallRecord) -> None:
        csv, json = self._settings.csv, self._settings.json
        if csv is not None and (csv.a_leg if record.is_a_leg else csv.b_leg):
            self._write_csv(csv, record)
        if json is not None and (record.is_a_leg or json.b_leg):
            self._write_json(json, record)

    def _write_csv(self, settings: CsvSettings, record: CallRecord) -> None:
        account = record.variables.get("accountcode", "")
        if (name := file_name(account)) and not settings.master_only:
            line = csv_lines.line(settings.template(account), record.variables)
            self._files.append(settings.folder / f"{name}.csv", line)
        line = csv_lines.line(settings.template(), record.variables)
        self._files.append(settings.folder / MASTER, line)

    def _write_json(self, settings: JsonSettings, record: CallRecord) -> None:
        prefix = "a_" if settings.prefix_a_leg and record.is_a_leg else ""
        text = json_text.text(
            record,
            self._core_uuid,
            self._variables.get("switchname", ""),
            encode_values=settings.encode_values,
        )
        name = f"{prefix}{file_name(record.uuid)}.cdr.json"
        if settings.on_disk:
            self._files.create(self._json_folder / name, text)
        if self._posts is not None:
            self._posts.send(record.uuid, name, text)

    def _rotate(self) -> None:
        self._rotate_csv()
        json = self._settings.json
        if json is not None and json.rotate:
            self._json_folder = json.folder / time_stamp()
            if self._posts is not None:
                self._posts.rotate()

    def _rotate_csv(self) -> None:
        csv = self._settings.csv
        if csv is not None and csv.rotate:
            self._files.move_aside(csv.folder)
