"""The command ``doctor``: what is wrong with this switch and around it, and what to do.

Lives here: the text of findings. Never here: the checks, which are the room ``doctor``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from .commands import Command
from .switch_like import SwitchLike
from .text import aligned, visible, words_of

if TYPE_CHECKING:
    from ..doctor import Finding, Status
    from ..switch.calls.post_mortem import AudioFacts, CallFacts, Mishap

SYNTAX: Final = "[json | call <uuid>|last | explain <check>]"
USAGE: Final = f"-USAGE: {SYNTAX}\n"
WIDTH: Final = 100  # columns
INDENT: Final = " " * 9
SUMMARY: Final = {
    "fail": "failed",
    "warn": "to look at",
    "ok": "well",
    "unknown": "unknown",
    "skip": "skipped",
}

Painter = Callable[["Status", str], str]


async def doctor(switch: SwitchLike, arguments: str) -> str:
    """Without an argument all findings; the room is loaded when first asked for."""
    from ..doctor import examine
    from ..doctor.json_form import to_json

    match words_of(arguments):
        case []:
            return findings_text(await examine(switch))
        case ["json"]:
            return to_json(await examine(switch)) + "\n"
        case ["call", uuid]:
            mishap = switch.calls.mishaps.find(uuid)
            return _call_text(mishap) if mishap is not None else _no_such_call(switch, uuid)
        case ["call"]:
            return _calls_text(switch.calls.mishaps.recent())
        case ["explain", id]:
            return _explained(id, await examine(switch))
    return USAGE


def findings_text(findings: Iterable[Finding], paint: Painter | None = None) -> str:
    """By groups, the order kept; ``paint`` colours a status."""
    from ..doctor.checks import GROUPS
    from ..doctor.finding import Status

    found = tuple(findings)
    lines: list[str] = []
    group = ""
    for each in found:
        if each.group != group:
            group = each.group
            lines.append(f"{'' if not lines else chr(10)}{GROUPS.get(group, group)}")
        lines += _lines(each, paint)
    counts = {status: sum(each.status is status for each in found) for status in Status}
    summary = ", ".join(
        f"{counts[Status(name)]} {word}" for name, word in SUMMARY.items() if counts[Status(name)]
    )
    return "\n".join(lines) + f"\n\n{summary or 'nothing was looked at'}\n"


def _lines(finding: Finding, paint: Painter | None) -> Iterator[str]:
    status = finding.status.value.ljust(7)
    shown = paint(finding.status, status) if paint is not None else status
    head, *more = _wrapped(f"{finding.id}: {finding.evidence}")
    yield f" {shown} {head}"
    yield from (f"{INDENT}{each}" for each in more)
    if finding.meaning:
        yield from (f"{INDENT}{each}" for each in _wrapped(finding.meaning))
    if finding.cure:
        yield from (f"{INDENT}{each}" for each in _wrapped(f"What to do: {finding.cure}"))


def _wrapped(text: str) -> list[str]:
    """Lines of words; one that is longer than a line stays whole, so that it can be copied."""
    lines, line = [], ""
    for word in visible(text).split(" "):
        if line and len(INDENT) + len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


# --- one call -------------------------------------------------------------------------------------------


def _no_such_call(switch: SwitchLike, uuid: str) -> str:
    if uuid == "last":
        return "+OK no call went wrong since the start\n"
    if uuid in switch.calls.channels:
        return f"-ERR {visible(uuid)} still runs; 'uuid_dump' shows it\n"
    return f"-ERR nothing is known of {visible(uuid)}: it went well, or it is among older ones\n"


def _calls_text(mishaps: tuple[Mishap, ...]) -> str:
    if not mishaps:
        return "+OK no call went wrong since the start\n"
    rows = ((each.facts, each.verdict.sentence) for each in mishaps)
    return "".join(
        f"{_moment(facts.ended_at)}  {visible(facts.uuid)}  {visible(sentence)}\n" for facts, sentence in rows
    )


def _call_text(mishap: Mishap) -> str:
    """The sentence first, then what it was made of."""
    facts, verdict = mishap.facts, mishap.verdict
    rows = [("Call", f"{facts.name}, {facts.uuid}"), *_rows(facts)]
    text = "".join(f"{each}\n" for each in _wrapped(f"Verdict: {verdict.sentence}"))
    text += "".join(f"{each}\n" for each in _wrapped(f"What to do: {verdict.cure}"))
    return text + "\n" + aligned([(name, visible(value)) for name, value in rows if value])


def _rows(facts: CallFacts) -> Iterator[tuple[str, str]]:
    yield (
        "Ended",
        f"{_moment(facts.ended_at)} by {facts.ended_by}: {facts.cause.name} {facts.refusal}".rstrip(),
    )
    yield "Talked", f"{facts.talked:.1f} s" if facts.talked else "not answered"
    yield (
        "Peer",
        f"{facts.peer}{', on the Internet' if facts.peer_is_far else ', near'}" if facts.peer else "",
    )
    yield "Phone", facts.agent
    yield "ACK", facts.ack_verdict
    if facts.audio is not None:
        yield from _audio_rows(facts.audio)


def _audio_rows(audio: AudioFacts) -> Iterator[tuple[str, str]]:
    yield (
        "Audio in",
        f"{audio.received} packets, {audio.lost} lost, {audio.dropped} dropped ({audio.forged} forged)",
    )
    missed = (
        "it does not say what it missed" if audio.remote_lost is None else f"it missed {audio.remote_lost}"
    )
    yield "Audio out", f"{audio.sent} packets; {missed}"
    opened = (
        "mapped on the gateway" if audio.mapped else audio.unmapped or "no port was asked for on the gateway"
    )
    yield "We told it", f"{audio.told} ({opened})"
    yield "It told us", audio.wanted
    yield "Ours went to", audio.went_to
    for way, mos in (("in", audio.mos_in), ("out", audio.mos_out)):
        yield f"MOS {way}", f"{mos:.2f}" if mos is not None else ""


def _moment(at: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


# --- one check ------------------------------------------------------------------------------------------


def _explained(id: str, findings: tuple[Finding, ...]) -> str:
    from ..doctor.explaining import EXPLAINED, explained

    found = explained(id)
    if found is None:
        names = " ".join(each.id for each in EXPLAINED)
        return f"-ERR no check is called {visible(id)}; there are {names}\n"
    rows = [("Check", found.id), ("Looks at", found.looks_at), ("Red when", found.red)]
    if found.see:
        rows.append(("See also", found.see))
    now = [each for each in findings if each.id == id or explained(each.id) is found]
    text = "".join(f"{line}\n" for each in now for line in _lines(each, None))
    return aligned(list(rows)) + (f"\nNow:\n{text}" if text else "\nNow: it has nothing to say.\n")


def commands() -> list[Command]:
    return [
        Command(
            "doctor",
            SYNTAX,
            "What is wrong here, what it means, and what to do",
            doctor,
            ("call last", "call {uuid}", "explain", "json"),
            home="ringthru",
            details=(
                ("doctor", "every check of machine, gateway, Internet, providers, phones, secrets, calls"),
                ("doctor json", "the same for programs"),
                ("doctor call", "the calls that went wrong lately, a sentence each"),
                ("doctor call <uuid>|last", "one of them, with the figures"),
                ("doctor explain <check>", "what a check looks at, and what it says now"),
            ),
        )
    ]
