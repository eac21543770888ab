"""A record as JSON, laid out as FreeSWITCH's ``json_cdr``.

Lives here: the object. Never here: which records there are, files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from ..variable_names import spelled
from .record import CallRecord


def text(record: CallRecord, core_uuid: str, switchname: str, *, encode_values: bool) -> str:
    """One object on one line; ``encode_values``: variables are written as in a URL, as FreeSWITCH does."""
    variables = {
        spelled(name): quote(value) if encode_values else value for name, value in record.variables.items()
    }
    whole = {
        "core-uuid": core_uuid,
        "switchname": switchname,
        "channel_data": _channel_data(record),
        "variables": variables,
        "callflow": [_flow(record)],
    }
    return json.dumps(whole, ensure_ascii=False) + "\n"


def _channel_data(record: CallRecord) -> Mapping[str, str]:
    direction = record.variables.get("direction", "")
    return {"state": "CS_REPORTING", "direction": direction, "state_number": "11"}


def _flow(record: CallRecord) -> Mapping[str, object]:
    """Where the call came last: earlier stations of a transfer are not kept."""
    return {
        "dialplan": record.caller_profile.get("dialplan", ""),
        "profile_index": "1",
        "caller_profile": dict(record.caller_profile),
        "times": dict(record.times),
    }
