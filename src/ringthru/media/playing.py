"""What a leg says or keeps by itself, packet by packet: sounds, a late echo, a recording.

Each has a time at which it wants to be run (``due``); its stream calls ``run`` then. A sink takes what the
leg hears (``pass_on``).

Lives here: these small machines. Never here: sockets, clocks, files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from .g711 import ALAW_TO_ULAW, SAMPLE_RATE, ULAW_SILENCE
from .rtp import RtpPacket

if TYPE_CHECKING:
    from .stream import MediaStream

FRAME: Final = 0.02  # seconds between packets of our own
LATE: Final = 0.2  # seconds behind, after which we go on from now instead of hurrying after
LONGEST_DELAY: Final = 60.0  # seconds that an echo may be late
LONGEST_GAP: Final = 10 * SAMPLE_RATE  # samples of silence a recording fills in
RECORDING_LIMIT: Final = 60 * SAMPLE_RATE  # octets nobody has fetched


class Speaker(Protocol):
    """Says something at its time; ``due`` None: it is done."""

    due: float | None

    def run(self, now: float) -> None: ...


class Sink(Protocol):
    """Takes what a leg hears."""

    def pass_on(self, packet: RtpPacket, origin: MediaStream, now: float) -> None: ...


class Player:
    """Says frames of the agreed codec, one every 20 ms."""

    def __init__(self, stream: MediaStream, frames: Iterator[bytes], now: float) -> None:
        self.due: float | None = now
        self._stream = stream
        self._frames = frames

    def run(self, now: float) -> None:
        if self.due is None or now < self.due:
            return
        if now - self.due > LATE:
            self.due = now
        frame = next(self._frames, None)
        if frame is None:
            self.due = None
            return
        self._stream.say(frame, now)
        self.due += FRAME


class LateEcho:
    """Returns what it hears, so many seconds later."""

    def __init__(self, stream: MediaStream, delay: float, now: float) -> None:
        self.due: float | None = now
        self._stream = stream
        self._delay = min(max(delay, 0.0), LONGEST_DELAY)
        self._held: deque[tuple[float, RtpPacket]] = deque(maxlen=int(LONGEST_DELAY * 200))

    def pass_on(self, packet: RtpPacket, origin: MediaStream, now: float) -> None:
        self._held.append((now + self._delay, packet))

    def run(self, now: float) -> None:
        while self._held and self._held[0][0] <= now:
            _, packet = self._held.popleft()
            self._stream.pass_on(packet, self._stream, now)
        self.due = now + FRAME / 2  # a tick, because packets move no timer


class Recorder:
    """Keeps what a leg hears as µ-law, with silence where nothing came, and passes it on as before."""

    def __init__(self, onward: Sink | None = None) -> None:
        self.onward = onward
        self.dropped = 0  # octets that nobody fetched in time
        self._octets = bytearray()
        self._expected: int | None = None  # the timestamp that comes next

    def pass_on(self, packet: RtpPacket, origin: MediaStream, now: float) -> None:
        agreed = origin.negotiated
        if agreed is not None and packet.payload_type == agreed.heard_type:
            self._keep(packet, agreed.codec.name)
        if self.onward is not None:
            self.onward.pass_on(packet, origin, now)

    def take(self) -> bytes:
        """What was kept since the last time."""
        taken, self._octets = bytes(self._octets), bytearray()
        return taken

    def _keep(self, packet: RtpPacket, codec: str) -> None:
        ahead = 0 if self._expected is None else (packet.timestamp - self._expected) % (1 << 32)
        if ahead > 1 << 31:
            return  # older than what is kept
        if len(self._octets) > RECORDING_LIMIT:
            self.dropped += len(packet.payload)
        else:
            if ahead <= LONGEST_GAP:
                self._octets += bytes((ULAW_SILENCE,)) * ahead
            self._octets += packet.payload if codec == "PCMU" else packet.payload.translate(ALAW_TO_ULAW)
        self._expected = (packet.timestamp + len(packet.payload)) % (1 << 32)
