"""The engine in Python, as the switch sees it: its packets are moved in a process of their own.

There nothing that the switch does delays them, its garbage least of all. The process is started with the
first leg, or before by ``start``. Orders are sent and not waited for; a report and a leg's end are, for as
long as the process takes for one packet.

Lives here: the switch's end. Never here: what becomes of packets (``twin_process_driver``).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import Any, Final

from ringthru.net.address import Endpoint

from ...net.values import replace
from ..description.offer_answer import Negotiated
from ..errors import EngineFull
from ..events import Timeout
from ..interface import Leg, Ports
from ..leg.playing import TAP_LIMIT, cost
from ..leg.stream import HOLD_TIMEOUT, RTP_TIMEOUT
from ..rtp.frames import Frame
from ..rtp.report import LegReport
from ..rtp.telephone_event import KEYS
from ..sound.sounds import Sound
from .pair_driver import PortPair
from .ports_driver import HasPorts
from .telling import Listened
from .twin_link_driver import Link

log = logging.getLogger(__name__)

CAPACITY: Final = 1600  # legs; what Python bears on one core
BUFFERED: Final = 6.0  # seconds that a feed holds
NOTHING: Final = LegReport(0, 0, 0, 0, 0, 0, None, 0.0, None, 0, None, None)


class TwinEngine(HasPorts):
    """The engine whose packets are moved by another process; see ``Engine``."""

    name = "python"

    def __init__(self, first_port: int = 16384, last_port: int = 32768, capacity: int = CAPACITY) -> None:
        """``capacity`` is how many legs there may be at once."""
        self._capacity = capacity
        super().__init__(first_port, last_port)
        self._legs: dict[int, TwinLeg] = {}
        self._serial = 0
        self._link: Link | None = None

    def legs(self) -> Sequence[TwinLeg]:
        return tuple(self._legs.values())

    def open(
        self, ports: Ports, *, name: str, rtp_timeout: float = RTP_TIMEOUT, hold_timeout: float = HOLD_TIMEOUT
    ) -> TwinLeg:
        """A leg on a reserved pair, which it owns from then on.

        Raises:
            EngineFull: there are ``capacity`` legs already, or the process cannot be started.
            LocalError: the pair is not reserved here.
        """
        if len(self._legs) >= self._capacity:
            raise EngineFull(f"the media engine has {len(self._legs)} legs and takes no more")
        try:
            link = self._running()
        except OSError as error:
            raise EngineFull(f"the process that moves the audio cannot be started: {error}") from error
        pair = self._ports.hand_over(ports)
        self._serial += 1
        leg = TwinLeg(self, link, pair, name, self._serial)
        self._legs[self._serial] = leg
        pair.drain()
        descriptors = [each.fileno() for each in pair.sockets]
        timeouts = (rtp_timeout, hold_timeout)
        link.order("open", self._serial, pair.host, pair.rtp_port, name, *timeouts, descriptors=descriptors)
        pair.close()  # the process has them now
        return leg

    async def start(self) -> None:
        """Start the process.

        Raises:
            OSError: the system refuses.
        """
        self._running()

    async def close(self) -> None:
        """Close all legs and pairs, and end the process."""
        for leg in list(self._legs.values()):
            leg.close()
        self._ports.close()
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    @property
    def process_number(self) -> int | None:
        """Of the process, where it runs."""
        return self._link.process_number if self._link is not None else None

    @property
    def begun(self) -> bool:
        """Whether the process has got so far as to move packets; until then they wait."""
        return self._link is not None and self._link.begun

    # For the legs and the link

    def forget(self, number: int, pair: PortPair) -> None:
        self._legs.pop(number, None)
        self._ports.give_back(pair)

    def hear(self, verb: str, words: list[Any]) -> None:
        """Something that the process tells."""
        leg = self._legs.get(words[0])
        if leg is not None and verb == "event":
            leg.tell(words[1], leg.agreed)
        elif leg is not None and verb == "frames":
            leg.keep(*words[1:])

    def lose(self) -> None:
        """The process is gone, and the audio of every leg with it: the switch ends calls that fall silent."""
        self._link = None
        for leg in list(self._legs.values()):
            leg.tell(Timeout(0.0), leg.agreed)

    def _running(self) -> Link:
        if self._link is None:
            self._link = Link(self.hear, self.lose)
        return self._link


class TwinLeg(Listened):
    """One side of a call in the other process; see ``Leg``."""

    def __init__(self, engine: TwinEngine, link: Link, pair: PortPair, name: str, number: int) -> None:
        super().__init__(name)
        self.local = Endpoint(pair.host, pair.rtp_port)
        self.link = link
        self.number = number
        self._engine = engine
        self._pair = pair
        self.agreed: Negotiated | None = None
        self._taps: list[TwinTap] = []
        self._last = NOTHING
        self._closed = False

    def order(self, verb: str, *words: Any, descriptors: Sequence[int] = ()) -> None:
        if not self._closed:
            self.link.order(verb, self.number, *words, descriptors=descriptors)

    def connect(self, negotiated: Negotiated, *, speak_first: bool = True) -> None:
        self.agreed = negotiated
        # Without the description, which a peer can make as long as a message may be.
        self.order("connect", replace(negotiated, sdp=b""), speak_first)

    def press(self, key: str, milliseconds: int) -> bool:
        can = self.agreed is not None and self.agreed.telephone_event is not None
        if not can or len(key) != 1 or key.upper() not in KEYS or self._closed:
            return False
        self.order("press", key, milliseconds)
        return True

    def echo(self, on: bool = True) -> None:
        self.order("echo", on)

    def delay_echo(self, delay: float) -> None:
        self.order("delay_echo", delay)

    def bridge(self, other: Leg) -> None:
        if isinstance(other, TwinLeg) and other is not self and other.link is self.link and not other._closed:
            self.order("bridge", other.number)

    def unbridge(self) -> None:
        self.order("unbridge")

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        self.order("block", media, keys)

    def play(self, sound: Sound) -> None:
        if self.agreed is None or self._closed:
            return
        memory = os.memfd_create("ringthru-sound", os.MFD_CLOEXEC)
        try:
            with open(memory, "wb", closefd=False) as file:
                file.write(sound.ulaw)
            self.order("play", len(sound.ulaw), sound.times, sound.start, descriptors=[memory])
        finally:
            os.close(memory)

    def feed(self) -> TwinFeed:
        rate = self.agreed.codec.clock_rate if self.agreed is not None else 8000
        if self.agreed is not None:
            self.order("feed")
        return TwinFeed(self, rate)

    def hush(self) -> None:
        self.order("hush")

    def tap(self) -> TwinTap:
        tap = TwinTap(self, len(self._taps))
        self._taps.append(tap)
        self.order("tap", tap.number)
        return tap

    def keep(self, tap: int, dropped: int, frames: list[Frame]) -> None:
        """Frames of a tap, from the process."""
        self._taps[tap].keep(dropped, frames)

    def close_tap(self, tap: int) -> None:
        """End a tap; what it kept until now is here then."""
        if not self._closed:
            self.link.ask("close_tap", self.number, tap)
            self.link.deliver()

    def report(self) -> LegReport:
        if not self._closed:
            self._last = self.link.ask("report", self.number) or self._last
        return self._last

    def close(self) -> LegReport:
        if not self._closed:
            self._last = self.link.ask("close", self.number) or self._last
            self._closed = True
            self.agreed = None  # with its keys
            self.link.deliver()
            self._engine.forget(self.number, self._pair)
        return self._last


class TwinFeed:
    """See ``Feed``. How much the process holds is reckoned here, from what was written and when."""

    def __init__(self, leg: TwinLeg, clock_rate: int) -> None:
        self._leg = leg
        self._clock_rate = clock_rate
        self._empty_at = 0.0

    def write(self, frame: bytes, samples: int) -> bool:
        now = time.monotonic()
        until = max(self._empty_at, now) + samples / self._clock_rate
        if samples <= 0 or until - now > BUFFERED:
            return False
        self._empty_at = until
        self._leg.order("write", frame, samples)
        return True

    def finish(self) -> None:
        self._leg.order("finish")


class TwinTap:
    """See ``Tap``."""

    def __init__(self, leg: TwinLeg, number: int) -> None:
        self.number = number
        self.dropped = 0
        self._leg = leg
        self._frames: list[Frame] = []
        self._octets = 0
        self._lost_here = 0
        self._open = True

    def keep(self, dropped: int, frames: list[Frame]) -> None:
        for frame in frames:
            if self._octets + cost(frame.payload) > TAP_LIMIT:
                self._lost_here += 1
                continue
            self._octets += cost(frame.payload)
            self._frames.append(frame)
        self.dropped = dropped + self._lost_here

    def read(self) -> list[Frame]:
        taken, self._frames, self._octets = self._frames, [], 0
        return taken

    def close(self) -> None:
        if self._open:
            self._open = False
            self._leg.close_tap(self.number)
