"""The legs that ended last, for faces that show what became of calls: bounded, in memory alone.

Lives here: what is kept of a leg, and for how long. Never here: records for files (``records``).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from ...net.values import frozen
from .ending import ending_of
from .verdict import Ending, audio, ended_by, sentence

if TYPE_CHECKING:
    from ..calls.channel import Channel

MOST_KEPT: Final = 100  # legs


@frozen
class EndedLegSnapshot:
    """One leg that is over; judged when it is asked for. Moments are of the wall clock."""

    uuid: str
    call_uuid: str  # of the leg that began the call
    direction: str  # inbound | outbound
    caller_name: str
    caller_number: str
    destination: str
    began: float
    ended: float
    ending: Ending

    @property
    def verdict(self) -> str:
        """How it ended, by whom, and what was heard, in one sentence."""
        return sentence(self.ending)

    @property
    def ended_by(self) -> str:
        """caller | called | switch."""
        return ended_by(self.ending).value

    @property
    def audio(self) -> str:
        """Which ways packets went, seen from us."""
        return audio(self.ending).value


class RecentCalls:
    """Takes each leg at its end; the latest are first."""

    def __init__(self) -> None:
        self._legs: deque[EndedLegSnapshot] = deque(maxlen=MOST_KEPT)

    def take(self, channel: Channel, other_ended_first: bool) -> None:
        """A leg is over; what is kept of it holds nothing of the leg itself."""
        report = channel.media.report() if channel.media is not None else None
        self._legs.appendleft(
            EndedLegSnapshot(
                channel.uuid,
                channel.parent.uuid if channel.parent is not None else channel.uuid,
                channel.direction.value,
                channel.caller.name,
                channel.caller.number,
                channel.destination,
                channel.times["created"],
                channel.times.get("hangup", channel.times["created"]),
                ending_of(channel, other_ended_first, report),
            )
        )

    def snapshot(self) -> tuple[EndedLegSnapshot, ...]:
        return tuple(self._legs)
