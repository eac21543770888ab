"""The switch as text that Prometheus reads: the names of FreeSWITCH's common exporter, ours, and the NAT's.

Lives here: names, labels, and where each value comes from. Never here: a server, or the format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import fmean
from typing import Final

from ..net.exposition import Labels, Metric, Sample, by_name, exposition
from ..portmap.metrics import metrics
from .snapshots import ChannelSnapshot, SwitchSnapshot

EXPORTER: Final = by_name(  # after ``freeswitch_``
    Metric("up", "gauge", "1: the switch answers."),
    Metric("time_synced", "gauge", "1: this is the switch's own clock."),
    Metric("uptime_seconds", "gauge", "Seconds since the start."),
    Metric("sessions_total", "counter", "Legs since the start."),
    Metric("current_calls", "gauge", "Calls: two legs that talk are one, and so is a leg alone."),
    Metric("current_sessions", "gauge", "Legs."),
    Metric("current_sessions_peak", "gauge", "Most legs at once since the start."),
    Metric("current_sessions_peak_last_5min", "gauge", "Most legs at once in the last five minutes."),
    Metric("max_sessions", "gauge", "Legs that are taken at most (max-sessions)."),
    Metric("current_sps", "gauge", "New legs in the running second."),
    Metric("current_sps_peak", "gauge", "Most new legs in one second since the start."),
    Metric("current_sps_peak_last_5min", "gauge", "Most new legs in one second, last five minutes."),
    Metric("max_sps", "gauge", "New legs that are taken in a second at most (sessions-per-second)."),
    Metric("current_idle_cpu", "gauge", "Idle share of the processors, in percent."),
    Metric("min_idle_cpu", "gauge", "Below this share no call would be taken; there is no such limit."),
)
OURS: Final = by_name(  # after ``ringthru_``
    Metric("info", "gauge", "The version, and which media engine is in use."),
    Metric("registrations", "gauge", "Phones registered, by profile and how they are reached."),
    Metric("calls_total", "counter", "Calls since the start, by profile and direction."),
    Metric("failed_calls_total", "counter", "Those of them that were not answered."),
    Metric("trunk_up", "gauge", "1 while calls go out to a provider."),
    Metric("trunk_registered", "gauge", "1 while a provider has our registration."),
    Metric("bans", "gauge", "Addresses that are not listened to."),
    Metric("rtp_lost_packets", "gauge", "Packets that calls in progress missed."),
    Metric("rtp_jitter_worst_seconds", "gauge", "The largest jitter of a call in progress."),
    Metric("rtp_mos_worst", "gauge", "The lowest MOS-like figure of a call in progress, by direction."),
    Metric("rtp_mos_mean", "gauge", "The mean of the figures of all calls in progress, by direction."),
    Metric("poor_legs", "gauge", "Legs with a figure below 3.6 (many are dissatisfied), by direction."),
    Metric("one_way_legs", "gauge", "Legs up for five seconds or more that have heard nothing."),
    Metric("records_written_total", "counter", "Records of calls, lines and files."),
    Metric("records_lost_total", "counter", "Records of calls that no disk took."),
)
SILENT_FOR: Final = 5.0  # seconds
POOR: Final = 3.6  # R of 70 (G.107, Table B.1)


def switch_metrics(snapshot: SwitchSnapshot, idle_cpu: float) -> str:
    """The whole text; ``idle_cpu`` is a percentage."""
    return "".join(
        (
            exposition(EXPORTER, _of_exporter(snapshot, idle_cpu), "freeswitch_"),
            exposition(OURS, _of_switch(snapshot), "ringthru_"),
            metrics({"": snapshot.mapper}) if snapshot.mapper is not None else "",
        )
    )


def _of_exporter(shown: SwitchSnapshot, idle_cpu: float) -> Iterator[Sample]:
    values = {
        "up": 1,
        "time_synced": 1,
        "uptime_seconds": shown.uptime,
        "sessions_total": shown.sessions_since_start,
        "current_calls": _calls(shown),
        "current_sessions": len(shown.channels),
        "current_sessions_peak": shown.sessions_peak,
        "current_sessions_peak_last_5min": shown.sessions_peak_5min,
        "max_sessions": shown.sessions_max,
        "current_sps": shown.per_second,
        "current_sps_peak": shown.per_second_peak,
        "current_sps_peak_last_5min": shown.per_second_peak_5min,
        "max_sps": shown.per_second_max,
        "current_idle_cpu": idle_cpu,
        "min_idle_cpu": 0,
    }
    return ((name, (), value) for name, value in values.items())


def _calls(shown: SwitchSnapshot) -> int:
    legs = {each.uuid for each in shown.channels}
    return len(legs) - sum(each.bridged_to in legs for each in shown.channels) // 2


def _of_switch(shown: SwitchSnapshot) -> Iterator[Sample]:
    yield "info", (("version", shown.version), ("media_engine", shown.media_engine)), 1
    kinds = Counter((each.profile, each.state.value) for each in shown.registrations)
    for (profile, state), number in kinds.items():
        yield "registrations", (("profile", profile), ("state", state)), number
    for each in shown.profiles:
        for way, calls, failed in (
            ("inbound", each.calls_in, each.failed_calls_in),
            ("outbound", each.calls_out, each.failed_calls_out),
        ):
            labels: Labels = (("profile", each.name), ("direction", way))
            yield "calls_total", labels, calls
            yield "failed_calls_total", labels, failed
    for trunk in shown.trunks:
        labels = (("profile", trunk.profile), ("trunk", trunk.name))
        yield "trunk_up", labels, trunk.up
        yield "trunk_registered", labels, trunk.state == "REGED"
    yield "bans", (), len(shown.bans)
    yield from _of_media(shown)
    yield "records_written_total", (), shown.records_written
    yield "records_lost_total", (), shown.records_lost


def _of_media(shown: SwitchSnapshot) -> Iterator[Sample]:
    legs = [each for each in shown.channels if each.advertised_media is not None]
    yield "rtp_lost_packets", (), sum(each.packets_lost for each in legs)
    yield "rtp_jitter_worst_seconds", (), max((each.jitter_ms for each in legs), default=0.0) / 1000
    yield from _of_quality(legs)
    silent = [
        each
        for each in legs
        if each.call_state == "ACTIVE" and each.seconds >= SILENT_FOR and not each.packets_received
    ]
    yield "one_way_legs", (), len(silent)


def _of_quality(legs: list[ChannelSnapshot]) -> Iterator[Sample]:
    """Each direction that has figures; without any there is no sample, for 0 would be a very bad one."""
    judged = [each.quality for each in legs]
    for way, found in (
        ("in", [each.incoming for each in judged]),
        ("out", [each.outgoing for each in judged]),
    ):
        figures = [each.mos for each in found if each is not None]
        labels: Labels = (("direction", way),)
        if figures:
            yield "rtp_mos_worst", labels, min(figures)
            yield "rtp_mos_mean", labels, fmean(figures)
        yield "poor_legs", labels, sum(each < POOR for each in figures)
