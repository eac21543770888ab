"""What was counted of a leg's audio, as variables: FreeSWITCH's names where it has them, ours beside them.

Lives here: the names, and how their values are written. Never here: where they are shown; the counting and
the judging, which are ``media.report`` and ``media.quality``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...media import LegQuality, LegReport, Quality, quality_of

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from .leg_media import LegMedia

PREFIXES: Final = ("rtp_audio_", "ringthru_in_", "ringthru_out_", "ringthru_round_trip_")
Pair = tuple[str, str]


def leg_quality(media: LegMedia, report: LegReport) -> LegQuality:
    """Both directions of a leg, by the codec that was agreed on last."""
    agreed = media.negotiated
    if agreed is None:
        return LegQuality(None, None)
    return quality_of(report, agreed.codec.name, agreed.ptime)


def statistics_of(channel: Channel) -> Iterator[Pair]:
    """All variables about the leg's audio as it is now, or was at the end; none for a leg without."""
    if channel.media is not None:
        yield from variables_of(channel.media, channel.media.report())


def variables_of(media: LegMedia, report: LegReport) -> Iterator[Pair]:
    """The variables of a report."""
    quality = leg_quality(media, report)
    yield from _packets(report)
    yield from _incoming(report, quality.incoming)
    yield from _outgoing(report, quality.outgoing)
    if report.round_trip_ms is not None:
        yield "ringthru_round_trip_ms", f"{report.round_trip_ms:.1f}"


def statistic(channel: Channel, name: str) -> str | None:
    """One of them by its name, for ``${…}`` and ``uuid_getvar``; None: it is none, or not known now."""
    if not name.startswith(PREFIXES):
        return None
    return dict(statistics_of(channel)).get(name)


def figures(quality: LegQuality) -> str:
    """Both figures for the log, as far as there are any: ``, MOS 4.37 in, 4.12 out``."""
    known = ((quality.incoming, "in"), (quality.outgoing, "out"))
    words = [f"{each.mos:.2f} {way}" for each, way in known if each is not None]
    return f", MOS {', '.join(words)}" if words else ""


def _packets(report: LegReport) -> Iterator[Pair]:
    for way, packets, octets in (
        ("in", report.packets_received, report.octets_received),
        ("out", report.packets_sent, report.octets_sent),
    ):
        yield f"rtp_audio_{way}_packet_count", str(packets)
        yield f"rtp_audio_{way}_media_packet_count", str(packets)
        yield f"rtp_audio_{way}_media_bytes", str(octets)
    yield "rtp_audio_in_skip_packet_count", str(max(report.lost, 0))
    yield "rtp_audio_in_jitter_ms", f"{report.jitter_ms:.2f}"


def _incoming(report: LegReport, quality: Quality | None) -> Iterator[Pair]:
    # FreeSWITCH's are variances, in ms²; the deviation is the jitter of RFC 3550.
    yield "rtp_audio_in_jitter_min_variance", f"{report.least_jitter_ms**2:.2f}"
    yield "rtp_audio_in_jitter_max_variance", f"{report.most_jitter_ms**2:.2f}"
    if quality is None:
        return
    lost = max(report.lost, 0)
    in_a_row = max(lost - report.loss_runs, 0)  # lost packets that come right after another lost one
    yield "rtp_audio_in_jitter_loss_rate", f"{100 * quality.loss:.2f}"
    yield "rtp_audio_in_jitter_burst_rate", f"{100 * in_a_row / lost if lost else 0:.2f}"
    yield "rtp_audio_in_quality_percentage", f"{quality.r:.2f}"
    yield "rtp_audio_in_mos", f"{quality.mos:.2f}"
    yield "ringthru_in_late_rate", f"{100 * quality.late:.2f}"
    yield "ringthru_in_burst_ratio", f"{quality.burst_ratio:.2f}"


def _outgoing(report: LegReport, quality: Quality | None) -> Iterator[Pair]:
    """What the peer's RTCP tells; FreeSWITCH has no words for it."""
    if quality is None:
        return
    yield "ringthru_out_lost_packet_count", str(max(report.remote_lost or 0, 0))
    yield "ringthru_out_loss_rate", f"{100 * quality.loss:.2f}"
    yield "ringthru_out_jitter_ms", f"{quality.jitter:.2f}"
    yield "ringthru_out_quality_percentage", f"{quality.r:.2f}"
    yield "ringthru_out_mos", f"{quality.mos:.2f}"
