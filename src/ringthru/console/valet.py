"""``valet_info``: who is parked where.

Lives here: FreeSWITCH's text for it. Never here: the lots.
"""

from __future__ import annotations

from .commands import Command
from .switch_like import SwitchLike
from .tables import xml_text


async def valet_info(switch: SwitchLike, arguments: str) -> str:
    """All lots, or one."""
    lines = ["<lots>\n"]
    for lot, slots in switch.calls.answering.lots.rows(arguments):
        lines.append(f'  <lot name="{_quoted(lot)}">\n')
        lines += [f'    <extension uuid="{uuid}">{xml_text(slot)}</extension>\n' for slot, uuid in slots]
        lines.append("  </lot>\n")
    return "".join((*lines, "</lots>\n"))


def _quoted(text: str) -> str:
    return xml_text(text).replace('"', "&quot;")


def commands() -> list[Command]:
    return [Command("valet_info", "[<lot name>]", "Valet Parking Info", valet_info, home="mod_valet_parking")]
