"""Work beside the calls: in order, bounded, and never in the way of a stop for long."""

from __future__ import annotations

import threading

import pytest

from ringthru.switch.beside import Beside


def test_jobs_are_done_in_order_and_a_close_waits_for_them():
    done: list[int] = []
    beside = Beside("jobs")
    for number in range(100):
        assert beside.put(lambda number=number: done.append(number))
    beside.close(5)
    assert done == list(range(100))
    assert not beside.put(lambda: None)


def test_what_finds_the_queue_full_is_counted_and_said_once(caplog: pytest.LogCaptureFixture):
    begun, release = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait()

    beside = Beside("jobs", most=2)
    beside.put(hang)
    begun.wait()
    taken = [beside.put(lambda: None) for _ in range(5)]
    assert taken == [True, True, False, False, False]
    assert beside.lost == 3
    assert len([each for each in caplog.records if "more are lost" in each.message]) == 1
    release.set()
    beside.close(5)


def test_a_job_that_fails_does_not_end_the_others(caplog: pytest.LogCaptureFixture):
    done: list[int] = []
    beside = Beside("jobs")
    beside.put(lambda: 1 / 0)
    beside.put(lambda: done.append(1))
    beside.close(5)
    assert done == [1]
    assert "jobs: one failed" in caplog.text


def test_a_job_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture):
    release = threading.Event()
    beside = Beside("jobs", most=2)
    beside.put(release.wait)
    beside.close(0.01)
    assert "given up" in caplog.text
    release.set()
