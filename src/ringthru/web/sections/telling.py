"""What the switch tells of itself: how it is in one sentence, findings, warnings of the log.

Lives here: what is shown of them. Never here: what they say.
"""

from __future__ import annotations

from typing import Final

from ...console.text import count
from ...switch.snapshots import MappingState, SwitchSnapshot
from ..markup import Html, badge, element, joined, since, table
from ..view import FindingLike, View

MOST_LINES: Final = 30
STATES: Final = {"ok": "good", "warn": "warn", "fail": "bad", "skip": "idle", "unknown": "idle"}
CALM: Final = ("ok", "skip", "unknown")  # of the last nobody could tell, which is no failure
WORST_FIRST: Final = ("fail", "warn", "unknown", "ok", "skip")
LEVELS: Final = {"WARNING": "warn", "ERR": "bad", "CRIT": "bad", "ALERT": "bad"}


def summary(view: View, token: str) -> Html:
    """One sentence for a glance, and how long it has run."""
    state, words = _glance(view.snapshot)
    began = view.now - view.snapshot.uptime
    return joined(
        element("p", badge(state, "●"), " ", words, class_="glance"),
        element(
            "p", "running for ", since(began, view.now), f", version {view.snapshot.version}", class_="quiet"
        ),
    )


def _glance(snapshot: SwitchSnapshot) -> tuple[str, str]:
    if not any(each.running for each in snapshot.profiles):
        return "bad", "No profile runs: nobody can call."
    mapper = snapshot.mapper
    if mapper is None:
        return "idle", "Calls work at home. No router is asked (-nonat)."
    if mapper.type is None:
        if mapper.verdict_known:
            return "warn", "Calls work at home. No router opens ports, so nobody outside can call in."
        return "idle", "Calls work at home. Looking for the router …"
    if mapper.external_address is None:
        return "warn", "Calls work at home. Another NAT keeps calls from outside away."
    wanted = [each for each in mapper.mappings if each.listed]
    if any(each.state is not MappingState.ACCEPTED for each in wanted):
        return "warn", "Calls work at home. The router has not opened every port."
    if not wanted:
        return "idle", "Calls work at home. No profile asks for ports on the router."
    return "good", "Calls work at home, and come in from the Internet."


def findings(view: View, token: str) -> Html:
    """What an examination found: the gravest first, what is well folded away; empty where nobody examines."""
    ordered = sorted(view.findings, key=lambda each: _gravity(each.status.value))
    calm = [each for each in ordered if each.status.value in CALM]
    folded = element(
        "details",
        element("summary", f"{count(len(calm), 'check')} more with nothing to do"),
        _found("What is well", calm),
        id="calm-findings",
        class_="fold",
    )
    return joined(
        _found("Findings", [each for each in ordered if each not in calm]), folded if calm else None
    )


def _found(caption: str, findings: list[FindingLike]) -> Html:
    return table(
        caption, ("Check", "State", "What was seen", "What to do"), [_finding(each) for each in findings]
    )


def _gravity(status: str) -> int:
    return WORST_FIRST.index(status) if status in WORST_FIRST else 0


def _finding(finding: FindingLike) -> tuple[object, ...]:
    status = finding.status.value
    meaning = element("small", " ", finding.meaning) if finding.meaning else None
    return (
        element("code", finding.id),
        badge(STATES.get(status, "warn"), status),
        joined(finding.evidence, meaning),
        finding.cure or "–",
    )


def log(view: View, token: str) -> Html:
    """Warnings and errors, the newest first."""
    if not view.lines:
        return element("p", "No warning since the start.", class_="quiet")
    items = [
        element(
            "li",
            badge(LEVELS.get(each.level, "idle"), each.level.lower()),
            " ",
            each.text,
            element("small", " ", since(each.at, view.now), " ago"),
        )
        for each in view.lines[:MOST_LINES]
    ]
    return element("ul", *items, class_="log")
