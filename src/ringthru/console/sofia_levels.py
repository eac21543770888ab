"""``sofia loglevel`` and ``sofia tracelevel``, in FreeSWITCH's words.

``tracelevel`` is the level that traced messages have in the log. ``loglevel`` is kept and told, and chooses
nothing: what our stack does is in the log at DEBUG, whole, and there is no stack of Sofia's to ask for more.

Lives here: both, and what was said last. Never here: how a message is traced.
"""

from __future__ import annotations

import logging
from typing import Final

from .levels import level_of, name_of
from .switch_like import SwitchLike

log = logging.getLogger(__name__)

COMPONENTS: Final = (
    *("all", "default", "tport", "iptsec", "nea", "nta", "nth_client", "nth_server", "nua", "soa"),
    *("sresolv", "stun"),
)
USAGE: Final = (
    f"sofia loglevel <{'|'.join(COMPONENTS)}> [0-9]\n"
    "sofia tracelevel <console|alert|crit|err|warning|notice|info|debug>\n"
)
CHANGES_NOTHING: Final = (
    "sofia loglevel chooses nothing here: what the SIP stack does is in the log at level debug, and "
    "'sofia global siptrace on' adds every message"
)


class SofiaLevels:
    """What was said last, of one console's table."""

    def __init__(self) -> None:
        self._levels = dict.fromkeys(COMPONENTS, 0)

    def loglevel(self, words: list[str]) -> str | None:
        """``COMPONENT [LEVEL]``; None: it is no level or no component."""
        component = words[0].lower() if words else ""
        if component not in self._levels:
            return None
        digits = words[1] if len(words) > 1 else ""
        if not (digits.isascii() and digits.isdigit()):
            return f"Sofia-sip loglevel for [{component}] is [{self._levels[component]}]"
        if len(digits) > 1:  # nine is the highest
            return None
        changed = self._levels if component == "all" else (component,)
        self._levels.update(dict.fromkeys(changed, int(digits)))
        log.warning(CHANGES_NOTHING)
        return f"Sofia log level for component [{component}] has been set to [{digits}]"


def tracelevel(switch: SwitchLike, words: list[str]) -> str:
    """``[LEVEL]``: as which level traced messages are logged; what is no level changes nothing."""
    level = level_of(words[0]) if words else None
    if level is not None:
        switch.trace_level = level
    return f"+OK tracelevel is {name_of(switch.trace_level)}"
