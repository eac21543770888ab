"""The page's values as plain data, for programs: ``/api/snapshot``.

The shape is that of the values themselves, by the names of their fields; docs/reference/web.md is drawn from
them. Fields may come, and none changes its meaning.

Lives here: values to what JSON knows. Never here: which values there are.
"""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import Any, Final

from ..net.address import Endpoint
from ..switch.cdr.recent import EndedLegSnapshot
from ..switch.snapshots import ChannelSnapshot
from .view import View

AS_IT_IS: Final = frozenset((str, int, bool, type(None)))
JUDGED: Final = ("verdict", "ended_by", "audio")  # of a leg that ended; worked out when it is asked for


def snapshot_json(view: View, token: str) -> bytes:
    """Everything as one JSON object; ``token`` is what a POST must carry."""
    whole = {
        "token": token,
        "now": view.now,
        "switch": plain(view.snapshot),
        "phone_setup": plain(view.setup),
        "users": list(view.users),
        "log": plain(view.lines),
        "findings": [
            {name: plain(getattr(each, name)) for name in ("id", "status", "evidence", "meaning", "cure")}
            for each in view.findings
        ],
    }
    return json.dumps(whole, allow_nan=False, separators=(",", ":")).encode()


def plain(value: Any) -> Any:
    """Numbers, texts, lists and objects. An endpoint is ``host:port``, an enumeration's member its value."""
    kind = type(value)
    if kind in AS_IT_IS:  # most are, and a thousand calls have a hundred thousand values
        return value
    if kind is float:
        return round(value, 3) if math.isfinite(value) else None
    if kind is Endpoint:
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return _fields(value)


def _fields(value: Any) -> dict[str, Any]:
    fields = {name: plain(getattr(value, name)) for name in type(value).__match_args__}
    if isinstance(value, ChannelSnapshot):
        fields["quality"] = plain(value.quality)
    elif isinstance(value, EndedLegSnapshot):
        fields |= {name: getattr(value, name) for name in JUDGED}
    return fields
