"""Findings as JSON and back: what one process tells another.

Lives here: the form. Never here: who asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .finding import Finding, Status, worst_of


def to_json(findings: Iterable[Finding]) -> str:
    """``{"worst": …, "findings": [{"id": …, "status": …, "evidence": …, "meaning": …, "cure": …}]}``."""
    found = tuple(findings)
    rows = [
        {
            "id": each.id,
            "status": each.status.value,
            "evidence": each.evidence,
            "meaning": each.meaning,
            "cure": each.cure,
        }
        for each in found
    ]
    return json.dumps({"worst": worst_of(found).value, "findings": rows}, separators=(",", ":"))


def from_json(text: str) -> tuple[Finding, ...]:
    """What ``to_json`` made.

    Raises:
        ValueError: it is none of that.
    """
    try:
        rows = json.loads(text)["findings"]
        return tuple(_finding(each) for each in rows)
    except (KeyError, TypeError) as error:
        raise ValueError("no findings of a doctor") from error


def _finding(row: dict[str, Any]) -> Finding:
    words = {name: str(row[name]) for name in ("id", "evidence", "meaning", "cure")}
    return Finding(status=Status(row["status"]), **words)
