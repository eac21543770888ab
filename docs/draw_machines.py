"""The drawn parts of the pages about the machines inside."""

from __future__ import annotations

import draw_echo
import draw_engine
import draw_hearing
import draw_journal
import draw_mappings
import draw_nesting
import draw_port5351
import draw_switch
import draw_upnp_ladder

PARTS = {
    **draw_port5351.PARTS,
    **draw_upnp_ladder.PARTS,
    **draw_hearing.PARTS,
    **draw_mappings.PARTS,
    **draw_engine.PARTS,
    **draw_journal.PARTS,
    **draw_nesting.PARTS,
    **draw_echo.PARTS,
    **draw_switch.PARTS,
}
