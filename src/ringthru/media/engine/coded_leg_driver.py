"""One leg that hears and says any codec we can make.

Lives here: when a bridge is transcoded, and sounds that are coded ahead. Never here: the process that codes.
"""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from ringthru.net.address import Endpoint

from ..coding.coders import NARROW, Encoder, encoder_of, frame_of, samples_of
from ..description.codecs import pass_through
from ..description.offer_answer import Negotiated
from ..errors import EngineFull
from ..events import MediaEvent
from ..interface import Feed, Leg, Tap
from ..rtp.report import LegReport
from ..sound.g711 import G711
from ..sound.sounds import Sound

if TYPE_CHECKING:
    from .coding_driver import CodingEngine, Joint

log = logging.getLogger(__name__)

FIRST_PART: Final = 0.3  # seconds of a sound that are coded before it begins
PART: Final = 1.0  # seconds that are coded at a time, in a thread
AHEAD: Final = 2.0  # seconds that are coded before they are said: whatever the switch does meanwhile


class CodedLeg:
    """See ``Leg``; ``home`` is the leg of the engine that moves the packets."""

    def __init__(self, engine: CodingEngine, home: Leg) -> None:
        self.home = home
        self.agreed: Negotiated | None = None
        self._engine = engine
        self._partner: CodedLeg | None = None
        self._joint: Joint | None = None
        self._saying: Saying | None = None

    @property
    def name(self) -> str:
        return self.home.name

    @property
    def local(self) -> Endpoint:
        return self.home.local

    @property
    def joint(self) -> Joint | None:
        """What transcodes, where something does."""
        return self._joint

    # offer, answer, delete, query

    def connect(self, negotiated: Negotiated, *, speak_first: bool = True) -> None:
        before, self.agreed = self.agreed, negotiated
        self.home.connect(negotiated, speak_first=speak_first)
        if negotiated.codec.name not in G711 and self._engine.makes(negotiated.codec):
            self._engine.prepare()
        if self._partner is not None and _spoken(before) != _spoken(negotiated):
            self._settle_again(self._partner)
        if self._saying is not None and before is not None and before.codec != negotiated.codec:
            self._say(self._saying.left)

    def report(self) -> LegReport:
        return self.home.report()

    def close(self) -> LegReport:
        self._stop_saying()
        self.unbridge()
        return self.home.close()

    # join, echo

    def bridge(self, other: Leg) -> None:
        if not isinstance(other, CodedLeg) or other is self:
            return
        for leg in (self, other):
            leg._stop_saying()
            leg.unbridge()
        self._partner, other._partner = other, self
        try:
            self._settle(other)
        except EngineFull:
            self.unbridge()
            raise

    def _settle_again(self, other: CodedLeg) -> None:
        """In a standing call there is nobody who could be refused."""
        try:
            self._settle(other)
        except EngineFull as error:
            log.error("%s and %s do not hear each other any more: %s", self.name, other.name, error)

    def _settle(self, other: CodedLeg) -> None:
        """Bridge as both codecs allow; again when one of them has changed. Raises EngineFull."""
        self._end_joint()
        here, there = self.agreed, other.agreed
        if here is None or there is None or pass_through(here.codec, there.codec):
            self.home.bridge(other.home)
            return
        if not (self._engine.makes(here.codec) and self._engine.makes(there.codec)):
            text = "%s speaks %s and %s speaks %s: nothing here makes one of the other, so neither is heard"
            log.warning(text, self.name, here.codec.name, other.name, there.codec.name)
            self.home.bridge(other.home)  # keys pass all the same
            return
        self._joint = other._joint = self._engine.join(self.home, other.home, (here, there))

    def _end_joint(self) -> None:
        joint, self._joint = self._joint, None
        if joint is not None:
            joint.close()
            if self._partner is not None:
                self._partner._joint = None

    def unbridge(self) -> None:
        partner = self._partner
        if partner is not None:
            self._end_joint()
            self._partner = partner._partner = None
            partner.home.unbridge()
        self.home.unbridge()

    def echo(self, on: bool = True) -> None:
        self._stop_saying()
        self.unbridge()
        self.home.echo(on)

    def delay_echo(self, delay: float) -> None:
        self._stop_saying()
        self.unbridge()
        self.home.delay_echo(delay)

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        self.home.block(media=media, keys=keys)

    # play, record

    def play(self, sound: Sound) -> None:
        """As ``Leg.play``, in every codec that the engine makes."""
        self._stop_saying()
        if self.agreed is None or self.agreed.codec.name in G711:
            self.home.play(sound)
        elif self._engine.makes(self.agreed.codec):
            self._say(sound.frames("PCMU", NARROW // 100))

    def _say(self, left: Iterator[bytes]) -> None:
        """Say 10 ms pieces of µ-law, in whatever codec is agreed on now."""
        self._stop_saying()
        agreed = self.agreed
        if agreed is not None and self._engine.makes(agreed.codec):
            self._saying = Saying(self.home, agreed, left)

    def _stop_saying(self) -> None:
        saying, self._saying = self._saying, None
        if saying is not None:
            saying.stop()

    def feed(self) -> Feed:
        self._stop_saying()
        return self.home.feed()

    def hush(self) -> None:
        self._stop_saying()
        self.home.hush()

    def tap(self) -> Tap:
        return self.home.tap()

    # DTMF, events

    def press(self, key: str, milliseconds: int) -> bool:
        return self.home.press(key, milliseconds)

    def subscribe(self, callback: Callable[[MediaEvent], None]) -> Callable[[], None]:
        return self.home.subscribe(callback)


def _spoken(agreed: Negotiated | None) -> tuple[object, ...] | None:
    """What a joint has to know of an agreement."""
    return None if agreed is None else (agreed.codec, agreed.ptime, agreed.event_rate)


class Saying:
    """A sound on its way: coded in a thread a second or two before it is heard."""

    def __init__(self, home: Leg, agreed: Negotiated, left: Iterator[bytes]) -> None:
        """``left`` are pieces of 10 ms of µ-law."""
        self.left = left
        self._home = home
        self._codec = agreed.codec
        self._milliseconds = frame_of(agreed.codec, agreed.ptime)
        self._feed = home.feed()
        self._task = asyncio.ensure_future(self._run())

    def stop(self) -> None:
        """The caller hushes the leg, or says something else."""
        self._task.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        encoder = await asyncio.to_thread(encoder_of, self._codec, NARROW)  # it may have to be loaded first
        samples = self._milliseconds * self._codec.clock_rate // 1000
        began, said, part = loop.time(), 0.0, FIRST_PART
        while True:
            pieces = self._take(int(part * 1000) // self._milliseconds)
            if not pieces:
                break
            for payload in await asyncio.to_thread(_coded, encoder, pieces):
                if not self._feed.write(payload, samples):
                    return  # the leg was hushed, or is gone
            said, part = said + len(pieces) * self._milliseconds / 1000, PART
            await asyncio.sleep(max(said - AHEAD - (loop.time() - began), 0))
        self._feed.finish()

    def _take(self, frames: int) -> list[bytes]:
        """The next frames' µ-law; the last one ends in silence."""
        out = []
        for _ in range(frames):
            pieces = [
                each for each in (next(self.left, None) for _ in range(self._milliseconds // 10)) if each
            ]
            if not pieces:
                break
            out.append(b"".join(pieces).ljust(NARROW // 1000 * self._milliseconds, b"\xff"))
        return out


def _coded(encoder: Encoder, frames: list[bytes]) -> list[bytes]:
    return [encoder.encode(array("h", samples_of(frame))) for frame in frames]
