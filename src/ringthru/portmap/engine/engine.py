"""The engine: one gateway, our mappings on it, and the one request in flight between them.

A machine without socket or clock; the driver moves its bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, INFO, WARNING
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...net.surroundings import Surroundings
from ..discovery.detection import Detection, Found, Nobody
from ..discovery.services import Service
from ..discovery.site import Site, description_by_hand, site_of
from ..errors import LocalError, RemoteError
from ..events import Event, ExternalAddressChanged, GatewayFound, GatewayLost, NoGateway
from ..gateway.listing import Listing, Listings
from ..gateway.orders import EntryOrder
from ..gateway.pcp_client import PcpClient
from ..gateway.upnp_client import HttpRequest
from ..gateway.upnp_values import HttpFailure, Reply
from ..mapping.book import MappingBook, Released
from ..mapping.lease import Lease
from ..mapping.sets import LeaseSet, SetRule
from ..memory.holding import GatewayIdentity, Note
from ..memory.profile import GatewayProfile
from ..memory.recollection import Recollection
from ..values import LONGEST_LIFETIME, MapperSnapshot, Wanted, printable
from ..wire.ssdp import PORT as SSDP_PORT
from .chance import Chance
from .counters import Counters
from .dispatch import NO_LIST, Dispatch
from .view import kind_of, usable_address, view

if TYPE_CHECKING:  # heard long after the start
    from ..discovery.announcements import Hint
    from ..wire.location import Location

WITNESS_AFTER: Final = 2.0  # seconds: the UPnP side of the gateway is looked for when the start is over
SHORT_LIFE: Final = 5.0  # seconds: a gateway lost sooner twice in a row is looked for ever more slowly
HTML: Final = (b"<!doctype html", b"<html")
DISCARD: Final = 9  # RFC 863: the port a PCP address question is about when we have none of our own


class Engine:
    """Port mapping, driven from outside.

    After every call: write ``notes()`` down, *then* send what ``pmp_to_send()``, ``ssdp_to_send()`` and
    ``http_to_send()`` give, act on ``events()``, and come back at ``next_timeout()``. ``lifetime`` is what
    leases ask for, in seconds; ``entropy`` gives that many random bytes; ``pick_port`` an external port to
    try after a conflict; ``recall`` what is remembered of a gateway that was found; ``budget`` is the number
    of mappings asked for at most. After ``witness_after`` seconds the UPnP side of a gateway that speaks PCP
    or NAT-PMP is looked for: it can list what they cannot.

    Raises:
        LocalError: a lifetime outside 1–604800.
    """

    def __init__(
        self,
        place: Surroundings | Site,
        *,
        log: Callable[[int, str], None],
        entropy: Callable[[int], bytes],
        pick_port: Callable[[], int] | None = None,
        mapping_enabled: bool = True,
        lifetime: int = 3600,
        ssdp_port: int = SSDP_PORT,
        own_port: Callable[[], int] = lambda: DISCARD,
        budget: int = 64,
        witness_after: float = WITNESS_AFTER,
        recall: Callable[[GatewayIdentity], Recollection] = lambda identity: Recollection(identity.name),
    ) -> None:
        if not 1 <= lifetime <= LONGEST_LIFETIME:
            raise LocalError(f"a lease of {lifetime} seconds: 1 to {LONGEST_LIFETIME} make sense")
        self._log = log
        self._chance = Chance(entropy)
        self._ssdp_port = ssdp_port
        self._own_port = own_port
        self._site = place if isinstance(place, Site) else site_of(place)
        self._detection = Detection(self._site, log, ssdp_port, self._make_pcp)
        self._book = MappingBook(
            lifetime,
            pick_port or self._chance.port,
            log,
            mapping_enabled,
            random=self._chance.share,
            nonce=self._chance.nonce,
            budget=budget,
        )
        self._listings = Listings()
        self._dispatch = Dispatch(self._book, self._listings, log, recall, self._prepare, witness_after)
        self.verdict_known = False
        self._found_at = 0.0
        self._short_lives = 0  # in a row
        self._external: str | None = None  # as subscribers know it
        self._stopping = False
        self._events: list[Event | Released] = []
        self._counters = Counters()

    # What callers want

    def start(self, now: float) -> None:
        """Look for a gateway, for as long as it takes."""
        self._detection.start(now)
        self._advance(now)

    def want(self, wanted: Wanted, now: float) -> Lease:
        """Keep this mapping alive; the same protocol and internal port twice is the same lease."""
        lease = self._book.want(wanted, now)
        self._advance(now)
        return lease

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule, now: float) -> LeaseSet:
        """Keep all of these alive, or none; ``rule`` binds their external ports together."""
        members = self._book.want_set(wanted, rule, now)
        self._advance(now)
        return members

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
        self._advance(now)

    def list_gateway(self, limit: int, now: float) -> Listing:
        """Read the gateway's own table, ``limit`` entries at most; it is over when it has a ``result``.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        listing = Listing(limit, now)
        if self._dispatch.gateway is None or self._stopping:
            known = self.verdict_known and not self._stopping
            listing.end("no gateway that maps ports was found" if known else "there is no gateway in use now")
        elif self._dispatch.gateway.client_for(EntryOrder(0)) is None:
            listing.end(NO_LIST)
        else:
            self._listings.add(listing)
            self._advance(now)
        return listing

    def reinit(self, now: float) -> None:
        """Forget the gateway and detect again; every mapping is made again on what is found."""
        self._forget_gateway(now, "the gateway is looked for again")
        self._detection.start(now)
        self._advance(now)

    def move(self, place: Surroundings | Site, now: float) -> None:
        """We are somewhere else in the network now: another address, another gateway."""
        self._forget_gateway(now, "our own network changed")
        self._site = place if isinstance(place, Site) else site_of(place)
        self._detection = Detection(self._site, self._log, self._ssdp_port, self._make_pcp)
        self._detection.start(now)
        self._advance(now)

    def hint(self, hint: Hint, now: float) -> None:
        """Somebody says that something changed: the gateway itself is asked before anything is believed."""
        self._log(DEBUG, f"a hint: {hint.words}")
        if self._dispatch.gateway is None:
            self._detection.hurry(now)
            self._consider(hint.location)
        else:
            self._dispatch.gateway.doubt_address(now)
            if hint.mappings_may_be_gone:
                self._dispatch.ask_all_again(now, lost=True)
            else:
                self._book.look_again(now)  # a gateway that announces itself may have been off
        self._advance(now)

    def remembered(self, location: str, now: float) -> None:
        """The description of the gateway that was here the last time: looked at without a search."""
        self._consider(location)
        self._advance(now)

    def stirred(self, now: float) -> None:
        """Something about our own network changed, though not our place in it: a look does no harm."""
        if self._dispatch.gateway is not None:
            self._dispatch.gateway.doubt_address(now)
        self._detection.hurry(now)
        self._advance(now)

    def resumed(self, now: float) -> None:
        """The machine slept: leases may have ended, the gateway may be another."""
        self._log(INFO, "The machine was asleep; every mapping is checked.")
        self._detection.hurry(now)
        if self._dispatch.gateway is not None:
            self._dispatch.gateway.doubt_address(now)
        self._book.ask_all_again(now)
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

    @property
    def mapping_enabled(self) -> bool:
        return self._book.enabled

    def set_mapping_enabled(self, enabled: bool, now: float) -> None:
        """While disabled not one request to map or unmap is sent; leases already held run out."""
        self._book.set_enabled(enabled, now)
        self._advance(now)

    def stop(self, now: float) -> None:
        """Look no more, and delete what we mapped; ``stopped`` tells when that is done."""
        self._stopping = True
        self._listings.end_all("port mapping is being stopped")
        for lease in self._book.leases():
            self._release(lease)
        self._book.end_grace()
        if self._book.cleared or self.verdict_known:
            self._detection.stop_searching()  # else: the gateway that holds our mappings may yet be found
        self._dispatch.abandon_for_deletions()
        self._advance(now)

    @property
    def stopped(self) -> bool:
        hopeless = not self._book.enabled or (self._dispatch.gateway is None and self.verdict_known)
        return self._stopping and self._dispatch.in_flight is None and (self._book.cleared or hopeless)

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
    def reported_address(self) -> str:
        """The external address as the gateway told it, of whatever kind; empty when it told none."""
        return self._dispatch.gateway.reported if self._dispatch.gateway else ""

    @property
    def external_address(self) -> str | None:
        """The address the Internet sees, if the gateway told one that is public, of the family asked for."""
        return usable_address(self._site, self.reported_address)

    def snapshot(self, now: float) -> MapperSnapshot:
        """Everything there is to show."""
        self._take_over_counts()
        return view(
            self._site,
            self._dispatch.gateway,
            self._book.snapshot(now),
            self._counters.shown(),
            enabled=self._book.enabled,
            verdict_known=self.verdict_known,
        )

    # The machine's contract

    def receive_pmp(self, datagram: bytes, now: float) -> None:
        """Take a datagram that came from the gateway's port 5351 (PCP, NAT-PMP)."""
        try:
            self._detection.port5351.receive_datagram(datagram, now)
        except RemoteError as error:
            self._nonsense("malformed answers on port 5351", f"the gateway sent nonsense: {error}")
        self._advance(now)

    def pmp_refused(self, now: float) -> None:
        """The gateway's port 5351 is closed, or it cannot be reached at all."""
        self._detection.port5351.refused(now)
        self._advance(now)

    def receive_ssdp(self, datagram: bytes, source: Endpoint, now: float) -> None:
        """Take whatever came to the search socket."""
        if not self._site.trusts(source.host):
            words = f"SSDP from {source}, which is not of our network (from now on only counted)"
            self._nonsense("search answers of strangers", words)
            return
        try:
            self._detection.receive_ssdp(datagram, source, now)
        except RemoteError as error:
            self._nonsense("refused search answers", f"SSDP from {source}: {error}")
        self._advance(now)

    def receive_http(self, number: int, reply: Reply, now: float) -> None:
        """Take what came of the HTTP request of that number."""
        if isinstance(reply, HttpFailure):
            self._nonsense(f"HTTP answers {reply.kind.value}", reply.reason)
        elif 300 <= reply.status < 400:
            self._nonsense("redirects not followed", f"HTTP {reply.status}: nobody goes there")
        elif reply.body[:64].lstrip().lower().startswith(HTML):
            self._nonsense("pages for people", f"HTTP {reply.status} with HTML where XML was asked for")
        self._detection.upnp.receive_reply(number, reply)
        self._advance(now)

    def handle_timeout(self, now: float) -> None:
        self._detection.port5351.handle_timeout(now)
        self._detection.handle_timeout(now)
        self._book.expire(now)
        self._listings.expire(now)
        self._dispatch.handle_timeout(now)
        self._look_for_witness(now)
        self._take_over_counts()
        self._advance(now)

    def next_timeout(self) -> float | None:
        times = [self._detection.port5351.next_timeout(), self._detection.next_timeout()]
        times += [self._book.next_expiry(), self._listings.next_timeout()]
        times.append(self._dispatch.next_timeout(only_deletions=self._stopping))
        if not self._stopping:
            times.append(self._dispatch.gateway.witness_due_at if self._dispatch.gateway else None)
        return min((each for each in times if each is not None), default=None)

    def pmp_to_send(self) -> list[bytes]:
        return self._detection.port5351.datagrams_to_send()

    def anycast_to_send(self) -> list[bytes]:
        """For port 5351 of the anycast address of PCP (RFC 7723)."""
        return self._detection.carrier.client.datagrams_to_send()

    def receive_anycast(self, datagram: bytes, now: float) -> None:
        """Take a datagram that came from there."""
        try:
            self._detection.carrier.client.receive_datagram(datagram, now)
        except RemoteError as error:
            self._nonsense("malformed answers on port 5351", f"the carrier's NAT sent nonsense: {error}")
        self._advance(now)

    def anycast_refused(self, now: float) -> None:
        """Nobody is there."""
        self._detection.carrier.client.refused(now)
        self._advance(now)

    def ssdp_to_send(self) -> list[tuple[bytes, Endpoint]]:
        return self._detection.search.datagrams_to_send()

    def http_to_send(self) -> list[HttpRequest]:
        return self._detection.http.requests_to_send()

    def events(self) -> list[Event | Released]:
        events = self._events + self._dispatch.events() + self._book.events()
        self._events = []
        return events

    def notes(self) -> list[tuple[Note, GatewayIdentity]]:
        """What to write down before anything more is sent (drains)."""
        return self._dispatch.notes()

    def lessons(self) -> list[GatewayProfile]:
        """Profiles that have changed (drains)."""
        return self._dispatch.lessons()

    # Inside

    def _advance(self, now: float) -> None:
        """Act on what came in, then put the next thing that is due in flight."""
        verdict = self._detection.decide(now)
        if isinstance(verdict, Found):
            self._adopt(verdict, now)
        elif isinstance(verdict, Nobody):
            self._nobody()
        self._take_latecomers(now)
        self._dispatch.advance(now, only_deletions=self._stopping)
        self._tell_of_address()
        if self._dispatch.lost is not None:
            self._gateway_lost(self._dispatch.lost, now)
        self._detection.http.take(now)

    def _take_latecomers(self, now: float) -> None:
        """Services of the gateway in use that answered after it was chosen."""
        if self._dispatch.gateway is None:
            return
        witness, late = self._detection.witness(), self._detection.latecomer()
        if witness is not None:
            self._dispatch.take_witness(witness, now)
        if late is not None:
            self._dispatch.take_reserve(late, now)

    def _adopt(self, found: Found, now: float) -> None:
        self.verdict_known = True
        self._found_at = now
        best = found.services[0]
        self._log(INFO, f"NAT detected type: {best.type.nat_type}, ExtIP: '{best.address}'")
        self._dispatch.adopt(found.services, now)
        self._external = self.external_address
        if best.address:
            self._warn_of_address()
        self._events.append(GatewayFound(best.type, best.gateway, self._external))

    def _nobody(self) -> None:
        self.verdict_known = True
        self._log(INFO, "No PMP or UPnP NAT devices detected!")
        self._book.give_up_deletions()
        self._book.note("no gateway that maps ports was found")
        self._events.append(NoGateway())

    def _gateway_lost(self, reason: str, now: float) -> None:
        self._log(WARNING, f"The NAT gateway is lost: {reason}")
        self._forget_gateway(now, reason)
        self._events.append(GatewayLost(reason))
        if self._stopping:
            self._book.give_up_deletions()
            self.verdict_known = True
        else:
            # At once, as its port may have moved at a reboot; not each time, as some vanish when used.
            self._short_lives = self._short_lives + 1 if now - self._found_at < SHORT_LIFE else 0
            self._detection.start(now, self._short_lives)

    def _forget_gateway(self, now: float, reason: str) -> None:
        self._events += self._dispatch.events()
        self._dispatch.forget()
        self._listings.end_all(f"the gateway went away: {reason}")
        self._detection.stop()
        self._external = None
        self.verdict_known = False
        self._events += self._book.events()
        self._book.lose_all(now, reason)

    def _release(self, lease: Lease) -> None:
        in_flight = self._dispatch.in_flight
        asked = in_flight is not None and in_flight[1] is lease
        reachable = self._dispatch.gateway is not None or not self.verdict_known
        self._book.release(lease, asked, reachable)

    def _look_for_witness(self, now: float) -> None:
        gateway = self._dispatch.gateway
        if gateway is not None and gateway.witness_due_at is not None and now >= gateway.witness_due_at:
            gateway.witness_due_at = None
            self._detection.look_for_witness(now)

    def _tell_of_address(self) -> None:
        if not self._dispatch.address_changed:
            return
        self._dispatch.address_changed = False
        self._warn_of_address()
        previous, self._external = self._external, self.external_address
        if self._external != previous:
            self._events.append(ExternalAddressChanged(previous, self._external))

    def _warn_of_address(self) -> None:
        if self.external_address is not None:
            return
        told = printable(self.reported_address) or "none"
        kind = kind_of(self._site, self.reported_address).value
        self._log(WARNING, f"The NAT gateway has no public address ({told}: {kind}): is there another NAT?")

    def _consider(self, location: str) -> None:
        if location:
            try:
                self._detection.consider(description_by_hand(location))
            except LocalError as error:
                self._nonsense("useless locations", str(error))

    def _nonsense(self, name: str, words: str) -> None:
        if self._counters.count(name):
            self._log(DEBUG, words)

    def _take_over_counts(self) -> None:
        for name in self._counters.take_over(self._detection.counters()):
            self._log(DEBUG, f"{name}: passed over, and from now on only counted")

    def _prepare(self, service: Service) -> None:
        self._detection.prepare(service)

    def _make_pcp(self, site: Site) -> PcpClient:
        return PcpClient(site.address, self._chance.entropy, self._chance.share, self._own_port)
