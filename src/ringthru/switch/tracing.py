"""``siptrace``: every SIP message, as it leaves and as it comes, in the log.

Lives here: its lines. Never here: sockets; the sums of anything.
"""

from __future__ import annotations

import logging
import time
from typing import Final

from ..net.levels import CONSOLE
from ..sip import Flow

log = logging.getLogger(__name__)

RULE: Final = "   " + "-" * 72
SECRETS: Final = ("authorization:", "proxy-authorization:")  # a log is read by more people than a password


class Tracer:
    """Writes messages in the manner of FreeSWITCH's sofia."""

    def __call__(self, way: str, data: bytes, flow: Flow) -> None:
        """``way`` is ``recv`` or ``send``."""
        to = "from" if way == "recv" else "to"
        clock = time.strftime("%H:%M:%S") + f".{time.time_ns() // 1000 % 1_000_000:06d}"
        place = f"{flow.transport.lower()}/[{flow.remote.host}]:{flow.remote.port}"
        log.log(CONSOLE, "%s %d bytes %s %s at %s:", way, len(data), to, place, clock)
        log.log(CONSOLE, RULE)
        for line in data.decode("utf-8", "replace").splitlines():  # a line each: none can be made up
            log.log(CONSOLE, "   %s", _shown(line))
        log.log(CONSOLE, RULE)


def _shown(line: str) -> str:
    name = next((each for each in SECRETS if line.lower().startswith(each)), None)
    return line if name is None else f"{line[: len(name)]} (left out)"
