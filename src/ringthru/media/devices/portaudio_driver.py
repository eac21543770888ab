"""The machine's sound devices, by PortAudio (``sounddevice``, extra ``[audio]``).

PortAudio calls back in a thread of its own, a frame at a time; frames go through short queues that drop the
oldest, so that neither side waits for the other, and two clocks that drift apart cost a frame now and then.

Lives here: the library, its devices, its streams. Never here: what is said or heard.
"""

from __future__ import annotations

from array import array
from collections import deque
from importlib import import_module
from typing import Any, Final

from ..sound.g711 import SAMPLE_RATE, ULAW_TO_LINEAR, encode
from ..sound.mixing import FRAME
from .interface import Device, DeviceError

MISSING: Final = (
    "the extra 'audio' is not installed (pip install 'ringthru[audio]'), or PortAudio itself is missing "
    "(Debian: apt install libportaudio2)"
)
QUEUE: Final = 10  # frames; what waits longer than 200 ms is not worth hearing
RATES: Final = (SAMPLE_RATE, 48_000, 16_000, 32_000)  # Hz that are tried, whole multiples of ours
SILENCE: Final = bytes(2 * FRAME)


class PortAudio:
    """The library, once it is loaded."""

    def __init__(self, library: Any | None = None) -> None:
        """``library`` is ``sounddevice``, or what does as it does. It is loaded in a moment: 50 to 500 ms.

        Raises:
            DeviceError: it is not there.
        """
        if library is None:
            try:
                library = import_module("sounddevice")
            except (ImportError, OSError) as error:  # OSError: PortAudio itself is missing
                raise DeviceError(MISSING) from error
        self._library = library

    def devices(self) -> list[Device]:
        """All there are, by PortAudio's numbers."""
        apis = [str(each["name"]) for each in self._library.query_hostapis()]
        return [
            Device(
                number,
                str(each["name"]),
                apis[each["hostapi"]],
                int(each["max_input_channels"]),
                int(each["max_output_channels"]),
            )
            for number, each in enumerate(self._library.query_devices())
        ]

    def defaults(self) -> tuple[int | None, int | None]:
        """The system's input and output, by number."""
        inward, outward = (int(each) for each in self._library.default.device)
        return (inward if inward >= 0 else None, outward if outward >= 0 else None)

    def look_again(self) -> None:
        """Forget the devices, and look for them anew; no stream may be open."""
        self._library._terminate()
        self._library._initialize()

    def open_source(self, number: int) -> Microphone:
        """Raises DeviceError: it cannot be opened."""
        return Microphone(self._library, number)

    def open_sink(self, number: int) -> Loudspeaker:
        """Raises DeviceError: it cannot be opened."""
        return Loudspeaker(self._library, number)


def _open(library: Any, kind: str, number: int, callback: Any) -> tuple[Any, int]:
    """A running stream at the first rate that the device takes, and how many of its samples make ours."""
    trouble: Exception | None = None
    for rate in RATES:
        times = rate // SAMPLE_RATE
        try:
            stream = getattr(library, kind)(
                samplerate=rate,
                blocksize=FRAME * times,
                device=number,
                channels=1,
                dtype="int16",
                callback=callback,
            )
            stream.start()
        except (library.PortAudioError, ValueError) as error:
            trouble = trouble or error  # the first: that of the rate we like best
            continue
        return stream, times
    raise DeviceError(f"sound device {number} cannot be opened: {trouble}") from trouble


class Microphone:
    """An input that is listened to."""

    def __init__(self, library: Any, number: int) -> None:
        self._frames: deque[bytes] = deque(maxlen=QUEUE)
        self._stream, self._times = _open(library, "RawInputStream", number, self._heard)

    def _heard(self, data: Any, frames: int, when: Any, status: Any) -> None:
        """In PortAudio's thread."""
        self._frames.append(bytes(data))

    def read(self) -> bytes | None:
        if not self._frames:
            return None
        samples = array("h", self._frames.popleft())
        times = self._times
        if times > 1:  # the mean of what falls on one sample of ours: enough of a filter for a voice
            samples = array(
                "h", [sum(samples[at : at + times]) // times for at in range(0, len(samples), times)]
            )
        return encode(samples[:FRAME], "PCMU").ljust(FRAME, b"\xff")

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


class Loudspeaker:
    """An output that is spoken to; it says nothing while it is told nothing."""

    def __init__(self, library: Any, number: int) -> None:
        self._frames: deque[bytes] = deque(maxlen=QUEUE)
        self._last = 0
        self._stream, self._times = _open(library, "RawOutputStream", number, self._wanted)

    def _wanted(self, data: Any, frames: int, when: Any, status: Any) -> None:
        """In PortAudio's thread."""
        try:
            frame = self._frames.popleft()
        except IndexError:
            frame = SILENCE
        times = frames // FRAME
        data[:] = frame if times == 1 else self._stretched(frame, max(times, 1)).ljust(frames * 2, b"\0")

    def _stretched(self, frame: bytes, times: int) -> bytes:
        """So many samples for each, on the straight line from one to the next."""
        out = array("h")
        for sample in array("h", frame):
            step = sample - self._last
            out.extend([self._last + step * at // times for at in range(1, times + 1)])
            self._last = sample
        return out.tobytes()

    def write(self, frame: bytes) -> None:
        self._frames.append(array("h", map(ULAW_TO_LINEAR.__getitem__, frame)).tobytes())

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
