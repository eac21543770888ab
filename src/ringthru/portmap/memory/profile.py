"""What gateways taught us: one profile for all gateways of a kind, used at once the next time.

Lives here: the value, and how it takes a lesson.
Never here: files, how it is written down or put in words, or what teaches the lesson.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen, replace

KEYS: Final = 32  # missing actions remembered at most: a gateway cannot fill our memory


@frozen
class GatewayProfile:
    """The ways of gateways with one ``fingerprint``: maker, model and firmware as told; empty: unknown."""

    fingerprint: str = ""
    permanent_only: bool = False  # refuses leases: errors 725, or 402 for any lease (AD01, AD02)
    cannot_read_back: bool = False  # GetSpecificPortMappingEntry does not work (LI04)
    omit_remote_host: bool = False  # takes AddPortMapping only without NewRemoteHost (AD11)
    renew_by_delete: bool = False  # adding again does not extend a lease, or fails (AD33, AD34)
    recheck_every: float | None = None  # seconds: mappings vanish, so look this often (LI07)
    table_size: int | None = None  # entries it holds before it drops or refuses (AD15, LI09)
    takes_labels: bool | None = None  # PCP's DESCRIPTION (RFC 7220, PC22); None: not offered yet
    enforces_filters: bool | None = None  # keeps out whom PCP's FILTER does not name (PC10); None: not tried
    serves_several: bool | None = None  # HTTP connections beside each other (HT16); None: not tried
    pace: float = 0.0  # seconds to leave between two requests (HT18)
    missing_actions: frozenset[str] = frozenset()  # actions it resets or does not know (HT15, DE13)
    by_hand: frozenset[str] = frozenset()  # fields that a person has set: never learned over

    def learn(self, **lessons: object) -> GatewayProfile:
        """The profile with what was learned, except where a person has decided."""
        free = [each for each in lessons.items() if each[0] not in self.by_hand]
        news = {name: value for name, value in free if getattr(self, name) != value}
        return replace(self, **news) if news else self
