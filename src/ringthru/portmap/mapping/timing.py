"""When to ask again: renewals, renewals that failed, refusals.

Lives here: the spans, in seconds, and how they grow. Never here: what is asked.
"""

from __future__ import annotations

from typing import Final

from ..gateway.orders import Remedy

SHORTEST_RENEWAL: Final = 2.0  # no answer may make us spin; leases of 13 s are real (FRITZ!Box 7530 AX, PC04)
LAST_TENTH: Final = 0.1  # of a lease: where a renewal that fails gives way to deletion and a new mapping
FLAKY: Final = (2.0, 5.0, 15.0)  # some refuse at random (Huawei HG531, AD38), then every 15 min at last
FIRST_RETRY: Final = 5.0  # after a conflict of ports, doubled up to
LAST_RETRY: Final = 900.0
FIRST_PERMISSION_RETRY: Final = 300.0  # somebody must turn a switch first; doubled up to
LAST_PERMISSION_RETRY: Final = 3600.0
ROOM_RETRY: Final = 900.0  # a full table: somebody else's lease must end first
JITTER: Final = 0.1  # of a pause, at most: programs that were refused together do not come back together


def renewal_after(life: float, chance: float) -> float:
    """Seconds until a lease of ``life`` seconds is renewed: ½ to ⅝ of it (RFC 6887 §11.2.1)."""
    return max(life * (0.5 + chance / 8), SHORTEST_RENEWAL)


def retry_after(left: float) -> float:
    """Seconds until a failed renewal is tried again: half of what remains (RFC 6887 §11.2.1)."""
    return max(left / 2, SHORTEST_RENEWAL)


def asked_for_rest(seconds: int) -> float:
    """How much of the rest that a gateway asks for it is given: no answer may silence us for a day."""
    return float(min(max(seconds, 0), LAST_PERMISSION_RETRY))


class Pauses:
    """How long to leave a gateway alone that said no; longer each time, until ``reset``."""

    def __init__(self) -> None:
        self._refusals = 0

    def reset(self) -> None:
        self._refusals = 0

    def after(self, remedy: Remedy, chance: float) -> float:
        """Seconds to wait after a refusal that this remedy may help; counts it."""
        count, self._refusals = min(self._refusals, 20), self._refusals + 1
        return _pause(remedy, count) * (1 + JITTER * chance)


def _pause(remedy: Remedy, count: int) -> float:
    if remedy is Remedy.ROOM:
        return ROOM_RETRY
    if remedy is Remedy.PERMISSION:
        return float(min(FIRST_PERMISSION_RETRY * 2**count, LAST_PERMISSION_RETRY))
    if remedy is not Remedy.LATER:
        return float(min(FIRST_RETRY * 2**count, LAST_RETRY))
    if count < len(FLAKY):
        return FLAKY[count]
    return float(min(FLAKY[-1] * 2 ** (count - len(FLAKY) + 1), LAST_RETRY))
