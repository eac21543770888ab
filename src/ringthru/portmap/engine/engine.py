"""The engine: one gateway, our mappings on it, and the one request in flight between them.

Lives here: what callers want of it, and what they may know. Never here: bytes and time, which ``Machine``
takes from the driver.
"""

from __future__ import annotations

from logging import DEBUG, INFO
from typing import TYPE_CHECKING

from ...net.surroundings import Surroundings
from ..discovery.site import Site
from ..gateway.listing import Listing
from ..gateway.orders import EntryOrder
from ..mapping.lease import Lease
from ..mapping.peer import Peer
from ..mapping.sets import LeaseSet, SetRule
from ..memory.holding import GatewayIdentity
from ..snapshots import MapperSnapshot
from ..values import Wanted, WantedPeer
from .desk import NO_LIST
from .machine import WITNESS_AFTER as WITNESS_AFTER
from .machine import Machine
from .view import view

if TYPE_CHECKING:  # heard long after the start
    from ..discovery.announcements import Hint
    from ..wire.location import Location


class Engine(Machine):
    """Port mapping, driven from outside.

    ``lifetime`` is what leases ask for, in seconds; ``entropy`` gives that many random bytes; ``pick_port``
    an external port to try after a conflict; ``recall`` what is remembered of a gateway that was found;
    ``budget`` is the number of mappings asked for at most. After ``witness_after`` seconds the UPnP side of a
    gateway that speaks PCP or NAT-PMP is looked for: it can list what they cannot.

    Raises:
        LocalError: a lifetime outside 1–604800.
    """

    def start(self, now: float, early: bool = False) -> None:
        """Look for a gateway, for as long as it takes.

        ``early``: nothing is remembered of any gateway, so that the first mapping wanted by now may be the
        very question whether the gateway speaks PCP: a round trip less.
        """
        self._life.look(now, early)
        self._advance(now)

    def want(self, wanted: Wanted, now: float) -> Lease:
        """Keep this mapping alive; the same protocol and internal port twice is the same lease.

        Raises:
            LocalError: that lease is for others (``allow_from``), or not at the exact external port demanded.
        """
        lease = self._book.want(wanted, now)
        self._peers.share_nonce(lease)
        self._advance(now)
        return lease

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule, now: float) -> LeaseSet:
        """Keep all of these alive, or none; ``rule`` binds their external ports together."""
        members = self._book.want_set(wanted, rule, now)
        for lease in members.leases:
            self._peers.share_nonce(lease)
        self._advance(now)
        return members

    def want_peer(self, wanted: WantedPeer, now: float) -> Peer:
        """Keep the translation of this flow alive; the same flow twice is the same record.

        Raises:
            LocalError: as many flows are kept as the budget allows.
        """
        peer = self._peers.want(wanted, self._book.lease_at(wanted), now)
        self._advance(now)
        return peer

    def release_peer(self, peer: Peer, now: float) -> bool:
        """Keep the flow alive no more: its translation ends with its lifetime. False: it is none of ours."""
        released = self._peers.release(peer)
        self._advance(now)
        return released

    def release(self, lease: Lease, now: float) -> bool:
        """Delete it and forget it; a ``Released`` event follows. False: it is none of ours."""
        if not self._book.holds(lease):
            return False
        self._release(lease)
        self._advance(now)
        return True

    def republish(self, now: float) -> None:
        """Ask again for every mapping, now."""
        self._log(DEBUG, "Refreshing nat maps")
        self._book.ask_all_again(now)
        self._peers.ask_all_again(now)
        self._advance(now)

    def list_gateway(self, limit: int, now: float) -> Listing:
        """Read the gateway's own table, ``limit`` entries at most; it is over when it has a ``result``.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        listing = Listing(limit, now)
        if self._dispatch.gateway is None or self._life.stopping:
            known = self.verdict_known and not self._life.stopping
            listing.end("no gateway that maps ports was found" if known else "there is no gateway in use now")
        elif not self.can_list:
            listing.end(NO_LIST)
        else:
            self._listings.add(listing)
            self._advance(now)
        return listing

    @property
    def can_list(self) -> bool:
        """Whether somebody at the gateway in use can read its table: only UPnP has a request for that."""
        gateway = self._dispatch.gateway
        return gateway is not None and gateway.client_for(EntryOrder(0)) is not None

    def reinit(self, now: float) -> None:
        """Forget the gateway and detect again; every mapping is made again on what is found."""
        self._life.look_anew(now)
        self._advance(now)

    def move(self, place: Surroundings | Site, now: float) -> None:
        """We are somewhere else in the network now: another address, another gateway."""
        self._life.move(place, now)
        self._advance(now)

    def hint(self, hint: Hint, now: float) -> None:
        """Somebody says that something changed: the gateway itself is asked before anything is believed."""
        self._life.hint(hint, now)
        self._advance(now)

    def remembered(self, location: str, now: float, serves_several: bool = False) -> None:
        """The description of the gateway that was here the last time: looked at without a search."""
        self._life.consider(location, serves_several)
        self._advance(now)

    def stirred(self, now: float) -> None:
        """Something about our own network changed, though not our place in it: a look does no harm."""
        self._life.stirred(now)
        self._advance(now)

    def resumed(self, now: float) -> None:
        """The machine slept: leases may have ended, the gateway may be another."""
        self._log(INFO, "The machine was asleep; every mapping is checked.")
        self._life.stirred(now)
        self._book.ask_all_again(now)
        self._peers.ask_all_again(now)
        self._advance(now)

    def reached(self, lease: Lease, words: str, now: float) -> None:
        """Traffic from outside came through that mapping; ``words`` say whose."""
        wanted = lease.wanted
        self._book.reached(wanted.protocol, wanted.internal_port, words, now, wanted.family)

    def unreachable(self, lease: Lease, words: str, now: float) -> None:
        """An outside probe did not come through that mapping."""
        wanted = lease.wanted
        self._book.unreachable(wanted.protocol, wanted.internal_port, words, now, wanted.family)
        self._advance(now)

    def unproven(self, lease: Lease, words: str, now: float) -> None:
        """An outside probe of that mapping told nothing."""
        wanted = lease.wanted
        self._book.unproven(wanted.protocol, wanted.internal_port, words, now, wanted.family)

    def tried(
        self, lease: Lease, remote: str, came: bool, words: str, now: float, *, teaches: bool = True
    ) -> None:
        """Somebody at ``remote`` came through that mapping, or tried in vain: is its filter real?

        ``teaches``: nobody else stands between us who may have kept them out.
        """
        self._book.tried(lease, remote, came, words, now, teaches=teaches)
        self._advance(now)

    @property
    def mapping_enabled(self) -> bool:
        return self._book.enabled

    def set_mapping_enabled(self, enabled: bool, now: float) -> None:
        """While disabled not one request to map or unmap is sent; leases already held run out."""
        self._book.set_enabled(enabled, now)
        self._peers.set_enabled(enabled, now)
        self._advance(now)

    def stop(self, now: float) -> None:
        """Look no more, and delete what we mapped; ``stopped`` tells when that is done."""
        self._listings.end_all("port mapping is being stopped")
        for lease in self._book.leases():
            self._release(lease)
        self._book.end_grace()
        self._peers.release_all()
        self._desk.leftovers.hurry(now)
        self._life.stop()
        self._dispatch.abandon_for_deletions(now)
        self._advance(now)

    @property
    def stopped(self) -> bool:
        hopeless = not self._book.enabled or (self._dispatch.gateway is None and self.verdict_known)
        return (
            self._life.stopping and self._dispatch.in_flight is None and (self._dispatch.cleared or hopeless)
        )

    @property
    def verdict_known(self) -> bool:
        """Whether the first detection is over."""
        return self._life.verdict_known

    @property
    def has_gateway(self) -> bool:
        return self._dispatch.gateway is not None

    @property
    def gateway(self) -> str | None:
        """The address of the gateway in use."""
        return self._dispatch.gateway.service.gateway if self._dispatch.gateway else None

    @property
    def identity(self) -> GatewayIdentity | None:
        """Which gateway is in use, for the memory."""
        return self._dispatch.gateway.identity if self._dispatch.gateway else None

    @property
    def gateway_name(self) -> str:
        """What tells the gateway in use from others: its UDN, or its hardware address; empty when unknown."""
        return self._dispatch.gateway.name if self._dispatch.gateway else ""

    @property
    def events_at(self) -> Location | None:
        """Where the gateway in use takes subscriptions to its events (UPnP), if it does."""
        return self._dispatch.gateway.events_at if self._dispatch.gateway else None

    @property
    def busy(self) -> bool:
        """Whether the gateway is being asked something."""
        return self._dispatch.in_flight is not None

    @property
    def left_over(self) -> int:
        """How many mappings of earlier runs, by another protocol of this gateway, are still to be deleted."""
        return self._desk.leftovers.count

    @property
    def reported_address(self) -> str:
        """The external address as the gateway told it, of whatever kind; empty when it told none."""
        return self._life.reported_address

    @property
    def external_address(self) -> str | None:
        """The address the Internet sees, if the gateway told one that is public, of the family asked for."""
        return self._life.external_address

    def snapshot(self, now: float) -> MapperSnapshot:
        """Everything there is to show."""
        self._reception.take_over_counts()
        return view(
            self._life.site,
            self._dispatch.gateway,
            self._book.snapshot(now),
            self._peers.snapshot(now),
            self._counters.shown(),
            enabled=self._book.enabled,
            verdict_known=self.verdict_known,
            hesitant=self._life.detection.hesitant,
            now=now,
        )

    # Inside

    def _release(self, lease: Lease) -> None:
        in_flight = self._dispatch.in_flight
        asked = in_flight is not None and in_flight[1] is lease
        reachable = self._dispatch.gateway is not None or not self.verdict_known
        self._book.release(lease, asked, reachable)
