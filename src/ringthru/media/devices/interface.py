"""What a sound device is to the console phone, whichever it is.

Lives here: the contract, and the value by which devices are listed. Never here: a device.
"""

from __future__ import annotations

from typing import Protocol

from ...net.values import frozen
from ..errors import MediaError


class DeviceError(MediaError):
    """A device that is not there, or cannot be opened; the message says why."""


@frozen
class Device:
    """One device. ``number`` is how commands name it; channels are counts, 0: none of that way."""

    number: int
    name: str
    api: str  # what it belongs to: ALSA …, or ours
    inputs: int
    outputs: int


class Source(Protocol):
    """Something to hear from: a microphone, a file, a tone."""

    def read(self) -> bytes | None:
        """The next 160 octets of µ-law; None: nothing now. Never waits."""
        ...

    def close(self) -> None:
        """Harmless twice; it may take a moment, and is called in a thread."""
        ...


class Sink(Protocol):
    """Something to speak to: a loudspeaker, a file."""

    def write(self, frame: bytes) -> None:
        """Take 160 octets of µ-law. Never waits: who cannot take them loses the oldest."""
        ...

    def close(self) -> None:
        """Harmless twice; it may take a moment, and is called in a thread."""
        ...
