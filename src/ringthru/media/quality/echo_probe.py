"""Whether what we say comes back, how late, and how sure that is: the measured echo test.

Chirps are said at odd intervals, which no other caller shares. Each one that is found may be the echo of any
that was said before it; the delay on which most of them agree is the echo's. So a late echo (``delay_echo``)
is not taken for a quick one, and the chirps of somebody else are not taken for ours.

When a sample left or came is reckoned by the packets' own clock, and not by when somebody looked: what is fed
leaves every 20 ms (``FeedClock``), and the packet that came with the least delay tells the others' time. A
machine that stands still breaks both: the chirp that was being said is said again, the clocks are set anew.

Lives here: the schedule, the times, the judgement. Never here: finding a chirp (``chirp``), legs, a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import ceil, erfc, sqrt
from typing import Final

from ...net.values import frozen, replace
from ..leg.playing import FRAME as FRAME_SECONDS
from ..leg.playing import LATE
from ..rtp.frames import Frame
from ..sound.g711 import ALAW_TO_ULAW, SAMPLE_RATE, ULAW_SILENCE
from ..sound.mixing import FRAME
from .chirp import LENGTH, QUIET, ChirpEar, Found, chirp

FIRST: Final = 0.3  # seconds into the call: both sides have learnt where to send by then
GAPS: Final = (1.0, 1.8)  # seconds from one chirp to the next, the least and the most
OFTEN: Final = 10  # chirps; a call that goes on after them is let alone for the most part
RARE: Final = 10.0  # times as seldom as at first
AGREE: Final = 0.05  # seconds within which delays are one: a jitter buffer may move by two packets
EARLY: Final = (
    0.05  # seconds by which an echo may seem to come before its chirp: what our own times may be wrong
)
LONGEST_DELAY: Final = 61.0  # seconds; more than the latest delay_echo
PROOF: Final = 3  # chirps that agree; by chance they do in one of two hundred calls
KEPT: Final = 64  # chirps said, and as many found; older ones say nothing new
LONGEST_GAP: Final = 2 * SAMPLE_RATE  # samples of silence that are listened to; more is a jump of the clock
CLOCK_SPAN: Final = 4.0  # seconds for which the quickest packet is the measure
LONGEST_START: Final = 1.0  # seconds that a feed may take to begin
INDEPENDENT: Final = LENGTH / 2  # of a chirp's signs, for neighbours are alike
STANDSTILL: Final = LATE  # seconds between two looks, after which a feed may have given up its beat
AGAIN: Final = 0.1  # seconds from the end of a standstill until all that waited is read, and a chirp is said


@frozen
class Echo:
    """What has come back so far. ``certainty`` is that it was no chance, 0 to 1."""

    said: int  # chirps whose echo would have come by now; while none came, if it were a quick one
    returned: int  # of those
    round_trip_ms: float | None  # None: no echo was heard
    certainty: float
    still: float = 0.0  # share of the test in which this machine stood still, 0 to 1

    @property
    def heard(self) -> bool:
        return self.round_trip_ms is not None


class FeedClock:
    """When frames that are written to a leg's feed leave: each when the one before is over.

    The first one leaves at once, and sets the beat; a feed that ran dry goes on at it, a frame later or more.
    One that has just been opened may take its time: until ``left`` says that it has begun, nothing counts as
    having left.
    """

    def __init__(self, now: float) -> None:
        self._opened = self._next = self._seen = now
        self._written = self._begun = False

    def waiting(self, now: float) -> float:
        """Seconds of frames not yet said."""
        self._seen = now
        if not self._begun and now < self._opened + LONGEST_START:
            now = self._opened
        return max(self._next - now, 0.0)

    def write(self, now: float) -> float:
        """A frame was written; when it leaves."""
        if not self._written:
            self._opened = self._next = now
            self._written = True
        elif now > self._next:
            self._next += ceil((now - self._next) / FRAME_SECONDS) * FRAME_SECONDS
        leaves, self._next = self._next, self._next + FRAME_SECONDS
        return leaves

    def left(self, frames: int, now: float) -> None:
        """The leg has said one, and has so many left (its event ``Hungry``). The first time counts: whether
        it began late. How late the event itself came is nobody's delay but ours.
        """
        if self._begun:
            return
        self._begun = True
        should = self._next - (frames + 1) * FRAME_SECONDS
        if self._seen - should > LATE:  # it gave up the beat that it had, and began a new one
            self._next += now - should


class EchoProbe:
    """One call's. Ask ``frame`` for what to say, frame by frame; tell ``hear`` of all that comes."""

    def __init__(self, uniform: Callable[[], float], level: float = QUIET) -> None:
        """``uniform`` gives numbers from 0 to 1; ``level`` is the chirps' peak in dB of full scale."""
        self._uniform = uniform
        self._chirp = chirp(level)
        self._ear = ChirpEar()
        self._samples = 0  # said, of silence or chirps
        self._next = round(FIRST * SAMPLE_RATE)  # sample at which the next chirp begins
        self._count = 0
        self._starts: deque[int] = deque(maxlen=2)  # samples at which chirps begin that are being said
        self._said: deque[float] = deque(maxlen=KEPT)
        self._found: deque[tuple[float, float]] = deque(maxlen=KEPT)  # when, and how like
        self._line = PacketClock()
        self._began_at: float | None = None
        self._heard_until = 0.0
        self._still = 0.0  # seconds
        self._settles_at = 0.0  # when all has been read that waited while we stood still
        self._sure_from = 0  # the sample heard from which times mean something
        self._proven: Echo | None = None

    def frame(self, leaves: float) -> list[int] | None:
        """The next 160 linear samples to add to what is said; None: nothing now.

        ``leaves`` is when their packet leaves.
        """
        begin, self._samples = self._samples, self._samples + FRAME
        if begin <= self._next < self._samples:
            self._starts.append(self._next)
            self._said.append(leaves + (self._next - begin) / SAMPLE_RATE)
            self._count += 1
            self._next += round(self._gap() * SAMPLE_RATE)
        samples = [0] * FRAME
        for start in self._starts:
            for at in range(max(start, begin), min(start + LENGTH, self._samples)):
                samples[at - begin] += self._chirp[at - start]
        return samples if any(samples) else None

    def _gap(self) -> float:
        least, most = GAPS
        gap = least + (most - least) * self._uniform()
        return gap if self._count < OFTEN else gap * RARE

    def interrupt(self, now: float) -> None:
        """This machine stood still from the last look until ``now``, and what is said begins on a new feed.

        The chirp that was being said is said again, soon. What waited to be heard came we do not know when.
        """
        whole = [left for left in self._said if left + LENGTH / SAMPLE_RATE <= self._heard_until]
        self._count -= len(self._said) - len(whole)
        soon = self._samples + round(AGAIN * SAMPLE_RATE)
        self._next = soon if len(whole) < len(self._said) else max(self._next, soon)
        self._said = deque(whole, maxlen=KEPT)
        self._starts.clear()
        self._still += now - self._heard_until
        self._settles_at = now + AGAIN
        self._line.set_anew()

    def hear(self, frames: list[Frame], now: float) -> bool:
        """Frames that came since the last look; whether a chirp was among them. Of G.711 alone."""
        news = False
        if self._began_at is None:
            self._began_at = now
        for frame in frames:
            octets = self._line.place(frame, now)
            if octets is None:
                continue
            if now < self._settles_at:
                self._sure_from = self._line.octets
            for found in self._ear.hear(octets):
                self._note(found)
                news = True
        self._heard_until = now
        return news

    def _note(self, found: Found) -> None:
        if found.position < self._sure_from:
            return
        self._found.append((self._line.time_of(found.position), found.likeness))

    def result(self) -> Echo:
        """The judgement as of the last frames heard.

        What was proven once in the call stays so, should a machine that is too busy upset all times later.
        """
        lasted = self._heard_until - (self._heard_until if self._began_at is None else self._began_at)
        echo = replace(self._judged(), still=self._still / lasted if lasted else 0.0)
        if echo.returned >= PROOF:
            self._proven = echo
        if not echo.heard and self._proven is not None:
            return replace(self._proven, said=max(echo.said, self._proven.said))
        return echo

    def _judged(self) -> Echo:
        pairs = [
            (came - left, likeness, number)
            for came, likeness in self._found
            for number, left in enumerate(self._said)
            if -EARLY <= came - left <= LONGEST_DELAY
        ]
        best = _most_alike(pairs)
        if len(best) < 2 or len(best) * 2 < len(self._found):  # somebody else's chirps agree by chance alone
            return Echo(self._due(0.0), 0, None, 0.0)
        delay = best[len(best) // 2][0]  # the median, for they are in order
        said = self._due(delay)
        chance = 1.0
        for _, likeness, _ in best:
            chance *= min(SAMPLE_RATE * erfc(likeness * sqrt(INDEPENDENT / 2)), 1.0)
        return Echo(max(said, len(best)), len(best), max(delay, 0.0) * 1000, 1.0 - chance)

    def _due(self, delay: float) -> int:
        """How many chirps would be back by now."""
        latest = self._heard_until - delay - LENGTH / SAMPLE_RATE - AGREE
        return sum(1 for left in self._said if left <= latest)


def _most_alike(pairs: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The largest group of delays that lie within ``AGREE``, each chirp that was said once."""
    pairs.sort()
    best: dict[int, tuple[float, float, int]] = {}
    start = 0
    for end, last in enumerate(pairs):
        while last[0] - pairs[start][0] > AGREE:
            start += 1
        if end + 1 - start > len(best):
            group: dict[int, tuple[float, float, int]] = {}
            for each in pairs[start : end + 1]:
                if each[2] not in group or each[1] > group[each[2]][1]:
                    group[each[2]] = each
            best = group if len(group) > len(best) else best
    return sorted(best.values())


class PacketClock:
    """The time of samples that come in packets: silence where none came, and when each sample came at the
    earliest.
    """

    def __init__(self) -> None:
        self._expected: int | None = None  # the timestamp that comes next
        self.octets = 0  # all that was handed on: the position of the sample that comes next
        self._quickest: tuple[float, float] | None = None  # of the spans before this one, and of this one
        self._span_from = 0.0

    def place(self, frame: Frame, now: float) -> bytes | None:
        """The frame as µ-law, behind the silence that it leaves; None: it is late, or no G.711."""
        if frame.codec not in ("PCMU", "PCMA") or not frame.payload:
            return None
        gap = 0 if self._expected is None else (frame.timestamp - self._expected) % (1 << 32)
        if (1 << 32) - gap <= LONGEST_GAP:
            return None
        if gap > LONGEST_GAP:  # somebody else speaks now, or his clock was set anew
            gap, self._quickest = 0, None
        octets = frame.payload if frame.codec == "PCMU" else frame.payload.translate(ALAW_TO_ULAW)
        self._expected = (frame.timestamp + len(octets)) % (1 << 32)
        self.octets += gap
        self._measure(now - self.octets / SAMPLE_RATE, now)
        self.octets += len(octets)
        return bytes((ULAW_SILENCE,)) * gap + octets

    def set_anew(self) -> None:
        """Forget how quick packets were so far."""
        self._quickest = None

    def _measure(self, offset: float, now: float) -> None:
        """The least of "came less said" over the last one to two spans: clocks of two machines drift."""
        if self._quickest is None:
            self._quickest, self._span_from = (offset, offset), now
        before, this = self._quickest
        if now - self._span_from > CLOCK_SPAN:
            before, this, self._span_from = this, offset, now
        self._quickest = before, min(this, offset)

    def time_of(self, position: int) -> float:
        """When a sample came, had its packet been as quick as the quickest."""
        return min(self._quickest or (0.0, 0.0)) + position / SAMPLE_RATE
