"""How good a leg sounds, each way, as the E-model has it: from counters to R and a MOS-like figure.

Towards us we count ourselves; towards the peer its RTCP reports count. What neither tells is taken for
harmless, and ``Quality`` says which: without RTCP no round trip, so delay costs nothing.

Lives here: the model of a listener's jitter buffer, and what counters mean to the E-model (``emodel``).
Never here: counting.
"""

from __future__ import annotations

from math import ceil, exp
from typing import Final

from ...net.values import frozen
from ..description.audio import DEFAULT_PTIME
from ..rtp.report import LegReport
from .emodel import IMPAIRMENTS, UNKNOWN, rate

# What we chose: a phone's adaptive jitter buffer
SHORTEST_BUFFER: Final = 40.0  # milliseconds
LONGEST_BUFFER: Final = 200.0
BUFFERED_JITTERS: Final = 6.0  # mean deviations that it waits for: one packet in 400 comes later still
LEAST_PACKETS: Final = 25  # half a second; fewer judge nothing
LOOK_AHEAD: Final = {"G729": 5.0, "OPUS": 6.5, "G722": 1.5}  # milliseconds that the coder itself waits for


@frozen
class Buffered:
    """What a jitter buffer makes of jitter: a delay in milliseconds, and the share (0–1) that is too late."""

    delay: float
    late: float


@frozen
class Quality:
    """One direction of one leg. ``loss`` and ``late`` are shares (0–1); times are in milliseconds.

    ``delay`` is from mouth to ear on this leg alone; ``delay_known`` is false where no round trip was
    measured, and the way through the network counts as nothing.
    """

    mos: float
    r: float
    loss: float
    late: float
    burst_ratio: float
    jitter: float
    delay: float
    delay_known: bool


@frozen
class LegQuality:
    """Both directions; None where too little is known: too few packets, or a peer without RTCP."""

    incoming: Quality | None
    outgoing: Quality | None


def quality_of(report: LegReport, codec: str, ptime: int = DEFAULT_PTIME) -> LegQuality:
    """Judge a leg by what it counted; ``codec`` is the name of an rtpmap, ``ptime`` milliseconds."""
    return LegQuality(_incoming(report, codec, ptime), _outgoing(report, codec, ptime))


def buffered(jitter: float, ptime: float = DEFAULT_PTIME) -> Buffered:
    """A listener's adaptive buffer, for a mean jitter in milliseconds.

    Delays that vary by an exponential distribution have a mean |d| (RFC 3550 §A.8) of that distribution's
    mean. The buffer holds six such deviations, in whole packets, within its bounds; what is later is lost.
    """
    frames = ceil(BUFFERED_JITTERS * jitter / ptime)
    delay = min(max(frames * ptime, SHORTEST_BUFFER), LONGEST_BUFFER)
    return Buffered(delay, exp(-delay / jitter) if jitter > 0 else 0.0)


def burst_ratio(lost: int, runs: int, loss: float) -> float:
    """BurstR of G.107: the mean length of the gaps by 1 / (1 - loss), that of packets lost by chance."""
    if lost <= 0 or runs <= 0:
        return 1.0
    return max(lost / runs * (1 - loss), 1.0)


def _incoming(report: LegReport, codec: str, ptime: int) -> Quality | None:
    if report.packets_received < LEAST_PACKETS:
        return None
    lost = max(report.lost, 0)
    loss = lost / (lost + report.packets_received)
    ratio = burst_ratio(lost, min(report.loss_runs, lost), loss)
    return _judge(codec, ptime, loss, ratio, report.mean_jitter_ms, report.round_trip_ms)


def _outgoing(report: LegReport, codec: str, ptime: int) -> Quality | None:
    """What the peer tells; of how its losses lie together it tells nothing."""
    sent, lost = report.remote_expected, report.remote_lost
    if sent is None or lost is None or sent < LEAST_PACKETS:
        return None
    loss = min(max(lost, 0) / sent, 1.0)
    return _judge(codec, ptime, loss, 1.0, report.remote_jitter_ms or 0.0, report.round_trip_ms)


def _judge(
    codec: str, ptime: int, loss: float, ratio: float, jitter: float, round_trip: float | None
) -> Quality:
    buffer = buffered(jitter, ptime)
    delay = ptime + LOOK_AHEAD.get(codec, 0.0) + (round_trip or 0.0) / 2 + buffer.delay
    missing = loss + (1 - loss) * buffer.late
    rating = rate(IMPAIRMENTS.get(codec, UNKNOWN), loss=missing, burst_ratio=ratio, delay=delay)
    return Quality(rating.mos, rating.r, loss, buffer.late, ratio, jitter, delay, round_trip is not None)
