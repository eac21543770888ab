"""The drawn parts of the doctor's page: checks, exit status, and how calls go wrong."""

from __future__ import annotations

from collections.abc import Callable

from draw_code import table

from ringthru.cli.doctor_command import EXIT, TROUBLE
from ringthru.doctor.call_checks import WORDS
from ringthru.doctor.checks import GROUPS
from ringthru.doctor.explaining import EXPLAINED
from ringthru.doctor.finding import Status
from ringthru.doctor.refusals import BY_CODE
from ringthru.switch.calls.post_mortem import Fault

MEANINGS = {
    Status.OK: "nothing is wrong there",
    Status.WARN: "it works, or will; somebody should look at it",
    Status.FAIL: "it does not work, and somebody has to do something",
    Status.UNKNOWN: "it cannot be told from here, which is no failure",
    Status.SKIP: "switched off, or not there",
}


def checks() -> str:
    rows = [
        (
            f"`{each.id}`",
            GROUPS[each.id.partition(".")[0]],
            each.looks_at,
            each.red,
            f"`{each.see}`" if each.see else "",
        )
        for each in EXPLAINED
    ]
    return table("Check", "about", "looks at", "red when", "more by", rows=rows)


def statuses() -> str:
    rows = [(f"`{each.value}`", MEANINGS[each], str(EXIT.get(each, 0))) for each in Status]
    return table(
        "Status",
        "",
        "exit status where it is the worst",
        rows=[*rows, ("", "wrong flags, or no report", str(TROUBLE))],
    )


def faults() -> str:
    return table("Fault", "what is said of it", rows=[(f"`{each.value}`", WORDS[each]) for each in Fault])


def refusals() -> str:
    rows = [(str(code), each.meaning, each.cure) for code, each in sorted(BY_CODE.items())]
    return table("UPnP error", "means", "what to do", rows=rows)


PARTS: dict[str, Callable[[], str]] = {
    "doctor checks": checks,
    "doctor statuses": statuses,
    "doctor faults": faults,
    "doctor refusals": refusals,
}
