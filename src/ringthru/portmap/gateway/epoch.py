"""A gateway's epoch: seconds since it lost its state, and what they tell about our mappings.

Lives here: the two RFCs' rules, and the watch that applies one of them to each answer in turn.
Never here: whose answers may be believed, or what is done about a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...net.values import frozen

# RFC 6886 §3.6
PMP_SLOWEST_CLOCK: Final = 7 / 8  # of ours: how slow a gateway's clock may run
PMP_SLACK: Final = 2  # seconds an epoch may lag behind our reckoning
# RFC 6887 §8.5
PCP_REORDERED: Final = 1  # seconds an epoch may go back: two answers overtook each other
PCP_SLACK: Final = 2  # seconds either clock may be ahead of the other …
PCP_DRIFT: Final = 1 / 16  # … beside this part of the time between


@frozen
class Reading:
    """An epoch as told, in whole seconds, and when it was: seconds of our clock."""

    epoch: int
    at: float


Rule = Callable[[Reading, Reading], bool]


def natpmp_lost_state(before: Reading, now: Reading) -> bool:
    """Whether the epoch is behind what it must have come to (RFC 6886 §3.6). A fast clock is no loss."""
    expected = before.epoch + (now.at - before.at) * PMP_SLOWEST_CLOCK
    return now.epoch < expected - PMP_SLACK


def pcp_lost_state(before: Reading, now: Reading) -> bool:
    """Whether the epoch went back, or the two clocks disagree in either direction (RFC 6887 §8.5).

    A server restarted long ago, while we did not ask, may well tell a *greater* epoch than before: it is
    only too small for the time that went by. One that restores an older clock tells too great a one.
    """
    if now.epoch < before.epoch - PCP_REORDERED:
        return True
    ours, theirs = now.at - before.at, now.epoch - before.epoch
    return ours + PCP_SLACK < theirs * (1 - PCP_DRIFT) or theirs + PCP_SLACK < ours * (1 - PCP_DRIFT)


class EpochWatch:
    """Notices that a gateway lost its state, by the rule of the protocol it speaks.

    Only answers that are believed for other reasons may be shown to it.
    """

    def __init__(self, lost_state: Rule) -> None:
        self._lost_state = lost_state
        self._last: Reading | None = None
        self._stands_still = False

    def reset(self, epoch: int, now: float) -> bool:
        """Take the epoch of an answer; True when the gateway lost its state since the last one.

        A clock that stands still is told once: such a gateway's epoch says nothing, and asking it for
        every mapping again after each of its answers would only wear it out.
        """
        last, self._last = self._last, Reading(epoch, now)
        if last is None:
            return False
        if epoch != last.epoch:
            self._stands_still = False
        if not self._lost_state(last, self._last):
            return False
        told, self._stands_still = self._stands_still, epoch == last.epoch
        return not told
