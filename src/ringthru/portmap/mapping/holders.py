"""Which lease of ours holds which external port: asked at every turn, so nobody searches all leases for it.

Lives here: the way from a port to its lease. Never here: what a lease holds; that is its own to know, and
what is written here is believed only as long as the lease says the same.
"""

from __future__ import annotations

from ..values import Family, Protocol
from .lease import Lease

Place = tuple[Protocol, int]  # an external port of IPv4: pinholes of IPv6 share none


class Holders:
    """At most one entry for each lease of the book."""

    def __init__(self) -> None:
        self._holders: dict[Place, Lease] = {}
        self._places: dict[Lease, Place] = {}

    def took(self, lease: Lease) -> None:
        """The gateway granted it a port, perhaps another one than before."""
        self.left(lease)
        if lease.wanted.family is Family.IPV4 and lease.held_port is not None:
            place = lease.wanted.protocol, lease.held_port
            self._holders[place], self._places[lease] = lease, place

    def left(self, lease: Lease) -> None:
        """It is not in the book any more."""
        place = self._places.pop(lease, None)
        if place is not None and self._holders.get(place) is lease:
            del self._holders[place]

    def holder(self, protocol: Protocol, external_port: int) -> Lease | None:
        lease = self._holders.get((protocol, external_port))
        return lease if lease is not None and lease.held_port == external_port else None
