"""The measured echo test under a clock of ours: what comes back, how late, and whose it is."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from ringthru.media import Frame
from ringthru.media.quality.echo_probe import Echo, EchoProbe, FeedClock, PacketClock
from ringthru.media.sound.g711 import ULAW_SILENCE, encode

TICK = 0.007
QUIET = bytes((ULAW_SILENCE,)) * 160


@dataclass
class Echoing:
    """A probe and a network that returns what it says: late, lossy, out of order, by another clock."""

    seed: int = 1
    delay: float = 0.04
    jitter: float = 0.0
    loss: float = 0.0
    drift: float = 0.0  # of the others' clock, against ours
    now: float = 1000.0
    first_stamp: int = (1 << 32) - 5000  # soon round
    probe: EchoProbe = field(init=False)
    said: int = 0
    flying: list[tuple[float, int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.probe = EchoProbe(random.Random(self.seed + 100).random)
        self.clock = FeedClock(self.now)
        self.clock.left(-1, self.now)

    def speak(self) -> None:
        while self.clock.waiting(self.now) < 0.06:
            leaves = self.clock.write(self.now)
            samples = self.probe.frame(leaves)
            payload = QUIET if samples is None else encode(samples, "PCMU")
            if self.chance.random() >= self.loss:
                late = self.delay + self.chance.random() * self.jitter + (leaves - 1000) * self.drift
                self.flying.append((leaves + late, self.said, payload))
            self.said += 1

    def listen(self) -> None:
        came = sorted(each for each in self.flying if each[0] <= self.now)
        self.flying = [each for each in self.flying if each[0] > self.now]
        stamped = [
            Frame("PCMU", n % (1 << 16), (self.first_stamp + n * 160) % (1 << 32), payload)
            for _, n, payload in came
        ]
        self.probe.hear(stamped, self.now)

    def stand_still(self, seconds: float) -> None:
        """The whole machine: what waited to be said is dropped, and what comes meanwhile waits."""
        self.flying = [each for each in self.flying if each[0] - self.delay <= self.now]
        self.now += seconds
        self.said += int(seconds * 50)  # its timestamps go on
        self.probe.interrupt(self.now)
        self.clock = FeedClock(self.now)
        self.clock.left(-1, self.now)

    def go_on(self, seconds: float) -> Echo:
        until = self.now + seconds
        while self.now < until:
            self.speak()
            self.listen()
            self.now += TICK
        return self.probe.result()


class TestAnEcho:
    @pytest.mark.parametrize("delay", [0.0, 0.041, 0.184, 1.9])
    def test_is_measured_to_a_few_milliseconds(self, delay: float) -> None:
        echo = Echoing(delay=delay).go_on(8)
        assert echo.heard
        assert echo.round_trip_ms == pytest.approx(delay * 1000, abs=3)
        assert echo.returned == echo.said >= 3
        assert echo.certainty > 0.999

    def test_on_the_spot_is_none_of_the_chirp_before(self) -> None:
        """On one machine the way is shorter than our own times are sure."""
        echo = Echoing(delay=-0.01).go_on(6)
        assert echo.round_trip_ms == 0.0
        assert echo.returned == echo.said

    def test_five_seconds_late_is_not_taken_for_a_quick_one(self) -> None:
        echo = Echoing(delay=5.0).go_on(12)
        assert echo.round_trip_ms == pytest.approx(5000, abs=3)
        assert echo.returned == echo.said

    def test_with_loss_and_jitter_is_still_heard(self) -> None:
        echo = Echoing(loss=0.2, jitter=0.03).go_on(10)
        assert echo.round_trip_ms == pytest.approx(55, abs=16)
        assert echo.returned >= echo.said - 1

    def test_by_another_clock_is_measured_as_it_is_now(self) -> None:
        """100 ppm are 12 ms in two minutes, which the delay really is longer then."""
        world = Echoing(drift=100e-6)
        world.go_on(60)
        echo = world.go_on(60)
        assert echo.round_trip_ms == pytest.approx(46, abs=8)
        assert echo.returned >= echo.said - 1

    def test_goes_on_when_the_other_side_begins_other_timestamps(self) -> None:
        """A transfer: a new SSRC, whose timestamps may be anywhere."""
        world = Echoing()
        before = world.go_on(5)
        world.first_stamp = 77
        after = world.go_on(5)
        assert after.returned >= before.returned + 2

    def test_that_ends_counts_as_chirps_that_did_not_return(self) -> None:
        world = Echoing()
        world.go_on(5)
        world.loss = 1.0
        echo = world.go_on(5)
        assert echo.heard
        assert echo.returned <= echo.said - 2

    def test_that_was_proven_stays_so_when_all_times_are_upset_later(self) -> None:
        """A machine that stands still for a quarter of a second, again and again."""
        world = Echoing()
        assert world.go_on(6).heard
        for _ in range(8):
            world.delay += 0.3
            world.go_on(1.7)
        echo = world.probe.result()
        assert echo.heard
        assert echo.returned < echo.said


class TestAMachineThatStandsStill:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("delay", [0.002, 0.12])
    def test_hears_the_echo_all_the_same_and_as_late_as_it_is(self, seed: int, delay: float) -> None:
        """Half a second in every second and a half or so, at any point of a chirp."""
        echoing = Echoing(seed, delay=delay)
        for _ in range(12):
            echoing.go_on(0.6 + echoing.chance.random())
            echoing.stand_still(0.3 + 0.4 * echoing.chance.random())
        echo = echoing.go_on(1.5)
        assert echo.returned >= 3
        assert echo.round_trip_ms == pytest.approx(delay * 1000, abs=12)
        assert 0.2 < echo.still < 0.5

    def test_says_the_chirp_again_that_it_broke_off(self) -> None:
        echoing = Echoing()
        echoing.go_on(0.4)  # the first chirp has begun, and is not over
        echoing.stand_still(1.0)
        echo = echoing.go_on(0.7)
        assert echo.said == 1
        assert echoing.go_on(1.8).returned == 2

    def test_a_short_moment_of_a_long_test_is_little(self) -> None:
        echoing = Echoing()
        echoing.go_on(8.0)
        echoing.stand_still(0.4)
        assert 0 < echoing.go_on(2.0).still < 0.05


class TestNoEcho:
    def test_silence_is_none(self) -> None:
        echo = Echoing(loss=1.0).go_on(6)
        assert (echo.heard, echo.returned, echo.certainty) == (False, 0, 0.0)
        assert echo.said >= 3

    def test_somebody_elses_chirps_are_not_ours(self) -> None:
        """Two phones that both test each other, neither of which echoes."""
        ours, theirs = Echoing(seed=1), Echoing(seed=2)
        for _ in range(int(15 / TICK)):
            ours.speak()
            theirs.speak()
            ours.flying, theirs.flying = theirs.flying, ours.flying
            ours.listen()
            theirs.listen()
            ours.flying, theirs.flying = theirs.flying, ours.flying
            ours.now = theirs.now = ours.now + TICK
        assert not ours.probe.result().heard
        assert not theirs.probe.result().heard

    def test_one_chirp_alone_proves_nothing(self) -> None:
        world = Echoing()
        assert not world.go_on(1.0).heard

    def test_what_is_no_g711_is_passed_over(self) -> None:
        probe = EchoProbe(lambda: 0.5)
        assert not probe.hear([Frame("G722", 0, 0, QUIET), Frame("PCMU", 1, 0, b"")], 1.0)


class TestBeingLetAlone:
    def test_after_ten_chirps_they_come_seldom(self) -> None:
        probe = EchoProbe(lambda: 0.0)
        speaking = [number for number in range(50 * 60) if probe.frame(number * 0.02) is not None]
        starts = [at for at in speaking if at - 1 not in speaking]
        gaps = [after - before for before, after in itertools.pairwise(starts)]
        assert len([each for each in gaps if each < 100]) == 9
        assert min(gaps[9:]) >= 500  # frames: ten seconds


class TestFeedClock:
    def test_frames_leave_one_after_another(self) -> None:
        clock = FeedClock(10.0)
        clock.left(-1, 10.0)
        assert [clock.write(10.0) for _ in range(3)] == pytest.approx([10.0, 10.02, 10.04])
        assert clock.waiting(10.0) == pytest.approx(0.06)

    def test_the_first_one_sets_the_beat(self) -> None:
        clock = FeedClock(10.0)
        assert clock.write(10.013) == pytest.approx(10.013)
        assert clock.write(10.013) == pytest.approx(10.033)

    def test_one_that_ran_dry_keeps_its_beat(self) -> None:
        clock = FeedClock(10.0)
        clock.write(10.0)
        clock.left(0, 10.0)
        assert clock.write(10.051) == pytest.approx(10.06)

    def test_one_that_takes_its_time_is_not_filled_meanwhile(self) -> None:
        """An engine in a process that is busy: what is written until it begins would be late for ever."""
        clock = FeedClock(10.0)
        clock.write(10.0)
        clock.write(10.0)
        assert clock.waiting(10.3) == pytest.approx(0.04)
        clock.left(1, 10.31)
        assert clock.waiting(10.31) == pytest.approx(0.04)
        assert clock.write(10.32) == pytest.approx(10.35)

    def test_an_event_that_comes_late_because_we_were_busy_moves_nothing(self) -> None:
        clock = FeedClock(10.0)
        clock.write(10.0)
        clock.write(10.0)
        assert clock.waiting(10.001) == pytest.approx(0.04)
        clock.left(1, 10.51)
        assert clock.write(10.51) == pytest.approx(10.52)

    def test_one_that_never_says_that_it_has_begun_is_taken_to_have(self) -> None:
        clock = FeedClock(10.0)
        clock.write(10.0)
        assert clock.waiting(11.5) == 0


class TestPacketClock:
    def test_the_quickest_packet_tells_the_time_of_all(self) -> None:
        clock = PacketClock()
        for number, late in enumerate((0.03, 0.0, 0.02, 0.019)):
            clock.place(Frame("PCMU", number, number * 160, QUIET), 50.0 + number * 0.02 + late)
        assert clock.time_of(3 * 160) == pytest.approx(50.06)

    def test_a_clock_that_drifts_is_followed(self) -> None:
        """The quickest of half a minute ago says nothing of now: 0.1 % are 30 ms by then."""
        clock = PacketClock()
        for number in range(1500):
            clock.place(Frame("PCMU", number, number * 160, QUIET), 50.0 + number * 0.02 * 1.001)
        assert clock.time_of(1499 * 160) == pytest.approx(50.0 + 1499 * 0.02 * 1.001, abs=0.009)

    def test_what_is_missing_is_silence_and_what_is_late_is_left_out(self) -> None:
        clock = PacketClock()
        clock.place(Frame("PCMU", 0, 0, QUIET), 1.0)
        assert (
            clock.place(Frame("PCMU", 3, 480, b"\x01" * 160), 1.06)
            == bytes((ULAW_SILENCE,)) * 320 + b"\x01" * 160
        )
        assert clock.place(Frame("PCMU", 1, 160, QUIET), 1.07) is None
