"""What one leg sends by RTP: what its peer is told of others, of itself, and of keys.

Lives here: whether and as what a packet leaves; the opening, keys, keepalives.
Never here: what is heard, and where the peer is (``latch``); sockets and clocks.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..description.offer_answer import Negotiated
from ..rtp.latch import Latch
from ..rtp.packet import RtpPacket
from ..rtp.sender import Allowance, RtpSender
from ..rtp.telephone_event import USUAL_RATE, KeyPresser, at_another_rate
from ..sound.g711 import G711, TRANSCODE, silence

OPENING_PACKETS: Final = 25  # half a second of silence, unless something is heard before
OPENING_INTERVAL: Final = 0.02  # seconds
QUEUE_LIMIT: Final = 512  # datagrams nobody has fetched; more are dropped
KEEPALIVE: Final = 15.0  # seconds without a packet of ours, after which one keeps the NATs open (RFC 6263 §6)
KEEPALIVE_TYPES: Final = (126, 125, 124)  # one of them is not agreed on (RFC 6263 §4.6)


class Source(Protocol):
    """The leg that heard a packet."""

    @property
    def negotiated(self) -> Negotiated | None: ...

    def blocks(self, packet: RtpPacket) -> bool: ...


class Outgoing:
    """One leg's RTP on its way out.

    Driven by its stream: call any method, then send ``to_send()``, and sleep until the earliest of
    ``timeouts()``.
    """

    def __init__(self, sender: RtpSender) -> None:
        self.heard = False  # the peer, since it was told where: nothing more is needed to open the way
        self.allowance = Allowance()  # of what is returned to the peer
        self._sender = sender
        self._agreed: Negotiated | None = None
        self._latch: Latch | None = None
        self._speak_first = True
        self._presser = KeyPresser()
        self._opening_left = 0
        self._opening_at: float | None = None
        self._quiet_since = 0.0
        self._out: list[bytes] = []

    def connect(self, agreed: Negotiated, latch: Latch, now: float, *, speak_first: bool) -> None:
        """Send by what was agreed on, to where ``latch`` says; without ``speak_first`` once it learned."""
        if self._agreed is None:
            self._quiet_since = now
        self._agreed, self._latch, self._speak_first = agreed, latch, speak_first
        self._sender.clock_rate = agreed.codec.clock_rate

    def speaks(self, latch: Latch | None) -> bool:
        """A held stream's 0.0.0.0 is no address: Linux would take it for this machine."""
        if latch is None or latch.target.host in ("0.0.0.0", "::"):
            return False
        return self._speak_first or latch.proven

    # The opening

    def open(self, now: float) -> None:
        """Silence from now on, until the peer is heard or something else is said."""
        self.heard = False
        self._opening_left = OPENING_PACKETS
        self._open(now)

    def stop_opening(self) -> None:
        self._opening_left = 0

    def _open(self, now: float) -> None:
        """One packet of silence, and the time of the next, until the peer is heard.

        Of a codec whose silence we cannot make an empty packet of an unknown type opens the way as well.
        """
        agreed = self._agreed
        self._opening_at = None
        if agreed is None or self.heard or not self._opening_left or not agreed.sends:
            return
        if self.speaks(self._latch):
            self._opening_left -= 1
            if agreed.codec.name in G711:
                payload = silence(agreed.codec.name, agreed.ptime * agreed.codec.clock_rate // 1000)
                self._out.append(self._sender.originate(agreed.codec.payload_type, payload, now))
            else:
                self._knock(agreed, now)
            self._opening_at = now + OPENING_INTERVAL

    # What is said

    def say(self, frame: bytes, now: float, samples: int = 0) -> None:
        """Send a frame of our own, in the agreed codec; a key that is down takes its place.

        ``samples`` is its length; 0: an octet each, as in G.711.
        """
        agreed = self._agreed
        quiet = agreed is None or not agreed.sends or self._presser.pressing
        if agreed is not None and not quiet and self.speaks(self._latch):
            self._out.append(self._sender.originate(agreed.codec.payload_type, frame, now, samples))

    def pass_on(self, packet: RtpPacket, origin: Source, now: float, *, own: bool) -> None:
        """Send on what ``origin`` heard, in this leg's numbers, payload types and law; ``own``: an echo."""
        ours, theirs = self._agreed, origin.negotiated
        if ours is None or theirs is None or not ours.sends or len(self._out) >= QUEUE_LIMIT:
            return
        payload_type, payload = _translate(packet, theirs, ours)
        if self._presser.pressing or origin.blocks(packet):
            payload_type = None  # a key that is down takes the audio's place
        if payload_type is None or (own and not self.allowance.take(now)):
            self._sender.skip(packet, origin)
        elif self.speaks(self._latch):
            self._opening_left = 0
            self._out.append(self._sender.forward(packet, payload_type, payload, origin, now))

    def way_of(self, theirs: Negotiated) -> tuple[int, bytes | None] | None:
        """As what the audio of another leg leaves: payload type, and table of octets, by both agreements.

        None: it does not.
        """
        ours = self._agreed
        if ours is None or not ours.sends or self._presser.pressing or not self.speaks(self._latch):
            return None
        table = TRANSCODE.get((theirs.codec.name, ours.codec.name))
        if table is None and theirs.codec.name != ours.codec.name:
            return None
        return ours.codec.payload_type, table

    def press(self, key: str, milliseconds: int, now: float) -> bool:
        """Send one key as an RTP event; False when it is none, or events were not agreed on."""
        if self._agreed is None or self._agreed.telephone_event is None:
            return False
        pressed = self._presser.press(key, milliseconds, now)
        self._press_on(now)
        return pressed

    def _press_on(self, now: float) -> None:
        """What is due of the keys that are being pressed."""
        agreed = self._agreed
        rate = agreed.event_rate if agreed is not None else USUAL_RATE
        for packet in self._presser.due(now, rate):
            if agreed is not None and agreed.telephone_event is not None and self.speaks(self._latch):
                self._opening_left = 0
                self._out.append(
                    self._sender.event(agreed.telephone_event, packet.payload, packet.first, now)
                )

    # Time

    def timeouts(self) -> list[float]:
        """When to call ``handle_timeout`` (seconds): at the earliest of these."""
        times = [self._quiet_at + KEEPALIVE]
        if self._opening_at is not None and self._opening_left:
            times.append(self._opening_at)
        if (pressing_at := self._presser.next_at()) is not None:
            times.append(pressing_at)
        return times

    def handle_timeout(self, now: float) -> None:
        if self._opening_at is not None and now >= self._opening_at:
            self._open(now)
        self._press_on(now)

    def keep_open(self, now: float) -> None:
        """An empty packet of a type that nobody knows, so that the NATs on the way do not forget us."""
        agreed = self._agreed
        if agreed is None or now < self._quiet_at + KEEPALIVE:
            return
        self._quiet_since = now
        if self.speaks(self._latch):
            self._knock(agreed, now)

    def _knock(self, agreed: Negotiated, now: float) -> None:
        taken = (agreed.codec.payload_type, agreed.telephone_event)
        unknown = next(each for each in KEEPALIVE_TYPES if each not in taken)
        self._out.append(self._sender.keepalive(unknown, now))

    @property
    def _quiet_at(self) -> float:
        """When the last packet of ours left, or was last given up."""
        sent_at = self._sender.sent_at
        return self._quiet_since if sent_at is None else max(sent_at, self._quiet_since)

    # Results

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out


def _translate(packet: RtpPacket, theirs: Negotiated, ours: Negotiated) -> tuple[int | None, bytes]:
    """The payload type and payload for our peer; None for what was not agreed with it."""
    if packet.payload_type == theirs.heard_type:
        table = TRANSCODE.get((theirs.codec.name, ours.codec.name))
        if table is None and theirs.codec.name != ours.codec.name:
            return None, b""  # nobody here makes one of the other
        payload = packet.payload if table is None else packet.payload.translate(table)
        return ours.codec.payload_type, payload
    if packet.payload_type == theirs.heard_event:
        return ours.telephone_event, at_another_rate(packet.payload, theirs.event_rate, ours.event_rate)
    return None, b""  # comfort noise, which nobody agreed on
