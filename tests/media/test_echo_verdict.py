"""One sentence about who hears whom, from the evidence."""

from __future__ import annotations

import pytest

from ringthru.media import LegReport
from ringthru.media.quality.echo_probe import Echo
from ringthru.media.quality.echo_verdict import Hearing, judge

HEARD = Echo(said=8, returned=7, round_trip_ms=184.4, certainty=0.99996)
SILENCE = Echo(said=6, returned=0, round_trip_ms=None, certainty=0.0)
UPSET = Echo(said=3, returned=0, round_trip_ms=None, certainty=0.0, still=0.34)
TOLD, REMOTE = "203.0.113.9:16384", "198.51.100.7:4000"


def report(received: int = 0, remote_lost: int | None = None, sent: int = 300) -> LegReport:
    return LegReport(received, sent, received * 160, sent * 160, 0, 0, remote_lost, 0.0, None, 1, None, None)


@pytest.mark.parametrize(
    ("echo", "evidence", "hearing"),
    [
        (HEARD, report(300, 0), Hearing.BOTH_WAYS),
        (HEARD, report(300, None), Hearing.BOTH_WAYS),  # no RTCP at all: the echo is proof enough
        (SILENCE, report(0, 0), Hearing.WE_DO_NOT),
        (SILENCE, report(25, None), Hearing.THEY_DO_NOT),
        (SILENCE, report(25, 300), Hearing.THEY_DO_NOT),  # it says that all is lost
        (SILENCE, report(0, None), Hearing.NEITHER),
        (SILENCE, report(300, 2), Hearing.NO_ECHO),
        (Echo(said=1, returned=0, round_trip_ms=None, certainty=0.0), report(40, None), Hearing.UNKNOWN),
        (UPSET, report(300, 2), Hearing.BUSY),  # its silence says nothing
        (UPSET, report(25, None), Hearing.BUSY),
        (UPSET, report(0, 0), Hearing.WE_DO_NOT),  # but whether packets come does
        (
            Echo(said=3, returned=2, round_trip_ms=40.0, certainty=0.99, still=0.34),
            report(300, 2),
            Hearing.BOTH_WAYS,
        ),
        (Echo(said=1, returned=0, round_trip_ms=None, certainty=0.0, still=0.5), report(), Hearing.BUSY),
    ],
)
def test_who_hears_whom(echo: Echo, evidence: LegReport, hearing: Hearing) -> None:
    verdict = judge(echo, evidence, TOLD, REMOTE)
    assert verdict.hearing is hearing
    assert verdict.good is (hearing is Hearing.BOTH_WAYS)
    assert verdict.sentence.startswith(hearing.value + ": ")


def test_the_sentence_has_the_figures_and_no_certainty_that_is_not_there() -> None:
    sentence = judge(HEARD, report(300, 0), TOLD, REMOTE).sentence
    assert sentence == ("heard both ways: the echo came back after 184 ms (7 of 8 chirps, certainty 99.9 %)")


def test_the_address_to_look_at_is_named() -> None:
    assert TOLD in judge(SILENCE, report(0, 0), TOLD, REMOTE).sentence
    assert REMOTE in judge(SILENCE, report(25, None), TOLD, REMOTE).sentence
    neither = judge(SILENCE, report(), TOLD, REMOTE).sentence
    assert TOLD in neither
    assert REMOTE in neither


def test_a_busy_machine_is_not_taken_for_a_bad_network() -> None:
    sentence = judge(UPSET, report(300, 2), TOLD, REMOTE).sentence
    assert "for 34 % of the test this machine stood still" in sentence
    assert "try again" in sentence
