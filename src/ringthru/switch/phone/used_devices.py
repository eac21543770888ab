"""Which of the machine's sound devices the console phone uses, and the two that are open while it talks.

Lives here: choosing, opening, closing. Never here: calls (``phone``), what devices there are (``devices``).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ...media import MediaError
from ...media.devices.interface import Device, Sink, Source
from .devices import Devices, shut

if TYPE_CHECKING:
    from ..calls.book import Calls

log = logging.getLogger(__name__)


class UsedDevices:
    """The devices of one phone."""

    def __init__(self, calls: Calls, library: Any | None = None) -> None:
        """``library`` stands in for ``sounddevice``."""
        self.calls = calls
        self.devices = Devices(calls.sounds, library)
        self.chosen: dict[str, Device] = {}  # in, out, ring: by hand, or from the configuration
        self._source: Source | None = None
        self._sink: Sink | None = None
        self._streams = asyncio.Lock()

    async def look(self) -> None:
        """Know the devices; the configuration's are chosen once."""
        await self.devices.look()
        settings = self.calls.phone_settings
        for use, text in (("in", settings.indev), ("out", settings.outdev), ("ring", settings.ringdev)):
            if use not in self.chosen and text:
                found = self.devices.find(text, "in" if use == "in" else "out")
                if found is None:
                    log.warning("portaudio.conf: there is no device '%s' for %s", text, use)
                else:
                    self.chosen[use] = found

    def device(self, use: str) -> Device:
        """What is used as ``in``, ``out`` or ``ring``."""
        if use == "ring" and use not in self.chosen:
            use = "out"
        return self.chosen.get(use) or self.devices.default(use)

    async def choose(self, use: str, text: str) -> Device | None:
        """Use another device; streams that are open change at once. None: there is none of that name.

        Raises:
            MediaError: it cannot be opened; the old one stays.
        """
        await self.look()
        found = self.devices.find(text, "in" if use == "in" else "out")
        if found is None:
            return None
        before, self.chosen[use] = self.chosen.get(use), found
        try:
            if use != "ring" and self._source is not None:
                await self._reopen()
        except MediaError:
            self.chosen.pop(use)
            if before is not None:
                self.chosen[use] = before
            raise
        return found

    async def rescan(self) -> None:
        """Look for devices anew: streams are closed for it, and opened again where a call has them."""
        open_before = self._source is not None
        await self.close_streams()
        await self.devices.look(again=True)
        names = {use: each.name for use, each in self.chosen.items()}
        self.chosen = {
            use: found
            for use, name in names.items()
            if (found := self.devices.find(name, "in" if use == "in" else "out")) is not None
        }
        if open_before:
            await self.open_streams()

    async def open_streams(self) -> None:
        """Raises MediaError: a device cannot be opened; none stays open then."""
        async with self._streams:
            if self._source is not None:
                return
            self._source = await self.devices.open_source(self.device("in"))
            try:
                self._sink = await self.devices.open_sink(self.device("out"))
            except MediaError:
                source, self._source = self._source, None
                await shut(source)
                raise

    async def close_streams(self) -> None:
        async with self._streams:
            open_now, self._source, self._sink = (self._source, self._sink), None, None
            for each in open_now:
                await shut(each)

    async def _reopen(self) -> None:
        await self.close_streams()
        await self.open_streams()

    @property
    def streams_open(self) -> bool:
        return self._source is not None
