"""What one check found: a status, what shows it, what it means, and what to do.

Lives here: the value, and which of several is the worst. Never here: a check, or how a face prints it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from ..net.values import frozen


class Status(Enum):
    """How a check came out. ``unknown`` is no failure: nobody could tell."""

    OK = "ok"
    WARN = "warn"  # works, or will; somebody should look at it
    FAIL = "fail"  # does not work, and somebody has to do something
    SKIP = "skip"  # nothing to look at: switched off, or not there
    UNKNOWN = "unknown"  # it cannot be told from here


GRAVITY: Final = {Status.SKIP: 0, Status.OK: 1, Status.UNKNOWN: 2, Status.WARN: 3, Status.FAIL: 4}


@frozen
class Finding:
    """One check's result, in words for people. ``id`` is its name, ``gw.found`` or ``trunk.office``.

    ``evidence`` is what was seen, ``meaning`` what follows from it, ``cure`` what to do; the last two are
    empty where there is nothing to say. What came from the network may stand in them: faces escape it.
    """

    id: str
    status: Status
    evidence: str
    meaning: str = ""
    cure: str = ""

    @property
    def group(self) -> str:
        """What stands before the first dot."""
        return self.id.partition(".")[0]


def worst_of(findings: Iterable[Finding]) -> Status:
    """The gravest status there is; ``ok`` where nothing was found."""
    return max((each.status for each in findings), key=GRAVITY.__getitem__, default=Status.OK)


def ok(id: str, evidence: str, meaning: str = "") -> Finding:
    return Finding(id, Status.OK, evidence, meaning)


def warn(id: str, evidence: str, meaning: str, cure: str) -> Finding:
    return Finding(id, Status.WARN, evidence, meaning, cure)


def fail(id: str, evidence: str, meaning: str, cure: str) -> Finding:
    return Finding(id, Status.FAIL, evidence, meaning, cure)


def skip(id: str, evidence: str, cure: str = "") -> Finding:
    return Finding(id, Status.SKIP, evidence, "", cure)


def unknown(id: str, evidence: str, meaning: str = "", cure: str = "") -> Finding:
    return Finding(id, Status.UNKNOWN, evidence, meaning, cure)
