"""``cdr_csv``: files of records begun anew, for the programs that read them.

Lives here: FreeSWITCH's word for it. Never here: the files (``switch/cdr``).
"""

from __future__ import annotations

from typing import Final

from .commands import Command
from .switch_like import SwitchLike

USAGE: Final = "rotate"
TOO_SLOW: Final = "-ERR the disk is too slow: too many records wait for it\n"
NO_FILES: Final = "-ERR no records are written as CSV: the configuration has no cdr_csv.conf\n"


async def cdr_csv(switch: SwitchLike, arguments: str) -> str:
    """``rotate``: answered when the files bear their new names, for they are read next."""
    if arguments.lower() != "rotate":
        return f"-USAGE: {USAGE}\n"
    records = switch.calls.records
    if records is None or not records.writes_csv:
        return NO_FILES
    return "+OK" if await records.rotate_csv() else TOO_SLOW


def commands() -> list[Command]:
    return [Command("cdr_csv", "parameters", "cdr_csv controls", cdr_csv, ("rotate",), home="mod_cdr_csv")]
