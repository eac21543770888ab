"""What is remembered of a gateway at the moment it is found again."""

from __future__ import annotations

from ...net.values import frozen
from .holding import Holding, JournalEntry
from .profile import GatewayProfile


@frozen
class Recollection:
    """``name`` tells this gateway from others at its address; empty when nothing does.

    ``holdings`` are mappings of earlier runs that it may still have, with the seconds left (None: for ever):
    taken over where they are wanted again, else deleted. ``lent`` are mappings that a person wants to stay:
    taken over where wanted, else left alone. ``elsewhere`` are mappings of earlier runs by another protocol
    of this gateway, which only that one can delete.
    """

    name: str = ""
    profile: GatewayProfile = GatewayProfile()
    holdings: tuple[tuple[Holding, float | None], ...] = ()
    lent: tuple[Holding, ...] = ()
    elsewhere: tuple[tuple[JournalEntry, float | None], ...] = ()
