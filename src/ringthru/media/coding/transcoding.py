"""One direction of a transcoded call: RTP of one codec to RTP of another, packet by packet.

A packet is coded when it comes: nothing waits but for a whole frame of the other side's length, and one that
overtook its neighbour for that neighbour. What was late stays late, and the phone's own jitter buffer sees
to it. What was lost before us is repaired where the codec can do that, else left out in sequence and time,
for the next one to see.

Lives here: sequence, time, frames, telephone events. Never here: sockets, samples (``coders``).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from ...net.values import frozen
from ..description.codecs import Codec
from ..errors import MalformedPacket
from ..rtp.packet import RtpPacket
from ..rtp.reordering import Reordering
from ..rtp.telephone_event import at_another_rate
from .coders import common_rate, decoder_of, encoder_of, frame_of

if TYPE_CHECKING:
    from .coders import Samples

AUDIO, EVENT = 96, 101  # payload types between an engine's inner legs and here
OVERTAKING: Final = 1  # packets that wait for one that is missing; more would be heard at each loss
MOST_REPAIRED: Final = 5  # packets in a row; of longer gaps nothing can be made
LONGEST_GAP: Final = 10.0  # seconds; beyond it the stream counts as a new one
LONGEST_WAIT: Final = 0.2  # seconds of samples that may wait: more than any frame
STAMPS, SEQUENCES = 1 << 32, 1 << 16


@frozen
class Side:
    """What one leg speaks; ``ptime`` in milliseconds, ``event_rate`` in Hz."""

    codec: Codec
    ptime: int = 20
    event_rate: int = 8000


class OneWay:
    """From what one side says to what the other hears."""

    def __init__(self, here: Side, there: Side, ssrc: int) -> None:
        """Raises LocalError: one of the two codecs is none that can be coded here."""
        self.packets = self.broken = 0
        self._order: Reordering[RtpPacket] = Reordering(OVERTAKING)
        self._ordered: int | None = None  # the source that is put in order
        self._here, self._there = here, there
        self._ssrc = ssrc
        self._rate = common_rate(here.codec, there.codec)
        self._decoder = decoder_of(here.codec, self._rate)
        self._encoder = encoder_of(there.codec, self._rate)
        self._frame = frame_of(there.codec, there.ptime) * self._rate // 1000  # samples
        self._waiting: Samples = array("h")
        self._source: int | None = None
        self._next_sequence = 0  # that should come
        self._next_stamp = 0  # the same, of audio
        self._seen_stamp = 0  # the last one that was reckoned with, and what became of it
        self._out_stamp = 0
        self._waiting_stamp = 0  # of the first sample that waits, in our clock
        self._sequence = 0  # sent next
        self._marker = True

    def receive(self, datagram: bytes) -> list[bytes]:
        """What is to be sent now because of one datagram; whatever that is, nothing is raised."""
        try:
            packet = RtpPacket.decode(datagram)
        except MalformedPacket:
            return []
        due: list[RtpPacket] = []
        if packet.ssrc != self._ordered:  # another stream: nothing of the one before will come
            due += self._order.flush()
            self._order, self._ordered = Reordering(OVERTAKING), packet.ssrc
        due += self._order.put(packet.sequence, packet)
        return [made for each in due for made in self._take(each)]

    def _take(self, packet: RtpPacket) -> list[bytes]:
        if packet.payload_type not in (AUDIO, EVENT):
            return []  # what keeps the way open
        lost = self._lost_before(packet)
        if lost is None:
            return []
        if packet.payload_type == EVENT:
            return [self._event(packet)]
        try:
            return self._audio(packet, lost)
        except MalformedPacket:
            self.broken += 1
            return []

    def _lost_before(self, packet: RtpPacket) -> int | None:
        """How many packets are missing before this one; None: it comes too late."""
        ahead = (packet.sequence - self._next_sequence) % SEQUENCES
        since = _signed(packet.timestamp - self._seen_stamp) / self._here.codec.clock_rate
        if packet.ssrc != self._source or not -LONGEST_GAP < since < LONGEST_GAP:
            self._begin(packet)
            ahead = 0
        if ahead >= SEQUENCES // 2:
            return None
        self._next_sequence = (packet.sequence + 1) % SEQUENCES
        return ahead

    def _begin(self, packet: RtpPacket) -> None:
        """A stream that has nothing to do with the one before goes on where that ended."""
        self._source = packet.ssrc
        self._waiting = array("h")
        self._seen_stamp = self._next_stamp = packet.timestamp
        self._out_stamp += self._frame * self._there.codec.clock_rate // self._rate
        self._marker = True

    def _stamp_of(self, stamp: int) -> int:
        """A timestamp of the peer's in the other side's clock."""
        here, there = self._here.codec.clock_rate, self._there.codec.clock_rate
        passed = _signed(stamp - self._seen_stamp)
        if passed > 0:  # never back, so that nothing is lost by rounding
            passed -= passed % max(here // there, 1)
            self._seen_stamp = (self._seen_stamp + passed) % STAMPS
            self._out_stamp += passed * there // here
            return self._out_stamp
        return self._out_stamp + passed * there // here

    def _event(self, packet: RtpPacket) -> bytes:
        payload = at_another_rate(packet.payload, self._here.event_rate, self._there.event_rate)
        return self._packet(EVENT, self._stamp_of(packet.timestamp), payload, packet.marker)

    def _audio(self, packet: RtpPacket, lost: int) -> list[bytes]:
        out: list[bytes] = []
        gap = _signed(packet.timestamp - self._next_stamp)
        if gap and not self._repaired(gap, lost, packet.payload):
            out += self._finish()
            self._waiting_stamp = self._stamp_of(packet.timestamp)
            frame = self._frame * self._here.codec.clock_rate // self._rate
            self._sequence += max(gap // frame, 1) if lost else 0
            self._marker = self._marker or not lost
        elif not self._waiting:
            self._waiting_stamp = self._stamp_of(packet.timestamp)
        samples = self._decoder.decode(packet.payload)
        self._waiting += samples
        length = len(samples) * self._here.codec.clock_rate // self._rate
        self._next_stamp = (packet.timestamp + length) % STAMPS
        del self._waiting[: -int(LONGEST_WAIT * self._rate)]
        return out + self._whole_frames()

    def _repaired(self, gap: int, lost: int, following: bytes) -> bool:
        """Whether the codec could tell what was in the packets that are missing."""
        if not 0 < lost <= MOST_REPAIRED or gap <= 0:
            return False
        made = self._decoder.conceal(gap * self._rate // self._here.codec.clock_rate, following)
        if made and not self._waiting:
            self._waiting_stamp = self._stamp_of(self._next_stamp)
        self._waiting += made
        return bool(made)

    def _finish(self) -> list[bytes]:
        """What waits, made whole by silence: nothing that follows belongs to it."""
        if not self._waiting:
            return []
        self._waiting += array("h", bytes(2 * (self._frame - len(self._waiting))))
        return self._whole_frames()

    def _whole_frames(self) -> list[bytes]:
        out = []
        while len(self._waiting) >= self._frame:
            payload = self._encoder.encode(self._waiting[: self._frame])
            del self._waiting[: self._frame]
            out.append(self._packet(AUDIO, self._waiting_stamp, payload, self._marker))
            self._marker = False
            self._waiting_stamp += self._frame * self._there.codec.clock_rate // self._rate
        return out

    def _packet(self, kind: int, stamp: int, payload: bytes, marker: bool) -> bytes:
        self.packets += 1
        sequence, self._sequence = self._sequence % SEQUENCES, self._sequence + 1
        return RtpPacket(kind, sequence, stamp % STAMPS, self._ssrc, payload, marker).encode()


def _signed(difference: int) -> int:
    """The shorter way between two timestamps."""
    return (difference + (1 << 31)) % STAMPS - (1 << 31)
