"""The manual clock stands still, never runs back, and drives machines."""

import pytest

from ringthru.lab import ManualClock


class Ticker:
    """A machine that wants to be woken at given instants."""

    def __init__(self, *instants):
        self.waiting = list(instants)
        self.woken = []

    def next_timeout(self):
        return self.waiting[0] if self.waiting else None

    def handle_timeout(self, now):
        self.woken.append(now)
        self.waiting.pop(0)


def test_it_moves_only_when_told():
    clock = ManualClock(5.0)
    assert clock.read() == clock.read() == 5.0
    assert clock.advance(2.5) == clock.now == 7.5


def test_it_never_runs_backwards():
    with pytest.raises(ValueError, match="has passed"):
        ManualClock(5.0).advance_to(4.9)


def test_a_machine_is_run_to_its_next_timeout():
    clock, machine = ManualClock(0.0), Ticker(3.0, 8.0)
    assert clock.run_to_next_timeout(machine) == 3.0
    assert (clock.now, machine.woken) == (3.0, [3.0])


def test_an_overdue_timeout_is_handled_now():
    clock, machine = ManualClock(10.0), Ticker(3.0)
    assert clock.run_to_next_timeout(machine) == 10.0


def test_a_machine_that_waits_for_nothing_moves_nothing():
    clock = ManualClock(1.0)
    assert clock.run_to_next_timeout(Ticker()) is None
    assert clock.now == 1.0


def test_running_until_an_instant_stops_there():
    clock, machine = ManualClock(0.0), Ticker(1.0, 2.0, 9.0)
    assert clock.run_until(machine, 5.0) == 2
    assert (clock.now, machine.woken) == (5.0, [1.0, 2.0])


def test_a_machine_that_spins_is_found_out():
    class Spinner(Ticker):
        def handle_timeout(self, now):
            self.woken.append(now)

    with pytest.raises(RuntimeError, match="spins"):
        ManualClock(0.0).run_until(Spinner(0.0), 1.0, most=50)
