"""One gateway after the other: looked for, found, in use, lost, and looked for again.

Lives here: when the search begins and ends, what a verdict leads to, services that answer late, and the
external address as subscribers know it. Never here: what callers want, or the bytes of anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, INFO, WARNING
from typing import TYPE_CHECKING, Final

from ...net.surroundings import Surroundings
from ..discovery.detection import Detection, Found, Nobody
from ..discovery.site import Site, description_by_hand, site_of
from ..errors import LocalError
from ..events import Event, ExternalAddressChanged, GatewayFound, GatewayLost, NoGateway
from ..gateway.listing import Listings
from ..mapping.book import MappingBook, Released
from ..mapping.peers import PeerBook
from ..values import printable
from .counters import Counters
from .dispatch import Dispatch
from .in_use import GatewayInUse
from .view import kind_of, usable_address

if TYPE_CHECKING:  # heard long after the start
    from ..discovery.announcements import Hint

SHORT_LIFE: Final = 5.0  # seconds: a gateway lost sooner twice in a row is looked for ever more slowly


class GatewayLife:
    """Owns the search; ``detect`` makes one for a site. ``advance`` is to be called after everything."""

    def __init__(
        self,
        place: Surroundings | Site,
        detect: Callable[[Site], Detection],
        book: MappingBook,
        peers: PeerBook,
        listings: Listings,
        dispatch: Dispatch,
        counters: Counters,
        log: Callable[[int, str], None],
    ) -> None:
        self.site = place if isinstance(place, Site) else site_of(place)
        self.detection = detect(self.site)
        self.verdict_known = False
        self.stopping = False
        self._detect = detect
        self._book = book
        self._peers = peers
        self._listings = listings
        self._dispatch = dispatch
        self._counters = counters
        self._log = log
        self._found_at = 0.0
        self._short_lives = 0  # in a row
        self._external: str | None = None  # as subscribers know it
        self._events: list[Event | Released] = []

    @property
    def gateway(self) -> GatewayInUse | None:
        return self._dispatch.gateway

    @property
    def reported_address(self) -> str:
        """The external address as the gateway told it, of whatever kind; empty when it told none."""
        return self.gateway.reported if self.gateway else ""

    @property
    def external_address(self) -> str | None:
        """The address the Internet sees, if the gateway told one that is public, of the family asked for."""
        return usable_address(self.site, self.reported_address)

    # What is to be done about it

    def look(self, now: float, early: bool = False) -> None:
        """Look for a gateway, for as long as it takes; ``early``: with a mapping that is wanted by now."""
        order = self._dispatch.ask_early(self.site, now) if early else None
        self.detection.start(now, early=order)

    def look_anew(self, now: float) -> None:
        """Forget the gateway and detect again."""
        self._forget(now, "the gateway is looked for again")
        self.detection.start(now)

    def move(self, place: Surroundings | Site, now: float) -> None:
        """We are somewhere else in the network now: another address, another gateway."""
        self._forget(now, "our own network changed")
        self.site = place if isinstance(place, Site) else site_of(place)
        self.detection = self._detect(self.site)
        self.detection.start(now)

    def hint(self, hint: Hint, now: float) -> None:
        """Somebody says that something changed: the gateway itself is asked before anything is believed."""
        self._log(DEBUG, f"a hint: {hint.words}")
        if self.gateway is None:
            self.detection.hurry(now)
            self.consider(hint.location)
            return
        self.gateway.doubt_address(now)
        if hint.mappings_may_be_gone:
            self._dispatch.ask_all_again(now, lost=True)
        else:
            self._book.look_again(now)  # a gateway that announces itself may have been off

    def stirred(self, now: float) -> None:
        """Something about our own network changed, though not our place in it: a look does no harm."""
        if self.gateway is not None:
            self.gateway.doubt_address(now)
        self.detection.hurry(now)

    def consider(self, location: str, serves_several: bool = False) -> None:
        """A description that may be the gateway's, without a search."""
        if location:
            try:
                self.detection.consider(description_by_hand(location), serves_several)
            except LocalError as error:
                self._counters.nonsense("useless locations", str(error))

    def stop(self) -> None:
        """Look for nobody any more, unless the gateway that holds our mappings may yet be found."""
        self.stopping = True
        if self._book.cleared or self.verdict_known:
            self.detection.stop_searching()

    # What happens to it

    def advance(self, now: float) -> None:
        """Act on what came in, then put the next thing that is due in flight."""
        if self.detection.port5351.pcp.early_refused:
            self._dispatch.early_refused()
        verdict = self.detection.decide(now)
        if isinstance(verdict, Found):
            self._adopt(verdict, now)
        elif isinstance(verdict, Nobody):
            self._nobody()
        self._take_latecomers(now)
        self._dispatch.advance(now, only_deletions=self.stopping)
        self._tell_of_address()
        if self._dispatch.lost is not None:
            self._lost(self._dispatch.lost, now)
        self.detection.http.take(now)

    def handle_timeout(self, now: float) -> None:
        self.detection.port5351.handle_timeout(now)
        self.detection.handle_timeout(now)
        gateway = self.gateway
        if gateway is not None and gateway.witness_due_at is not None and now >= gateway.witness_due_at:
            gateway.witness_due_at = None
            self.detection.look_for_witness(now)

    def next_timeout(self) -> float | None:
        times = [self.detection.port5351.next_timeout(), self.detection.next_timeout()]
        if not self.stopping:
            times.append(self.gateway.witness_due_at if self.gateway else None)
        return min((each for each in times if each is not None), default=None)

    def events(self) -> list[Event | Released]:
        events, self._events = self._events, []
        return events

    # Inside

    def _take_latecomers(self, now: float) -> None:
        """Services of the gateway in use that answered after it was chosen."""
        if self.gateway is None:
            return
        witness, late = self.detection.witness(), self.detection.latecomer()
        if witness is not None:
            self._dispatch.take_witness(witness, now)
        if late is not None:
            self._dispatch.take_reserve(late, now)

    def _adopt(self, found: Found, now: float) -> None:
        self.verdict_known = True
        self._found_at = now
        best = found.services[0]
        if best.address:
            self._log(INFO, f"NAT detected type: {best.type.nat_type}, ExtIP: '{best.address}'")
        else:
            self._log(
                INFO, f"A gateway answers by {best.type.spoken}; its address comes with the first mapping"
            )
        self._dispatch.adopt(found.services, now)
        self._external = self.external_address
        if best.address and self._external is None:
            self._warn_of_address()
        self._events.append(GatewayFound(best.type, best.gateway, self._external))

    def _nobody(self) -> None:
        self.verdict_known = True
        self._log(INFO, "No PMP or UPnP NAT devices detected!")
        self._book.give_up_deletions()
        for book in (self._book, self._peers):
            book.note("no gateway that maps ports was found")
        self._events.append(NoGateway())

    def _lost(self, reason: str, now: float) -> None:
        self._log(WARNING, f"The NAT gateway is lost: {reason}")
        self._forget(now, reason)
        self._events.append(GatewayLost(reason))
        if self.stopping:
            self._book.give_up_deletions()
            self.verdict_known = True
        else:
            # At once, as its port may have moved at a reboot; not each time, as some vanish when used.
            self._short_lives = self._short_lives + 1 if now - self._found_at < SHORT_LIFE else 0
            self.detection.start(now, self._short_lives)

    def _forget(self, now: float, reason: str) -> None:
        self._events += self._dispatch.events()
        self._dispatch.forget(now)
        self._listings.end_all(f"the gateway went away: {reason}")
        self.detection.stop()
        self._external = None
        self.verdict_known = False
        self._events += self._book.events()
        self._book.lose_all(now, reason)
        self._peers.lose_all(now, reason)

    def _tell_of_address(self) -> None:
        if not self._dispatch.address_changed:
            return
        self._dispatch.address_changed = False
        previous, self._external = self._external, self.external_address
        if self._external is None:
            self._warn_of_address()
        if self._external != previous:
            self._events.append(ExternalAddressChanged(previous, self._external))

    def _warn_of_address(self) -> None:
        told = printable(self.reported_address) or "none"
        kind = kind_of(self.site, self.reported_address).value
        igd = self.gateway.service.igd if self.gateway else None
        where = f" {igd.described_at}" if igd else ""
        text = f"The NAT gateway{where} has no public address ({told}: {kind}): is there another NAT?"
        self._log(WARNING, text)
