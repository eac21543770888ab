"""A sound card that is none: what ``sounddevice`` offers, with two devices whose sound a test hands over."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any


class PortAudioError(Exception):
    """As the library's."""


class Stream:
    """One open stream; ``turn`` is what PortAudio's thread does every frame."""

    def __init__(self, card: FakeCard, kind: str, **options: Any) -> None:
        if options["samplerate"] not in card.rates:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        self.card = card
        self.kind = kind
        self.options = options
        self.callback: Callable[..., None] = options["callback"]
        self.running = self.closed = False
        card.streams.append(self)

    def start(self) -> None:
        if self.card.broken:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.running = True

    def close(self) -> None:
        self.running, self.closed = False, True

    def turn(self, samples: list[int] | None = None) -> list[int]:
        """Hand over samples of a microphone, or fetch those for a loudspeaker."""
        size = self.options["blocksize"]
        if samples is not None:
            self.callback(array("h", samples).tobytes(), size, None, None)
            return samples
        wanted = bytearray(2 * size)
        self.callback(memoryview(wanted), size, None, None)
        return list(array("h", bytes(wanted)))


class FakeCard:
    """Stands in for the module ``sounddevice``."""

    PortAudioError = PortAudioError

    def __init__(self, rates: tuple[int, ...] = (8000, 48_000), broken: bool = False) -> None:
        self.rates = rates
        self.broken = broken
        self.streams: list[Stream] = []
        self.restarts: list[str] = []
        self.names = ["USB Headset", "HDMI"]
        self.default = self

    device = (0, 0)

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "hostapi": 0, "max_input_channels": int(at == 0), "max_output_channels": 2}
            for at, name in enumerate(self.names)
        ]

    def RawInputStream(self, **options: Any) -> Stream:
        return Stream(self, "in", **options)

    def RawOutputStream(self, **options: Any) -> Stream:
        return Stream(self, "out", **options)

    def _terminate(self) -> None:
        self.restarts.append("terminate")

    def _initialize(self) -> None:
        self.restarts.append("initialize")
        self.names.append("Bluetooth")
