"""What a leg of the engine in C is fed, and what is tapped of it: the far end of two rings.

Lives here: these two, as ``interface`` has them. Never here: the leg (``native_driver``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LocalError
from ..rtp.frames import Frame

if TYPE_CHECKING:
    from .native_driver import NativeEngine, NativeLeg


class NativeFeed:
    """See ``Feed``."""

    def __init__(self, leg: NativeLeg) -> None:
        self._leg = leg

    def write(self, frame: bytes, samples: int) -> bool:
        return samples > 0 and self._leg.native.write(frame, samples)

    def finish(self) -> None:
        self._leg.native.finish()


class NativeTap:
    """See ``Tap``."""

    def __init__(self, leg: NativeLeg, engine: NativeEngine) -> None:
        self._leg = leg
        self._engine = engine
        self._kept: list[Frame] = []
        self._dropped = 0
        self._place: int | None = leg.native.open_tap()
        if self._place is not None and self._place < 0:
            raise LocalError(f"{leg.name} has as many taps already as a leg can have")

    @property
    def dropped(self) -> int:
        return self._dropped if self._place is None else self._leg.native.tap_dropped(self._place)

    def read(self) -> list[Frame]:
        taken, self._kept = self._kept, []
        return taken if self._place is None else taken + self._fetch(self._place)

    def close(self) -> None:
        if self._place is not None:
            self._kept += self._fetch(self._place)
            self._dropped = self.dropped
            place, self._place = self._place, None
            self._leg.native.close_tap(place)

    def _fetch(self, place: int) -> list[Frame]:
        name = self._engine.codec_name
        return [
            Frame(name(codec), sequence, stamp, payload)
            for codec, sequence, stamp, payload in self._leg.native.read_tap(place)
        ]
