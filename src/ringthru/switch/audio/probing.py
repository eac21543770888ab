"""The measured echo test of a leg: say chirps to its peer, listen for them, judge, and write it on the leg.

``audio_test`` of the dialplan and of the console, and the console phone, do it alike. What was found is in
variables of the leg, and so in its events, in ``uuid_dump`` and in the call's record:

=============================  ==============================================================
``ringthru_echo``              ``heard both ways``, ``we hear nothing`` …
``ringthru_echo_verdict``      the sentence, with its evidence
``ringthru_echo_round_trip_ms``  from our mouth to our ear
``ringthru_echo_returned``     chirps that came back, of those that could have: ``7/8``
``ringthru_echo_certainty``    that it was no chance, 0 to 1
=============================  ==============================================================

Lives here: the loop beside a leg, the variables. Never here: chirps and their finding (``media/echo_probe``).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

from ...media import Feed, Hungry, Leg, LegReport, Recorder
from ...media.coding.coders import remedy
from ...media.coding.payloads import Payloads
from ...media.quality.chirp import PLAIN
from ...media.quality.echo_probe import STANDSTILL, Echo, EchoProbe, FeedClock
from ...media.quality.echo_verdict import Verdict, judge
from ...media.rtp.reordering import LIVE
from ...media.sound.g711 import encode
from ...media.sound.mixing import SILENT_FRAME
from ...net.address import Endpoint
from ...net.values import frozen

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from .leg_media import LegMedia

TICK: Final = (
    0.007  # seconds between looks; no part of 20 ms, so that looks fall into every phase of the packets
)
AHEAD: Final = 0.1  # seconds of frames that are written before they leave
SHORTEST, USUAL, LONGEST = 3.0, 8.0, 120.0  # seconds of a test
ENOUGH: Final = 3  # chirps that came back
SURE: Final = 0.999  # certainty


@frozen
class Measured:
    """What a test came to."""

    echo: Echo
    report: LegReport
    verdict: Verdict


def new_probe(channel: Channel, level: float) -> EchoProbe:
    """One whose intervals no other call has, but which are the same whenever this call is looked at again."""
    return EchoProbe(random.Random(channel.uuid).random, level)


async def ticks(channel: Channel) -> AsyncIterator[float]:
    """The time, every few milliseconds, until the channel is gone."""
    loop = asyncio.get_running_loop()
    while not channel.gone.is_set():
        yield loop.time()
        await asyncio.sleep(TICK)


class TimedFeed:
    """What is said to a leg, frame by frame, and when each frame leaves.

    ``ahead`` is how many seconds of frames are written before they leave. Where this process stood still the
    feed is begun anew: the engine may have given up its beat, and nobody tells by how much.
    """

    def __init__(self, leg: Leg, ahead: float) -> None:
        self._leg, self._ahead = leg, ahead
        self._loop = asyncio.get_running_loop()
        self._looked_at = self._loop.time()
        self._unsubscribe = leg.subscribe(self._heard)
        self._begin(self._looked_at)

    def _begin(self, now: float) -> None:
        self._clock = FeedClock(now)
        self._feed: Feed = self._leg.feed()

    def stood_still(self, now: float) -> float:
        """To be asked at every look: seconds since the last one, where the feed was begun anew; else 0."""
        passed, self._looked_at = now - self._looked_at, now
        if passed <= STANDSTILL:
            return 0.0
        self._begin(now)
        return passed

    def due(self, now: float) -> Iterator[float]:
        """When each frame will leave that is to be written now."""
        while self._clock.waiting(now) < self._ahead:
            yield self._clock.write(now)

    def write(self, payload: bytes, samples: int) -> None:
        self._feed.write(payload, samples)

    def close(self) -> None:
        self._unsubscribe()
        self._leg.hush()

    def _heard(self, event: object) -> None:
        if isinstance(event, Hungry):
            self._clock.left(event.left, self._loop.time())


async def measure(channel: Channel, seconds: float = USUAL) -> Measured | None:
    """Test an answered leg that nothing else speaks to; ends early when all is known.

    A delayed echo needs as many seconds more as it is late; a machine that stands still gets its time back.
    None: it cannot be done.
    """
    media = channel.media
    if media is None or media.negotiated is None or media.negotiated.codec.name not in channel.coders:
        what = media.codec.name if media is not None and media.codec is not None else "no audio"
        channel.log.error("audio_test: the call speaks %s, which nothing here makes: %s", what, remedy(what))
        return None
    probe, payloads = new_probe(channel, PLAIN), Payloads()
    began = asyncio.get_running_loop().time()
    ear, feed = Recorder(media.leg.tap(), LIVE), TimedFeed(media.leg, AHEAD)
    found, until = judged(media, probe.result()), began + min(max(seconds, SHORTEST), LONGEST)
    try:
        async for now in ticks(channel):
            if passed := feed.stood_still(now):
                probe.interrupt(now)
                until = min(until + passed, began + LONGEST)
            for leaves in feed.due(now):
                samples = probe.frame(leaves)
                frame = SILENT_FRAME if samples is None else encode(samples, "PCMU")
                for payload, length in payloads.of(frame, media.negotiated):
                    feed.write(payload, length)
            news = probe.hear(ear.take_narrowed(), now)
            if news:
                found = judged(media, probe.result())
                if found.echo.heard:  # before the end nothing else is certain
                    note(channel, found)
            if now >= until or _enough(found):
                break
    finally:
        ear.close()
        feed.close()
    found = judged(media, probe.result())
    note(channel, found)
    return found


def _enough(found: Measured) -> bool:
    """All is known: the echo is beyond doubt, and the other side has told what it misses."""
    echo, told = found.echo, found.report.remote_lost is not None
    return told and echo.returned >= ENOUGH and echo.certainty >= SURE


def judged(media: LegMedia, echo: Echo) -> Measured:
    """What an echo, or none, says of a leg."""
    report = media.report()
    told = Endpoint(media.advertised.host, media.advertised.rtp_port)
    remote = report.remote or (media.negotiated.remote_rtp if media.negotiated else None)
    return Measured(echo, report, judge(echo, report, str(told), str(remote or "nowhere")))


def note(channel: Channel, found: Measured) -> None:
    """Write it on the leg."""
    echo = found.echo
    channel.variables |= {
        "ringthru_echo": found.verdict.hearing.value,
        "ringthru_echo_verdict": found.verdict.sentence,
        "ringthru_echo_returned": f"{echo.returned}/{echo.said}",
        "ringthru_echo_certainty": f"{int(echo.certainty * 10000) / 10000:g}",
    }
    if echo.round_trip_ms is not None:
        channel.variables["ringthru_echo_round_trip_ms"] = f"{echo.round_trip_ms:.1f}"


async def audio_test(calls: Calls, channel: Channel, data: str) -> None:
    """``[SECONDS]``: test whether the peer, an echo, is heard both ways; the verdict is logged and written on
    the leg.
    """
    await channel.answer()
    text = data.strip()
    found = await measure(channel, float(text) if text.isdecimal() and len(text) < 5 else USUAL)
    if found is not None:
        say = channel.log.info if found.verdict.good else channel.log.warning
        say("Audio test of %s: %s", channel.name, found.verdict.sentence)
