"""Microphone and loudspeaker of the console phone: which devices, and whether they are open.

Devices are opened with the first call and closed with the last, so that the switch holds no sound card while
nobody talks.

Lives here: choosing, opening, closing. Never here: who hears whom (``phone``), what devices there are
(``devices``).
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


class Streams:
    """One phone's."""

    def __init__(self, calls: Calls, library: Any | None = None) -> None:
        """``library`` stands in for ``sounddevice``."""
        self.devices = Devices(calls.sounds, library)
        self.chosen: dict[str, Device] = {}  # in, out, ring: by hand, or from the configuration
        self.source: Source | None = None
        self.sink: Sink | None = None
        self._calls = calls
        self._lock = asyncio.Lock()

    async def look(self) -> None:
        """Know the devices; the configuration's are chosen once."""
        await self.devices.look()
        settings = self._calls.phone_settings
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
            if use != "ring" and self.source is not None:
                await self._reopen()
        except MediaError:
            self.chosen.pop(use)
            if before is not None:
                self.chosen[use] = before
            raise
        return found

    async def rescan(self) -> None:
        """Look for devices anew: streams are closed for it, and opened again where a call has them."""
        open_before = self.source is not None
        await self.close()
        await self.devices.look(again=True)
        names = {use: each.name for use, each in self.chosen.items()}
        self.chosen = {
            use: found
            for use, name in names.items()
            if (found := self.devices.find(name, "in" if use == "in" else "out")) is not None
        }
        if open_before:
            await self.open()

    async def open(self) -> None:
        """Raises MediaError: a device cannot be opened; none stays open then."""
        async with self._lock:
            if self.source is not None:
                return
            self.source = await self.devices.open_source(self.device("in"))
            try:
                self.sink = await self.devices.open_sink(self.device("out"))
            except MediaError:
                source, self.source = self.source, None
                await shut(source)
                raise

    async def close(self) -> None:
        async with self._lock:
            open_now, self.source, self.sink = (self.source, self.sink), None, None
            for each in open_now:
                await shut(each)

    async def _reopen(self) -> None:
        await self.close()
        await self.open()

    @property
    def are_open(self) -> bool:
        return self.source is not None
