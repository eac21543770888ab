"""Calls that went wrong lately: what they have in common is worth more than each of them.

Lives here: the summary. Never here: what a call's end means (``post_mortem`` of the switch).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ..switch.calls.post_mortem import Fault, Mishap
from .examination import Examination
from .finding import Finding, fail, ok, warn

SOUNDLESS: Final = {Fault.NO_AUDIO, Fault.HEARD_NOTHING, Fault.SENT_NOTHING, Fault.MEDIA_LOST}
WORDS: Final = {
    Fault.UNACKNOWLEDGED: "the answer was not acknowledged",
    Fault.NO_AUDIO: "no audio at all",
    Fault.HEARD_NOTHING: "nothing was heard from the peer",
    Fault.SENT_NOTHING: "the peer heard nothing",
    Fault.MEDIA_LOST: "the audio ended before the call",
    Fault.CODECS: "no codec in common",
    Fault.POOR: "it sounded bad",
    Fault.UNREACHABLE: "the called side was not reached",
}


def check_calls(seen: Examination) -> Iterator[Finding]:
    if seen.switch is None:
        return
    if not seen.calls:
        yield ok(
            "calls", f"of {seen.switch.sessions_since_start} legs since the start none is remembered as bad"
        )
        return
    by_fault: dict[Fault, list[Mishap]] = {}
    for each in seen.calls:
        by_fault.setdefault(each.verdict.fault, []).append(each)
    for fault, calls in sorted(by_fault.items(), key=lambda item: -len(item[1])):
        yield _of(fault, calls)


def _of(fault: Fault, calls: list[Mishap]) -> Finding:
    last, verdict = calls[-1].facts, calls[-1].verdict
    peer, times = Counter(each.facts.peer_host for each in calls).most_common(1)[0]
    whose = f", {times} of them with {peer}" if len(calls) > 1 and peer else ""
    number = f"{len(calls)} times{whose}: " if len(calls) > 1 else ""
    judge = fail if fault is Fault.UNACKNOWLEDGED or fault in SOUNDLESS else warn
    return judge(
        f"calls.{fault.value}",
        f"{number}{WORDS[fault]}; the last, {last.name}: {verdict.sentence}",
        verdict.meaning,
        f"{verdict.cure}; 'doctor call {last.uuid}' has the figures",
    )
