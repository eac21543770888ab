"""What an echo test says about a call, in one sentence: who hears whom, by which evidence, what to look at.

Three things are known: whether our chirps came back (``echo_probe``), whether packets came, and whether the
other side's RTCP reports speak of ours (RFC 3550 §6.4: it has a block for each source that it hears).

Lives here: the judgement, in words. Never here: the evidence.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ...net.values import frozen
from ..rtp.report import LegReport
from .echo_probe import Echo

LEAST_SAID: Final = 2  # chirps whose echo could have come, before silence means anything
NEARLY_ALL: Final = 0.9  # of our packets; who misses as many hears nothing
BUSY: Final = 0.2  # share of the test that this machine may stand still, and its silence means something


class Hearing(Enum):
    """Who hears whom."""

    BOTH_WAYS = "heard both ways"
    WE_DO_NOT = "we hear nothing"
    THEY_DO_NOT = "they hear nothing"
    NEITHER = "nothing is heard either way"
    UNKNOWN = "too short to tell"
    BUSY = "this machine is too busy to tell"
    NO_ECHO = "no echo"  # packets go both ways, but it is not our sound that comes


@frozen
class Verdict:
    """``sentence`` says it with its evidence."""

    hearing: Hearing
    sentence: str

    @property
    def good(self) -> bool:
        return self.hearing is Hearing.BOTH_WAYS


def judge(echo: Echo, report: LegReport, told: str, remote: str) -> Verdict:
    """``told`` is where the other side was told to send, ``remote`` where we send, both as ``HOST:PORT``."""
    hearing = _hearing(echo, report)
    return Verdict(hearing, f"{hearing.value}: {_evidence(hearing, echo, report, told, remote)}")


def _hearing(echo: Echo, report: LegReport) -> Hearing:
    if echo.heard:
        return Hearing.BOTH_WAYS
    if echo.still > BUSY and (report.packets_received or echo.said < LEAST_SAID):
        return Hearing.BUSY
    if echo.said < LEAST_SAID:
        return Hearing.UNKNOWN
    missed = report.remote_lost
    reported = missed is not None and missed < report.packets_sent * NEARLY_ALL
    if report.packets_received:
        return Hearing.NO_ECHO if reported else Hearing.THEY_DO_NOT
    return Hearing.WE_DO_NOT if reported else Hearing.NEITHER


def _evidence(hearing: Hearing, echo: Echo, report: LegReport, told: str, remote: str) -> str:
    match hearing:
        case Hearing.BOTH_WAYS:
            sure = int(echo.certainty * 1000) / 10  # never rounded up to what it is not
            return (
                f"the echo came back after {echo.round_trip_ms:.0f} ms "
                f"({echo.returned} of {echo.said} chirps, certainty {sure:g} %)"
            )
        case Hearing.WE_DO_NOT:
            return (
                f"the other side reports that it hears us, and not one packet came to {told}, where it was "
                "told to send; look at that address, and at what lies between"
            )
        case Hearing.THEY_DO_NOT:
            says = (
                "its reports do not speak of us"
                if report.remote_lost is None
                else "it reports that all is lost"
            )
            return (
                f"{report.packets_received} packets came, none of them with what we said, and {says}; "
                f"look at {remote}, where it told us to send, and at what lies between"
            )
        case Hearing.NEITHER:
            return (
                f"not one packet came to {told}, and no report that ours arrive at {remote}; "
                "look at both addresses, and at what lies between"
            )
        case Hearing.UNKNOWN:
            return "the call ended before two chirps could have come back; give it four seconds"
        case Hearing.BUSY:
            return (
                f"for {echo.still * 100:.0f} % of the test this machine stood still, and no echo was timed; "
                "try again when it has less to do, or find out what holds it up"
            )
        case Hearing.NO_ECHO:
            return (
                "packets go both ways, but what we said did not come back; was it an echo test that was "
                "called, and does nothing on the way change the sound?"
            )
