"""What a receiver knows of one source: RFC 3550 §A.1 (sequence), §A.3 (loss), §A.8 (jitter).

Lives here: the arithmetic of the RFC, and the report block made from it.
Never here: packets' bytes, sockets, clocks.
"""

from __future__ import annotations

from typing import Final

from .rtcp import ReportBlock

# What the RFC fixes (§A.1)
SEQUENCES: Final = 1 << 16
MAX_DROPOUT: Final = 3000  # a gap this long may still be loss
MAX_MISORDER: Final = 100  # a packet this late is still of this run
MIN_SEQUENTIAL: Final = 2  # packets in a row before a source is believed
# What we chose
SETTLED: Final = 32  # packets after which the estimate of the jitter has forgotten its start at 0
NEW_TIMELINE: Final = 1  # seconds; a longer step of the transit is another clock, and no jitter
NTP_UNIX_OFFSET: Final = 2208988800  # seconds from 1900 to 1970


def to_ntp(seconds: float) -> int:
    """Seconds since 1900 as 32.32 fixed point, modulo 2^64 (§4)."""
    return int(seconds * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time: the form of LSR and DLSR (§4)."""
    return ntp >> 16 & 0xFFFFFFFF


def round_trip(arrival: int, last_sr: int, delay: int) -> float | None:
    """Seconds from our SR to them and back (§6.4.1), all in middle-32 form; None if absurd."""
    elapsed = (arrival - last_sr - delay) & 0xFFFFFFFF
    if elapsed >= 1 << 31:
        # Clocks that tick at different speeds make a round trip of nearly nothing negative.
        return 0.0 if (1 << 32) - elapsed < 6554 else None  # a tenth of a second
    return elapsed / 65536 if elapsed < 60 * 65536 else None


class ReceptionStatistics:
    """One source's packets, as its receiver counts them; ``highest`` is the last number of its run."""

    def __init__(self, ssrc: int, sequence: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self._probation = MIN_SEQUENTIAL
        self._restart(sequence)
        self.highest = (sequence - 1) % SEQUENCES
        self._transit: int | None = None
        self._jitter = 0  # sixteen times the estimate, as §A.8 keeps it
        self._least_jitter = self._most_jitter = 0  # of the estimate, once it is settled
        self._steps = self._stepped = 0  # how often the transit was compared, and the sum of |d|
        self.loss_runs = 0  # gaps in the sequence, however long; what comes late leaves its gap counted
        self._last_sr: tuple[int, float] | None = None

    def _restart(self, sequence: int) -> None:
        self._base = self.highest = sequence
        self._bad: int | None = None
        self._cycles = self.received = 0
        self._expected_prior = self._received_prior = 0

    def receive(self, sequence: int, timestamp: int, now: float) -> bool:
        """Count one packet; False while it does not fit the source's run (§A.1)."""
        if not self._in_sequence(sequence):
            return False
        self._time(timestamp, now)
        return True

    def receive_next(self, timestamp: int, now: float) -> None:
        """Count the packet after ``highest`` of a source that is believed, where the number does not wrap."""
        self.highest += 1
        self.received += 1
        self._time(timestamp, now)

    def _time(self, timestamp: int, now: float) -> None:
        transit = (int(now * self.clock_rate) - timestamp) & 0xFFFFFFFF
        before, self._transit = self._transit, transit
        if before is not None:
            change = (transit - before) & 0xFFFFFFFF
            if change > 1 << 31:
                change = (1 << 32) - change  # |d| of §A.8, over the timestamp's wrap
            self._jitter += change - (self._jitter + 8 >> 4)
            self._keep_extremes(change)

    def _keep_extremes(self, change: int) -> None:
        if change > NEW_TIMELINE * self.clock_rate:
            return
        self._steps += 1
        self._stepped += change
        if self._steps == SETTLED:
            self._least_jitter = self._most_jitter = self._jitter
        elif self._steps > SETTLED:  # no min and max: for each packet they cost as much as the rest
            if self._jitter < self._least_jitter:
                self._least_jitter = self._jitter
            elif self._jitter > self._most_jitter:
                self._most_jitter = self._jitter

    @property
    def believed(self) -> bool:
        """Whether it has shown enough packets in a row."""
        return not self._probation

    def continues(self, sequence: int) -> bool:
        """Whether this number comes soon after the highest; a source on probation has none."""
        return not self._probation and 0 < (sequence - self.highest) % SEQUENCES < MAX_DROPOUT

    def _in_sequence(self, sequence: int) -> bool:
        ahead = (sequence - self.highest) % SEQUENCES
        if self._probation:
            return self._on_probation(sequence, ahead)
        if ahead < MAX_DROPOUT:
            if sequence < self.highest:
                self._cycles += SEQUENCES
            self.loss_runs += ahead > 1
            self.highest = sequence
        elif ahead <= SEQUENCES - MAX_MISORDER:
            if sequence != self._bad:
                self._bad = (sequence + 1) % SEQUENCES
                return False
            self._restart(sequence)  # two in a row: the other side began anew
        self.received += 1
        return True

    def _on_probation(self, sequence: int, ahead: int) -> bool:
        self._probation = self._probation - 1 if ahead == 1 else MIN_SEQUENTIAL - 1
        self.highest = sequence
        if self._probation:
            return False
        self._restart(sequence)
        self.received = 1
        return True

    def hear_sender_report(self, ntp: int, now: float) -> None:
        """Remember when their last SR came, for the LSR and DLSR of our next report."""
        self._last_sr = (middle(ntp), now)

    @property
    def extended_highest(self) -> int:
        return self._cycles + self.highest

    @property
    def expected(self) -> int:
        return 0 if self._probation else self.extended_highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets that should have come and did not (§A.3); negative with duplicates."""
        return self.expected - self.received

    @property
    def jitter(self) -> int:
        """Interarrival jitter in timestamp units (§A.8)."""
        return self._jitter >> 4

    @property
    def jitter_ms(self) -> float:
        return self._milliseconds(self._jitter / 16)

    @property
    def mean_jitter_ms(self) -> float:
        """The mean of |d| of §A.8 over all packets: what ``jitter_ms`` was on the whole."""
        return self._milliseconds(self._stepped / self._steps) if self._steps else 0.0

    @property
    def jitter_range_ms(self) -> tuple[float, float]:
        """The least and the largest that ``jitter_ms`` was; 0 before 32 packets."""
        return self._milliseconds(self._least_jitter / 16), self._milliseconds(self._most_jitter / 16)

    def _milliseconds(self, units: float) -> float:
        return units * 1000 / self.clock_rate

    def report(self, now: float) -> ReportBlock:
        """The block about this source; starts a new interval of ``fraction_lost``."""
        expected = self.expected - self._expected_prior
        lost = expected - (self.received - self._received_prior)
        self._expected_prior, self._received_prior = self.expected, self.received
        fraction = min((lost << 8) // expected, 255) if expected > 0 and lost > 0 else 0
        total = max(-0x800000, min(self.lost, 0x7FFFFF))
        last_sr, heard_at = self._last_sr or (0, now)
        delay = int((now - heard_at) * 65536) & 0xFFFFFFFF
        highest = self.extended_highest & 0xFFFFFFFF
        return ReportBlock(self.ssrc, fraction, total, highest, self.jitter, last_sr, delay)
