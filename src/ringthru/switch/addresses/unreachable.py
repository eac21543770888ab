"""Far peers that are shown our private address, since the profile has no external one: the log says so.

Lives here: when that is so, and the words. Never here: which address a peer is shown (``reachability``).
"""

from __future__ import annotations

import logging
from typing import Final

from ...net.address import AddressRules
from ..reachability import Seen

log = logging.getLogger(__name__)

MOST: Final = 50  # peers of one profile that are told of: callers choose their addresses
WARNING: Final = (
    "Nat detected but no external address configured: profile %s shows %s our private %s, where it reaches "
    "nobody; %s. Set ext-sip-ip and ext-rtp-ip of the profile to auto-nat (a gateway that maps ports), to "
    "stun:SERVER, or to the public address where the ports are opened by hand. 'nat_map explain %s' says more"
)


class Unreachable:
    """One profile's: each peer is told of once."""

    def __init__(self, profile: str, rules: AddressRules) -> None:
        """``rules`` tell public addresses from others."""
        self._profile = profile
        self._rules = rules
        self._told: set[str] = set()

    def look_at(self, peer: str, seen: Seen) -> None:
        """A call or a registration with ``peer``, an address as text, goes on."""
        if seen.row not in (1, 7) or len(self._told) >= MOST or peer in self._told:
            return
        if not self._rules.is_public(peer) or self._rules.is_public(seen.signalling.host):
            return
        self._told.add(peer)
        log.warning(WARNING, self._profile, peer, seen.signalling, "; ".join(seen.reasons), peer)
