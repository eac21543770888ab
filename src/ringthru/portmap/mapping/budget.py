"""How many mappings of ours a gateway may have to hold: its table is small, and others want room too.

Lives here: the number, who gets a place, and what is said to those who do not. Never here: evictions; what
has a place keeps it until it is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..memory.profile import GatewayProfile

if TYPE_CHECKING:
    from .lease import Lease

DEFAULT_BUDGET: Final = 64  # mappings; tables of 20, 32 and 160 entries are known (LI09, AD15, AD16)
SPARE: Final = 2  # entries of a table of known size that are left to others

Unit = tuple["Lease", ...]  # one lease, or the members of a set: they come in together


class Budget:
    """At most ``most`` mappings, fewer where the gateway's table is known to be small."""

    def __init__(self, most: int) -> None:
        self._most = most

    def places(self, profile: GatewayProfile) -> int:
        if profile.table_size is None:
            return self._most
        return min(self._most, max(profile.table_size - SPARE, 1))

    def admissible(self, waiting: Sequence[Unit], taken: int, profile: GatewayProfile) -> list[Unit]:
        """Those of them that have room beside ``taken`` mappings: sticky ones first, then listed, then as
        they came."""
        room = self.places(profile) - taken
        chosen = []
        for unit in sorted(waiting, key=_rank):
            if len(unit) <= room:
                room -= len(unit)
                chosen.append(unit)
        return chosen

    def words(self, profile: GatewayProfile) -> str:
        """Why there is no room, and what would make some."""
        places = self.places(profile)
        if places < self._most:
            return (
                f"the gateway's table holds about {profile.table_size} entries, and the {places} we use"
                " of them are taken: release a mapping, or set the table size of its profile"
            )
        return f"all {places} mappings of the budget are taken: release one, or raise the budget"


def _rank(unit: Unit) -> tuple[bool, bool]:
    return not any(each.wanted.sticky for each in unit), not any(each.listed for each in unit)
