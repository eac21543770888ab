"""The rows of the quirk catalogue that a mapping table consults, as questions with an answer.

Lives here: which rows touch which port and which table size. Never here: the table.
"""

from __future__ import annotations

from typing import Final

from ...net.values import replace
from .quirks import Quirks

MOST_ENTRIES: Final = 512
SIP_PORT: Final = 5060
STATIC_FORWARDS: Final = range(5000, 6000)  # what AD29's owner once typed into the router's page
SMALL_TABLE: Final = 10  # AD14
SILENT_LIMITS: Final = {"AD15": 32, "AD16": 160}  # entries: Broadcom's NVRAM, and the "Router" stack


def quirks_of(quirks: Quirks, made_by: str) -> Quirks:
    """The quirks that concern a mapping of this protocol: the rows of UPnP change no other's."""
    if made_by == "upnp" or not quirks.rows:
        return quirks
    return replace(quirks, rows=frozenset(row for row in quirks.rows if row[:2] not in ("AD", "LI")))


def is_held_unseen(quirks: Quirks, port: int) -> bool:
    """AD05, AD08, AD30: something the list does not show holds every fourth port."""
    return not quirks.rows.isdisjoint(("AD05", "AD08", "AD30")) and port % 4 == 0


def is_kept_back(quirks: Quirks, port: int) -> bool:
    """Whether what arrives on this port never gets inside, though it is mapped."""
    rows = quirks.rows
    static = "AD29" in rows and port in STATIC_FORWARDS
    return "AD18" in rows or static or ("TO10" in rows and port == SIP_PORT)


def size_of(quirks: Quirks) -> int:
    return (quirks.table_size or SMALL_TABLE) if "AD14" in quirks.rows else MOST_ENTRIES


def is_silently_full(quirks: Quirks, entries: int) -> bool:
    """AD15, AD16: whether the next mapping succeeds and does nothing."""
    limit = next((size for row, size in SILENT_LIMITS.items() if row in quirks.rows), None)
    return limit is not None and entries >= (quirks.table_size or limit)
