"""A call's counters in rtpengine's words, for ``query``, ``delete`` and ``list``.

Lives here: which keys there are. Never here: counting.
"""

from __future__ import annotations

from typing import Final

from ..ng.bencode import Writable
from ..quality.quality import quality_of
from ..rtp.report import LegReport
from .calls import NodeCall
from .sides import Side

RTP_HEADER: Final = 12  # octets; rtpengine counts them


def answer_about(call: NodeCall, now: float, wall_clock: float) -> dict[str, Writable]:
    """What is known of a call; ``wall_clock`` is seconds since 1970 at ``now``."""
    return {
        "created": int(wall_clock - (now - call.created_at)),
        "last signal": int(wall_clock - (now - call.told_at)),
        "tags": {side.tag or "?": _tag(call, side, now, wall_clock) for side in call.sides},
        "totals": {"RTP": _total([side.leg.report() for side in call.sides])},
        "SSRC": {
            str(report.remote_ssrc): _judged(side, report)
            for side in call.sides
            if (report := side.leg.report()).remote_ssrc is not None
        },
    }


def _tag(call: NodeCall, side: Side, now: float, wall_clock: float) -> dict[str, Writable]:
    report = side.leg.report()
    stream: dict[str, Writable] = {
        "local port": side.ports.rtp_port,
        "local address": side.ports.host,
        "family": "IPv6" if ":" in side.ports.host else "IPv4",
        "stats": _total([report]),
        "flags": ["RTP", *(["filled"] if report.packets_received else [])],
    }
    if report.remote is not None:
        stream["endpoint"] = {
            "address": report.remote.host,
            "port": report.remote.port,
            "family": "IPv6" if ":" in report.remote.host else "IPv4",
        }
    if report.remote_ssrc is not None:
        stream["SSRC"] = report.remote_ssrc
    medium: dict[str, Writable] = {"index": 1, "type": "audio", "protocol": "RTP/AVP", "streams": [stream]}
    return {
        "tag": side.tag,
        "created": int(wall_clock - (now - call.created_at)),
        "in dialogue with": call.other(side).tag,
        "medias": [medium],
    }


def _total(reports: list[LegReport]) -> dict[str, Writable]:
    packets = sum(each.packets_received for each in reports)
    return {
        "packets": packets,
        "bytes": sum(each.octets_received for each in reports) + packets * RTP_HEADER,
        "errors": sum(each.dropped for each in reports),
    }


def _judged(side: Side, report: LegReport) -> dict[str, Writable]:
    """rtpengine's word for the figure is ten times the MOS, in whole numbers."""
    codec = side.codec
    quality = quality_of(report, codec.name).incoming if codec is not None else None
    if quality is None:
        return {}
    figures: dict[str, Writable] = {
        "MOS": round(quality.mos * 10),
        "jitter": round(quality.jitter),
        "packet loss": round(quality.loss * 100),
        "round-trip time": round((report.round_trip_ms or 0) * 1000),  # microseconds
    }
    return {"average MOS": figures, "lowest MOS": figures, "highest MOS": figures}
