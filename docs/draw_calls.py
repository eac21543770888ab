"""The drawn parts of the page about calls: causes and times."""

from __future__ import annotations

from collections.abc import Callable

from ringthru.sip.agent.session_timer import LEAST, LONGEST, SHORTEST, TOO_LATE
from ringthru.sip.agent.unconfirmed import OVERDUE
from ringthru.switch.calls.causes import CAUSE_OF_STATUS, HangupCause, reason_for, status_of


def _causes() -> str:
    by_status: dict[HangupCause, list[str]] = {}
    for status, cause in sorted(CAUSE_OF_STATUS.items()):
        by_status.setdefault(cause, []).append(str(status))
    rows = ["| cause | number | from SIP status | to SIP status | Reason in a BYE |", "|---|---|---|---|---|"]
    for cause in HangupCause:
        received = " ".join(by_status.get(cause, []))
        reason = reason_for(cause, True)
        said = f"{reason.protocol} {reason.cause}"
        rows.append(f"| {cause.name} | {int(cause)} | {received} | {status_of(cause)} | {said} |")
    return "\n".join(rows)


def _timers() -> str:
    return "\n".join(
        (
            "| what | value |",
            "|---|---|",
            f"| shortest Min-SE | {SHORTEST} s |",
            f"| shortest interval that is followed when a peer insists | {LEAST} s |",
            f"| longest; beyond it no timer runs | {LONGEST} s |",
            f"| BYE before the end of a session nobody refreshed | {TOO_LATE:g} s, or a third of it |",
            f"| an ACK is overdue after | {OVERDUE} × T1 = {OVERDUE * 0.5:g} s |",
        )
    )


PARTS: dict[str, Callable[[], str]] = {"causes": _causes, "call timers": _timers}
