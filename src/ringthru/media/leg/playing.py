"""What a leg says or keeps by itself, packet by packet: sounds, a late echo, a recording.

Each has a time at which it wants to be run (``due``); its stream calls ``run`` then. A sink takes what the
leg hears (``pass_on``).

Lives here: these small machines. Never here: sockets, clocks, files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from ..coding.coders import Decoder, decoder_of, installed, ulaw_of
from ..description.codecs import NAMED
from ..errors import MalformedPacket
from ..rtp.frames import Frame
from ..rtp.packet import RtpPacket
from ..rtp.reordering import KEPT, Reordering
from ..sound.g711 import ALAW_TO_ULAW, G711, SAMPLE_RATE, ULAW_SILENCE

if TYPE_CHECKING:
    from ..interface import Tap
    from .stream import MediaStream

FRAME: Final = 0.02  # seconds between packets of our own
FIRST_LOOK: Final = 0.001  # seconds between looks for the first frame of a feed
LATE: Final = 0.2  # seconds behind, after which we go on from now instead of hurrying after
LONGEST_DELAY: Final = 60.0  # seconds that an echo may be late
LONGEST_GAP: Final = 10 * SAMPLE_RATE  # samples of silence a recording fills in
FRAME_COST: Final = 32  # octets that a frame is reckoned to take beside its payload
TAP_LIMIT: Final = 128 << 10  # octets nobody has fetched: 13 s of G.711
FEED_LIMIT: Final = 64 << 10  # octets not yet said: nearly 7 s
LOW_WATER: Final = 10  # frames


def cost(payload: bytes) -> int:
    """What a frame counts against a limit, in octets."""
    return FRAME_COST + (len(payload) + 7) // 8 * 8


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
        if self.due is None or now < self.due:
            return
        while self._held and self._held[0][0] <= now:
            _, packet = self._held.popleft()
            self._stream.pass_on(packet, self._stream, now)
        self.due = now + FRAME / 2  # a tick, because packets move no timer


class FedPlayer:
    """Says frames as they are written, each when the one before is over; silence where none came in time.

    The first one sets the beat: it leaves as soon as it is written.
    """

    def __init__(self, stream: MediaStream, now: float) -> None:
        self.due: float | None = now
        self._stream = stream
        self._frames: deque[tuple[bytes, int]] = deque()
        self._octets = 0
        self._finished = self._told = self._begun = False

    def write(self, frame: bytes, samples: int) -> bool:
        """Add a frame of so many samples; False: it is full."""
        if self._octets + cost(frame) > FEED_LIMIT or self._finished or samples <= 0:
            return False
        self._frames.append((frame, samples))
        self._octets += cost(frame)
        if len(self._frames) > LOW_WATER:
            self._told = False
        return True

    def finish(self) -> None:
        self._finished = True

    def run(self, now: float) -> None:
        if self.due is None or now < self.due:
            return
        if now - self.due > LATE:
            self.due = now
        if not self._frames:
            self.due = None if self._finished else self.due + (FRAME if self._begun else FIRST_LOOK)
            return
        self._begun = True
        frame, samples = self._frames.popleft()
        self._octets -= cost(frame)
        self._stream.say(frame, now, samples)
        self.due += samples / self._stream.sender.clock_rate
        if len(self._frames) <= LOW_WATER and not self._told and not self._finished:
            self._told = True
            self._stream.hunger(len(self._frames))


class PacketTap:
    """Keeps the audio packets that a leg hears, until somebody reads them."""

    def __init__(self, on_close: Callable[[PacketTap], None] = lambda tap: None) -> None:
        self.dropped = 0  # frames that nobody fetched in time
        self._on_close = on_close
        self._frames: list[Frame] = []
        self._octets = 0

    def keep(self, codec: str, packet: RtpPacket) -> None:
        if self._octets + cost(packet.payload) > TAP_LIMIT:
            self.dropped += 1
            return
        self._octets += cost(packet.payload)
        self._frames.append(Frame(codec, packet.sequence, packet.timestamp, packet.payload))

    def read(self) -> list[Frame]:
        taken, self._frames, self._octets = self._frames, [], 0
        return taken

    def close(self) -> None:
        self._on_close(self)


class Recorder:
    """What a leg hears as µ-law, with silence where nothing came; in every codec there is a coder of.

    ``depth`` is how many packets may wait for one that they overtook (``reordering``).
    """

    def __init__(self, tap: Tap, depth: int = KEPT) -> None:
        self._tap = tap
        self._order: Reordering[Frame] = Reordering(depth)
        self._closed = False
        self._codec = ""  # of the frames that came last
        self._decoder: Decoder | None = None
        self._step = 1  # timestamp units of a sample
        self._expected: int | None = None  # the timestamp that comes next

    @property
    def dropped(self) -> int:
        """Frames that nobody fetched in time."""
        return self._tap.dropped

    @property
    def late(self) -> int:
        """Packets that came after their turn, or twice."""
        return self._order.late

    def take(self) -> bytes:
        """What was kept since the last time; to be called every few seconds."""
        octets = bytearray()
        for frame in self.frames():
            self._keep(frame, octets)
        return bytes(octets)

    def take_each(self) -> list[bytes]:
        """The same frame by frame; nothing stands for what is missing."""
        taken = []
        for frame in self.frames():
            if frame.codec != self._codec:
                self._understand(frame.codec)
            taken.append(self._ulaw(frame))
        return taken

    def take_narrowed(self) -> list[Frame]:
        """The same frame by frame as µ-law, each with its time in 8000 Hz."""
        return [
            Frame("PCMU", frame.sequence, frame.timestamp // self._step_of(frame), self._ulaw(frame))
            for frame in self.frames()
        ]

    def _step_of(self, frame: Frame) -> int:
        if frame.codec != self._codec:
            self._understand(frame.codec)
        return self._step

    def frames(self) -> list[Frame]:
        """The same as it came from the wire, in order."""
        out = [each for frame in self._tap.read() for each in self._order.put(frame.sequence, frame)]
        return out + self._order.flush() if self._closed else out

    def close(self) -> None:
        """Keep no more; what was kept can still be taken."""
        self._tap.close()
        self._closed = True

    def _keep(self, frame: Frame, octets: bytearray) -> None:
        if frame.codec != self._codec:
            self._understand(frame.codec)
        ahead = 0 if self._expected is None else (frame.timestamp - self._expected) % (1 << 32)
        ulaw = self._ulaw(frame)
        if ahead // self._step <= LONGEST_GAP:  # else the clock is another one
            octets += bytes((ULAW_SILENCE,)) * (ahead // self._step)
        octets += ulaw
        self._expected = (frame.timestamp + len(ulaw) * self._step) % (1 << 32)

    def _understand(self, codec: str) -> None:
        """From now on this one: the leg changed it, or only begins."""
        clock_rate = NAMED[codec].clock_rate if codec in NAMED else SAMPLE_RATE
        if self._expected is not None and clock_rate // SAMPLE_RATE != self._step:
            self._expected = None  # the clock is another one
        self._codec, self._step, self._decoder = codec, clock_rate // SAMPLE_RATE, None
        if codec not in G711 and codec in installed():
            self._decoder = decoder_of(NAMED[codec], SAMPLE_RATE)

    def _ulaw(self, frame: Frame) -> bytes:
        """Nothing for what cannot be read."""
        if frame.codec in G711:
            return frame.payload if frame.codec == "PCMU" else frame.payload.translate(ALAW_TO_ULAW)
        if self._decoder is None:
            return b""
        try:
            return ulaw_of(self._decoder.decode(frame.payload))
        except MalformedPacket:
            return b""
