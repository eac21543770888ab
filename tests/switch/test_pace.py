"""The limit on new sessions a second, and the peaks of ``status``."""

from __future__ import annotations

from ringthru.switch.calls.pace import WINDOW, Pace, Peak


def test_a_second_admits_its_limit_and_the_next_one_again():
    pace = Pace(limit=2)
    assert [pace.admit(now) for now in (10.0, 10.5, 10.9, 11.0)] == [True, True, False, True]
    assert (pace.current(11.2), pace.peak.ever) == (1, 2)


def test_a_peak_is_kept_for_ever_and_for_five_minutes():
    peak = Peak()
    peak.note(7, 100.0)
    peak.note(3, 100.5)
    assert (peak.ever, peak.lately(101.0)) == (7, 7)
    peak.note(2, 100.0 + WINDOW)
    assert (peak.ever, peak.lately(101.0 + WINDOW)) == (7, 2)


def test_a_quiet_switch_forgets_its_recent_peak():
    peak = Peak()
    peak.note(7, 100.0)
    assert peak.lately(100.0 + 2 * WINDOW) == 0


def test_memory_is_bounded_by_the_window():
    peak = Peak()
    for second in range(10 * WINDOW):
        peak.note(1, float(second))
    assert len(peak._seconds) <= WINDOW


def test_one_stranger_gets_half_a_second_and_leaves_the_rest_to_others():
    pace = Pace(limit=4)
    assert [pace.admit(10.0, "198.51.100.7") for _ in range(3)] == [True, True, False]
    assert [pace.admit(10.1, "203.0.113.9"), pace.admit(10.2)] == [True, True]
    assert pace.admit(11.0, "198.51.100.7")
