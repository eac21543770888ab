"""SESSION_HEARTBEAT: an event about a call that goes on, every so many seconds, for whoever bills or watches.

Lives here: when it is told. Never here: what an event says of a leg.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from .channel import Channel

if TYPE_CHECKING:
    from .book import Calls

EVENT: Final = "SESSION_HEARTBEAT"
USUAL: Final = 60  # seconds
LONGEST: Final = 86_400
YES: Final = frozenset(("true", "yes", "on"))
NO: Final = frozenset(("false", "no", "off"))


def seconds_of(text: str) -> int | None:
    """Seconds between two; 0: none any more; None: that is no number, and no word for one."""
    word = text.strip().lower()
    if word in NO:
        return 0
    if word in YES:
        return USUAL
    return min(int(word), LONGEST) if word.isascii() and word.isdigit() and len(word) < 10 else None


def beat(calls: Calls, channel: Channel, seconds: int, *, at_once: bool = True) -> None:
    """Tell of a leg from now on, in place of what was asked before; 0 seconds: no more."""
    if channel.heartbeat is not None:
        channel.heartbeat.cancel()
        channel.heartbeat = None
    if seconds > 0:
        channel.heartbeat = asyncio.create_task(_beat(channel, seconds, at_once))
        calls.keep(channel.heartbeat)


async def _beat(channel: Channel, seconds: int, at_once: bool) -> None:
    if at_once:
        channel.tell(EVENT)
    while await channel.lives_on(seconds):
        channel.tell(EVENT)
