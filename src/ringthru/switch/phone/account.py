"""One line about the audio of a call of the console phone.

Lives here: its words. Never here: where it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media.quality.echo_probe import EchoProbe
from ..audio.probing import judged
from .line import media_beyond

if TYPE_CHECKING:
    from .channel import PhoneChannel


def account(channel: PhoneChannel, probe: EchoProbe | None) -> str:
    """Packets, loss, round trip, and whether the echo was heard; of the leg beyond, where there was one."""
    media = media_beyond(channel)
    if media is None:
        return "none, for nobody answered"
    report = media.report()
    lost = _share(report.lost, report.packets_received + report.lost)
    parts = [f"{report.packets_received} packets in, {report.packets_sent} out, {report.lost} lost{lost}"]
    if report.remote_lost is not None:
        missed = max(report.remote_lost, 0)
        parts[0] += f", {missed} of ours lost{_share(missed, report.packets_sent)}"
    echo = probe.result() if probe is not None else None
    if echo is not None and echo.round_trip_ms is not None:
        parts.append(f"round trip {echo.round_trip_ms:.0f} ms")
    elif report.round_trip_ms is not None:
        parts.append(f"round trip {report.round_trip_ms:.0f} ms by RTCP")
    else:
        parts.append("round trip unknown")
    if echo is None:
        parts.append("echo not looked for")
    else:
        parts.append(f"echo {'heard' if echo.heard else 'not heard'}")
        parts.append(judged(media, echo).verdict.sentence)
    return "; ".join(parts)


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.1f} %)" if part and whole else ""
