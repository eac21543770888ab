"""What one PCP server takes beside the bare mapping: learned from what it grants and refuses.

Lives here: which spare parts of a request it is asked with. Never here: exchanges, clocks, outcomes.
"""

from __future__ import annotations

from ..memory.profile import GatewayProfile
from ..wire.pcp_options import Description
from .pcp_exchange import Exchange, Kind


class PcpWays:
    """``took_words``: it granted a mapping that had a description."""

    def __init__(self) -> None:
        self.took_words = False
        self._unwelcome: frozenset[Kind] = frozenset()  # what it is not asked with any more
        self._profile = self._known_profile = GatewayProfile()

    def use_profile(self, profile: GatewayProfile) -> None:
        """What is known of gateways of this kind already."""
        self._profile = self._known_profile = profile

    def learned(self) -> list[GatewayProfile]:
        """The profile in use, when it has changed since this was last asked."""
        if self._profile == self._known_profile:
            return []
        self._known_profile = self._profile
        return [self._profile]

    def suit(self, exchange: Exchange, renewal: bool) -> None:
        """Take out of a request what this server is not asked with, or not yet."""
        exchange.spare = tuple(each for each in exchange.spare if self._is_welcome(type(each), renewal))

    def granted(self, exchange: Exchange) -> None:
        """It said yes to what was left of this request."""
        self._unwelcome |= exchange.left_out
        taken = any(isinstance(each, Description) for each in exchange.spare)
        self.took_words |= taken
        if taken or Description in exchange.left_out:
            self._profile = self._profile.learn(takes_labels=taken)

    def _is_welcome(self, kind: Kind, renewal: bool) -> bool:
        """A label is not worth a round trip, or a server's silence, while somebody waits for the mapping.

        Some refuse it (row PC22), though RFC 6887 §7.3 has them pass over options from 128 on. So it is
        first offered with a renewal, and with every request once it was taken.
        """
        if kind in self._unwelcome:
            return False
        known = self._profile.takes_labels
        return kind is not Description or (renewal if known is None else known)
