"""``siptrace``: every SIP message, as it leaves and as it comes, in the log.

Lives here: its lines. Never here: sockets; the sums of anything.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ...net.levels import CONSOLE
from ...sip import Flow

if TYPE_CHECKING:
    from .profile import Profile

log = logging.getLogger(__name__)

Watcher = Callable[[str, bytes, Flow], None]
RULE: Final = "   " + "-" * 72
KEYS: Final = re.compile(rb"(inline:)([^\s|;]+)", re.IGNORECASE)  # of a=crypto (RFC 4568)
SECRETS: Final = ("authorization:", "proxy-authorization:")  # a log is read by more people than a password


class Tracer:
    """Writes messages in the manner of FreeSWITCH's sofia; ``level`` is their level in the log."""

    def __init__(self) -> None:
        self.level = CONSOLE

    def __call__(self, way: str, data: bytes, flow: Flow) -> None:
        """``way`` is ``recv`` or ``send``."""
        to = "from" if way == "recv" else "to"
        clock = time.strftime("%H:%M:%S") + f".{time.time_ns() // 1000 % 1_000_000:06d}"
        place = f"{flow.transport.lower()}/[{flow.remote.host}]:{flow.remote.port}"
        log.log(self.level, "%s %d bytes %s %s at %s:", way, len(data), to, place, clock)
        log.log(self.level, RULE)
        for line in data.decode("utf-8", "replace").splitlines():  # a line each: none can be made up
            log.log(self.level, "   %s", _shown(line))
        log.log(self.level, RULE)


class Watchers:
    """All who see the messages of one profile, by what each is called."""

    def __init__(self) -> None:
        self._seeing: dict[str, Watcher] = {}

    def put(self, name: str, watcher: Watcher | None) -> Watchers | None:
        """Let one see them, or no longer; None: now nobody does."""
        self._seeing.pop(name, None)
        if watcher is not None:
            self._seeing[name] = watcher
        return self if self._seeing else None

    def __call__(self, way: str, data: bytes, flow: Flow) -> None:
        for watcher in self._seeing.values():
            watcher(way, data, flow)


def watch(profile: Profile, name: str, watcher: Watcher | None) -> None:
    """Let somebody see a profile's messages from now on, or no longer."""
    now = profile.transports.trace
    profile.transports.trace = (now if isinstance(now, Watchers) else Watchers()).put(name, watcher)


def _shown(line: str) -> str:
    name = next((each for each in SECRETS if line.lower().startswith(each)), None)
    return without_keys(line.encode()).decode() if name is None else f"{line[: len(name)]} (left out)"


def without_keys(data: bytes) -> bytes:
    """A message without the keys of SRTP in it (``a=crypto``), as long as it was: Content-Length counts."""
    return KEYS.sub(lambda found: found[1] + b"*" * len(found[2]), data)
