"""What one leg sends: its own SSRC, and sequence and timestamps that run on whatever feeds them.

Lives here: the renumbering of received packets, and the bound on what an echo returns.
Never here: which packets are forwarded, and where to (``stream``).
"""

from __future__ import annotations

from typing import Final

from .packet import RtpPacket
from .statistics import MAX_DROPOUT, MAX_MISORDER, SEQUENCES

TIMESTAMPS: Final = 1 << 32
ECHO_RATE: Final = 150.0  # packets/s; three times what a phone sends at 20 ms
ECHO_BURST: Final = 50  # a second of packets that a network held back


class RtpSender:
    """Renumbers packets of changing sources into one continuous stream.

    Sequence and timestamp keep their distances within a source, so that loss and reordering
    before us stay visible behind us; a new source, or a jump, goes on where the last ended.
    """

    def __init__(self, ssrc: int, sequence: int, timestamp: int, clock_rate: int = 8000) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.packets = 0
        self.octets = 0  # of payload (RFC 3550 §6.4.1)
        self._sequence = (sequence - 1) % SEQUENCES  # the highest sent
        self._timestamp = timestamp
        self._source: tuple[object, int] | None = None
        self._sequence_shift = 0
        self._timestamp_shift = 0
        self.sent_at: float | None = None
        self._event_timestamp = timestamp

    def forward(
        self, packet: RtpPacket, payload_type: int, payload: bytes, origin: object, now: float
    ) -> bytes:
        """The datagram that carries on a packet of ``origin`` (the leg that received it)."""
        marker = packet.marker
        if self._must_rebase(packet, origin):
            self._rebase(packet, origin, now)
            marker = True  # a new talkspurt to the receiver (RFC 3551 §4.1)
        sequence = (packet.sequence + self._sequence_shift) % SEQUENCES
        timestamp = (packet.timestamp + self._timestamp_shift) % TIMESTAMPS
        return self._finish(RtpPacket(payload_type, sequence, timestamp, self.ssrc, payload, marker), now)

    def goes_on(self, origin: object, ssrc: int, highest: int) -> bool:
        """Whether what left last was the ``highest`` of this source; ``go_on`` is for the next."""
        last = (highest + self._sequence_shift) % SEQUENCES
        return self._source == (origin, ssrc) and last == self._sequence

    def go_on(self, octets: int, timestamp: int, now: float) -> tuple[int, int]:
        """``forward`` for the packet after the last one of its source: sequence and timestamp to send."""
        self._sequence = sequence = self._sequence + 1 & SEQUENCES - 1
        self._timestamp = timestamp = timestamp + self._timestamp_shift & TIMESTAMPS - 1
        self.sent_at = now
        self.packets += 1
        self.octets += octets
        return sequence, timestamp

    def originate(self, payload_type: int, payload: bytes, now: float, samples: int = 0) -> bytes:
        """A datagram of our own, a whole number of its lengths after the last.

        ``samples`` is its length; 0: an octet each.
        """
        first = self.sent_at is None
        timestamp = self._timestamp
        if self.sent_at is not None:
            frame = samples or len(payload)  # an octet of G.711 is a sample
            frames = max(round((now - self.sent_at) * self.clock_rate / frame), 1)
            timestamp = (timestamp + frames * frame) % TIMESTAMPS
        sequence = (self._sequence + 1) % SEQUENCES
        self._source = None
        return self._finish(RtpPacket(payload_type, sequence, timestamp, self.ssrc, payload, first), now)

    def event(self, payload_type: int, payload: bytes, first: bool, now: float) -> bytes:
        """A packet of a telephone event: all of one event bear the timestamp of its first (RFC 4733 §2.3)."""
        if first:
            self._event_timestamp = self._timestamp if self.sent_at is None else self._next_timestamp(now)
        sequence = (self._sequence + 1) % SEQUENCES
        self._source = None  # the audio goes on after the event, as a new talkspurt
        packet = RtpPacket(payload_type, sequence, self._event_timestamp, self.ssrc, payload, first)
        return self._finish(packet, now)

    def keepalive(self, payload_type: int, now: float) -> bytes:
        """An empty datagram that only keeps the way open."""
        timestamp = self._timestamp if self.sent_at is None else self._next_timestamp(now)
        sequence = (self._sequence + 1) % SEQUENCES
        self._source = None
        return self._finish(RtpPacket(payload_type, sequence, timestamp, self.ssrc, b""), now)

    def skip(self, packet: RtpPacket, origin: object) -> None:
        """A packet of the source that is not sent on must not look like loss."""
        if self._source == (origin, packet.ssrc):
            self._sequence_shift -= 1

    def timestamp_at(self, now: float) -> int:
        """The timestamp that a packet sent at ``now`` would bear, for sender reports."""
        elapsed = 0.0 if self.sent_at is None else now - self.sent_at
        return (self._timestamp + int(elapsed * self.clock_rate)) % TIMESTAMPS

    def _must_rebase(self, packet: RtpPacket, origin: object) -> bool:
        if self._source != (origin, packet.ssrc):
            return True
        ahead = (packet.sequence + self._sequence_shift - self._sequence) % SEQUENCES
        return MAX_DROPOUT < ahead < SEQUENCES - MAX_MISORDER

    def _rebase(self, packet: RtpPacket, origin: object, now: float) -> None:
        timestamp = self._timestamp if self.sent_at is None else self._next_timestamp(now)
        self._source = (origin, packet.ssrc)
        self._sequence_shift = self._sequence + 1 - packet.sequence
        self._timestamp_shift = timestamp - packet.timestamp

    def _next_timestamp(self, now: float) -> int:
        """Where the clock has got to, at least one sample after the last packet."""
        elapsed = now - self.sent_at if self.sent_at is not None else 0.0
        return (self._timestamp + max(round(elapsed * self.clock_rate), 1)) % TIMESTAMPS

    def _finish(self, packet: RtpPacket, now: float) -> bytes:
        if (packet.sequence - self._sequence) % SEQUENCES < SEQUENCES // 2:
            self._sequence = packet.sequence
            self._timestamp = packet.timestamp
            self.sent_at = now
        self.packets += 1
        self.octets += len(packet.payload)
        return packet.encode()


class Allowance:
    """A token bucket: what may be echoed, so that two echoes facing each other do not race."""

    __slots__ = ("_burst", "_left", "_rate", "_seen_at")

    def __init__(self, rate: float = ECHO_RATE, burst: int = ECHO_BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._seen_at = 0.0

    def take(self, now: float) -> bool:
        """Whether one more packet may go at ``now``."""
        self._left = min(self._left + (now - self._seen_at) * self._rate, self._burst)
        self._seen_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
