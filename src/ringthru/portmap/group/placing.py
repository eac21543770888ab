"""On which gateways a mapping is to be.

Lives here: the rule. Never here: handles, gateways, or when it is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .values import Placement


def homes(
    placement: Placement, serving: Sequence[str], granted: Collection[str], keeper: str
) -> tuple[str, ...]:
    """The interfaces to map over, of those that serve, best first.

    ``granted`` are the ones that granted it; ``keeper`` is where it was kept the last time, empty: nowhere.
    FIRST asks everybody until somebody grants it, so that a gateway which hangs costs no time.
    """
    if placement is Placement.EVERY:
        return tuple(serving)
    willing = [each for each in serving if each in granted]
    if not willing:
        return tuple(serving)
    return (keeper if keeper in willing else willing[0],)
