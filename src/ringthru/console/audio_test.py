"""``audio_test``: call an echo, and say in one sentence who hears whom.

Lives here: the command and its text. Never here: the test (``switch/probing``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..switch.calls.causes import HangupCause
from ..switch.dialing.dialing import DialFailed
from ..switch.dialing.dialstring import BadDialString
from .commands import Command
from .switch_like import SwitchLike
from .text import visible, words_of

if TYPE_CHECKING:
    from ..switch.audio.probing import Measured

SYNTAX: Final = "<dial string>|sip:<user>@<host> [<seconds>]"
RING_TIME: Final = 20.0  # seconds
WISHES: Final = {"ignore_early_media": "true", "absolute_codec_string": "PCMU,PCMA"}  # the chirp is G.711's


async def audio_test(switch: SwitchLike, arguments: str) -> str:
    """The first line is for programs: ``+OK`` if it is heard both ways, else ``-ERR`` and which way fails."""
    from ..switch.audio import probing  # late: it makes the chirp that it looks for

    match words_of(arguments):
        case [target]:
            seconds = probing.USUAL
        case [target, text] if text.isascii() and text.isdigit() and len(text) < 5:
            seconds = float(text)
        case _:
            return f"-USAGE: {SYNTAX}\n"
    if target.startswith(("sip:", "sips:")):
        target = f"sofia/{_profile_for_strangers(switch)}/{target}"
    calls = switch.calls
    try:
        channel = await calls.dialer.dial(target, timeout=RING_TIME, variables=WISHES)
    except BadDialString:
        return f"-ERR {HangupCause.INVALID_URL.name}\n"
    except DialFailed as failure:
        return f"-ERR {failure.cause.name}\n"
    try:
        found = await probing.measure(channel, seconds)
    finally:
        channel.hang_up(HangupCause.NORMAL_CLEARING)
    if found is None:
        return "-ERR the call has no audio that can be tested\n"
    return _told(channel.name, found)


def _profile_for_strangers(switch: SwitchLike) -> str:
    """The profile that the variable ``use_profile`` names, else ``external``, else the first."""
    calls = switch.calls
    for name in (switch.variables.get("use_profile", ""), "external"):
        if name and (profile := calls.profile(name)) is not None:
            return profile.name
    return next(iter(calls.profiles), "")


def _told(name: str, found: Measured) -> str:
    report, echo, verdict = found.report, found.echo, found.verdict
    missed = "does not say what it misses" if report.remote_lost is None else f"misses {report.remote_lost}"
    by_echo = "none" if echo.round_trip_ms is None else f"{echo.round_trip_ms:.0f} ms"
    by_rtcp = "not told" if report.round_trip_ms is None else f"{report.round_trip_ms:.0f} ms"
    return (
        f"{'+OK' if verdict.good else '-ERR'} {verdict.hearing.value}\n"
        f"Call: {visible(name)}\n"
        f"Packets: {report.packets_sent} out, {report.packets_received} in, {report.lost} lost; "
        f"the other side {missed}; jitter {report.jitter_ms:.1f} ms\n"
        f"Round trip: {by_echo} by the echo, {by_rtcp} by RTCP\n"
        f"Verdict: {visible(verdict.sentence)}\n"
    )


def commands() -> list[Command]:
    return [
        Command(
            "audio_test",
            SYNTAX,
            "Call an echo test and say who hears whom",
            audio_test,
            home="ringthru",
        )
    ]
