"""Keys as RTP events (RFC 4733 §2): the payload, one key heard, one key pressed.

Lives here: bytes and values; when an event counts as one key; which packets a pressed key makes.
Never here: sequence numbers and timestamps of the stream (`sender`), sockets.

::

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    |     event     |E|R| volume    |          duration             |
"""

from __future__ import annotations

from collections import deque
from typing import Final, Self

from ...net.values import frozen
from ..errors import MalformedPacket

KEYS: Final = "0123456789*#ABCD"  # event numbers 0 to 15 (§3.2)
VOLUME: Final = 10  # dBm0 below zero, what phones send
INTERVAL: Final = 0.02  # seconds between the packets of one event (§2.5.1.2: the audio's packet time)
SHORTEST, LONGEST, USUAL = 50, 8000, 160  # milliseconds of one key
LONGEST_DURATION: Final = 0xFFFF  # in the clock of the events (§2.3.5): 1.3 s at 48000 Hz
USUAL_RATE: Final = 8000  # Hz; that of the events of most codecs
GAP: Final = 0.05  # seconds between two keys
ENDINGS: Final = 3  # copies of the last packet (§2.5.1.4)
MAX_QUEUED: Final = 64  # keys that wait to be sent


@frozen
class TelephoneEvent:
    """One packet's payload; ``duration`` in timestamp units since the event began."""

    event: int
    end: bool
    volume: int
    duration: int

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a payload; of several events in one packet (§2.5.1.5) the first.

        Raises:
            MalformedPacket: fewer than four octets.
        """
        if len(payload) < 4:
            raise MalformedPacket(f"a telephone event of {len(payload)} octets")
        return cls(
            payload[0], bool(payload[1] & 0x80), payload[1] & 0x3F, int.from_bytes(payload[2:4], "big")
        )

    def encode(self) -> bytes:
        return bytes((self.event, self.end << 7 | self.volume)) + self.duration.to_bytes(2, "big")

    @property
    def key(self) -> str:
        """The key's name; empty for an event that is no key."""
        return KEYS[self.event] if self.event < len(KEYS) else ""


def at_another_rate(payload: bytes, was: int, rate: int) -> bytes:
    """The payload of an event in another clock (Hz)."""
    if was == rate or len(payload) < 4:
        return payload
    duration = min(int.from_bytes(payload[2:4], "big") * rate // was, LONGEST_DURATION)
    return payload[:2] + duration.to_bytes(2, "big") + payload[4:]


@frozen
class KeyHeard:
    """The peer pressed a key, and let go of it; ``milliseconds`` as far as its packets told."""

    key: str
    milliseconds: int


class KeyListener:
    """Makes one key of the packets of one event: they bear one timestamp, and the last comes three times."""

    __slots__ = ("_done", "_heard", "_timestamp")

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._heard: TelephoneEvent | None = None
        self._done = False

    def hear(self, payload: bytes, timestamp: int, rate: int = USUAL_RATE) -> KeyHeard | None:
        """Take one packet; a key when it ended with it, or the one before, whose end was lost."""
        try:
            event = TelephoneEvent.decode(payload)
        except MalformedPacket:
            return None
        if timestamp == self._timestamp:
            if self._done or (self._heard is not None and event.duration < self._heard.duration):
                return None  # a copy of the end, or a packet that came late
            self._heard = event
            return self._finish(rate) if event.end else None
        if self._timestamp is not None and (timestamp - self._timestamp) % (1 << 32) >= 1 << 31:
            return None  # of an event before this one
        before = self._finish(rate) if not self._done else None
        self._timestamp, self._heard, self._done = timestamp, event, False
        if event.end and before is None:
            return self._finish(rate)
        return before

    def _finish(self, rate: int) -> KeyHeard | None:
        event, self._done = self._heard, True
        if event is None or not event.key:
            return None
        return KeyHeard(event.key, event.duration * 1000 // rate)


@frozen
class EventPacket:
    """One packet to send; ``first`` begins a new event, and bears the marker (§2.5.1.1)."""

    payload: bytes
    first: bool


class KeyPresser:
    """Presses keys one after another: which packets are due, and when the next ones are."""

    __slots__ = ("_at", "_began", "_queue")

    def __init__(self) -> None:
        self._queue: deque[tuple[int, int]] = deque()  # event, milliseconds
        self._began: float | None = None
        self._at: float | None = None

    @property
    def pressing(self) -> bool:
        """Whether a key is down now: its packets take the place of the audio."""
        return self._began is not None

    def press(self, key: str, milliseconds: int, now: float) -> bool:
        """Press a key after those that wait; False for what is no key, and when too many wait."""
        event = KEYS.find(key.upper()) if len(key) == 1 else -1
        if event < 0 or len(self._queue) >= MAX_QUEUED:
            return False
        self._queue.append((event, min(max(milliseconds, SHORTEST), LONGEST)))
        if self._at is None:
            self._at = now
        return True

    def next_at(self) -> float | None:
        return self._at

    def due(self, now: float, rate: int = USUAL_RATE) -> list[EventPacket]:
        """The packets to send now; ``rate`` is the clock of the events."""
        if self._at is None or now < self._at:
            return []
        if not self._queue:
            self._at = None
            return []
        event, milliseconds = self._queue[0]
        first = self._began is None
        if self._began is None:
            self._began = now
        elapsed = min(round((now - self._began + INTERVAL) * 1000), milliseconds)
        over = elapsed >= milliseconds
        duration = min(elapsed * rate // 1000, LONGEST_DURATION)
        payload = TelephoneEvent(event, over, VOLUME, duration).encode()
        if not over:
            self._at = now + INTERVAL
            return [EventPacket(payload, first)]
        self._queue.popleft()
        self._began = None
        self._at = now + GAP
        return [EventPacket(payload, first)] + [EventPacket(payload, False)] * (ENDINGS - 1)
