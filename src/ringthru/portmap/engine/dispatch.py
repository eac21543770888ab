"""One request in flight: between the book of our mappings and the gateway in use.

Lives here: what is asked next, whom, and what its outcome changes.
Never here: how a gateway is found, or when one is looked for again.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, INFO
from typing import Final

from ...net.levels import NOTICE
from ..discovery.services import Service
from ..discovery.site import Site
from ..events import EpochChanged, Event
from ..gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EntryOrder,
    EpochReset,
    GatewayClient,
    Granted,
    MapOrder,
    Order,
    Outcome,
    PeerOrder,
    Remedy,
    Silent,
    UnmapOrder,
)
from ..gateway.pcp_client import PcpClient
from ..mapping.book import MappingBook, Work
from ..mapping.lease import Lease
from ..memory.holding import GatewayIdentity, Note
from ..memory.profile import GatewayProfile
from ..memory.recollection import Recollection
from ..values import GatewayType, MappingState
from .desk import Desk, impossible
from .in_use import GatewayInUse, RemapGate

TAKEN: Final = (Remedy.ANOTHER_PORT, Remedy.SAME_PORT)  # refusals of a number
NO_ADDRESS: Final = ("", "0.0.0.0")  # what gateways tell while their line has none
LAST_WORD: Final = 1.0  # seconds at a stop in which UPnP may still say where it made what was asked for
LINE_PAUSE: Final = 2.0  # seconds between questions for it then


class Dispatch:
    """Carries orders to the gateway in use, one at a time. ``prepare`` readies a service's client."""

    def __init__(
        self,
        book: MappingBook,
        desk: Desk,
        log: Callable[[int, str], None],
        recall: Callable[[GatewayIdentity], Recollection],
        prepare: Callable[[Service], None],
        witness_after: float,
    ) -> None:
        self.gateway: GatewayInUse | None = None
        self.in_flight: Work | None = None
        self.address_changed = False  # the gateway told another address; the engine takes note
        self.lost: str | None = None  # why the gateway is gone; the engine takes note
        self._book = book
        self._desk = desk
        self._log = log
        self._recall = recall
        self._prepare = prepare
        self._witness_after = witness_after
        self._client: GatewayClient | None = None  # who has the order in flight
        self._drop_at: float | None = None  # when that is waited for no more
        self._early: tuple[Lease, GatewayIdentity] | None = None  # asked for before a gateway was known
        self._remap_gate = RemapGate()
        self._events: list[Event] = []
        self._notes: list[tuple[Note, GatewayIdentity]] = []
        self._lessons: list[GatewayProfile] = []

    def adopt(self, services: tuple[Service, ...], now: float) -> GatewayInUse:
        """Use this gateway from now on, with what is remembered of it."""
        self._early = None
        gateway = self.gateway = GatewayInUse(services, now, self._witness_after)
        remembered = self._recall(gateway.identity)
        self._prepare(gateway.service)
        gateway.remember(remembered.name, remembered.profile)
        self._use_ways(gateway)
        self._desk.adopt(remembered, now)
        return gateway

    def ask_early(self, site: Site, now: float) -> MapOrder | None:
        """The first mapping, to find PCP with; what is told of it comes when it is asked in its turn."""
        host = site.port_5351_at
        if host is None or not site.speaks_with(GatewayType.PCP) or self.gateway is not None:
            return None
        asked = self._book.ask_early(now)
        if asked is None:
            return None
        self._early = asked[1], GatewayIdentity(GatewayType.PCP, host, "")
        self._write_down_early()
        return asked[0]

    def early_refused(self) -> None:
        """Nobody made it."""
        if self._early is not None:
            self._book.early_refused(self._early[0])
            self._write_down_early()
            self._early = None

    def _write_down_early(self) -> None:
        assert self._early is not None
        self._notes += [(note, self._early[1]) for note in self._book.notes()]

    def forget(self, now: float) -> None:
        """The gateway is not in use any more."""
        self.abandon(now)
        self._write_down()
        self._desk.leftovers.put_back()
        self.gateway = self.lost = None
        self.address_changed = False

    def abandon(self, now: float) -> None:
        """Drop the order in flight."""
        if self._client is not None:
            self._client.abandon()
        if self.in_flight is not None:
            self._desk.unanswered(*self.in_flight, now)
        self.in_flight = self._client = self._drop_at = None

    def abandon_for_deletions(self, now: float) -> None:
        """Drop the order in flight for deletions that are due; not one that cleans up after itself.

        Nor for a moment one for a mapping by UPnP: only its answer tells the port, or the name, to delete.
        """
        order = self.in_flight[0] if self.in_flight is not None else None
        by_upnp = self.gateway is not None and self.gateway.service.type is GatewayType.UPNP
        if by_upnp and isinstance(order, MapOrder):
            self._drop_at = now + LAST_WORD
            return
        asks_with_a_mapping = isinstance(order, AddressOrder) and isinstance(self._client, PcpClient)
        if order is not None and not isinstance(order, UnmapOrder) and not asks_with_a_mapping:
            self.abandon(now)

    def advance(self, now: float, only_deletions: bool) -> None:
        """Act on what came in, then put the next thing that is due in flight."""
        asked = False
        while self.gateway is not None and self.lost is None:
            if not self._take_events(self.gateway, now) and asked and self.in_flight is not None:
                return  # nobody answers before it is sent
            self._take_lessons(self.gateway)
            self._write_down()
            if self.lost is not None or self.in_flight is not None or now < self.gateway.not_before:
                return
            asked = self._submit_next(self.gateway, now, only_deletions)
            if not asked:
                return

    def take_witness(self, witness: Service, now: float) -> None:
        """The UPnP side of the gateway in use answers too."""
        if self.gateway is not None:
            self._prepare(witness)
            self.gateway.take_witness(witness)
            self._use_ways(self.gateway)
            self._try_in_reserve(now)

    def take_reserve(self, service: Service, now: float) -> None:
        """Another service of the gateway in use has answered late."""
        if self.gateway is not None:
            self.gateway.take_reserve(service)
            self._try_in_reserve(now)

    def _try_in_reserve(self, now: float) -> None:
        """Where all is refused, what came late may help."""
        if not self._holds_any():
            self._desk.ask_all_again(now)

    def ask_all_again(self, now: float, lost: bool = False) -> None:
        """The gateway may have lost everything (``lost``: it has); not more often than it bears."""
        if lost:
            self._book.doubt_all(now)
        if self._remap_gate.ask(now):
            self._desk.ask_all_again(now)

    def handle_timeout(self, now: float) -> None:
        if self._remap_gate.due_at is not None and now >= self._remap_gate.due_at:
            self.ask_all_again(now)
        if self._drop_at is not None and now >= self._drop_at:
            self.abandon(now)

    def next_timeout(self, only_deletions: bool) -> float | None:
        times = [self._drop_at] if only_deletions else [self._remap_gate.due_at]
        if self.gateway is not None and self.in_flight is None:
            times.append(self._desk.next_due(self.gateway, only_deletions))
        return min((each for each in times if each is not None), default=None)

    @property
    def cleared(self) -> bool:
        """Whether nothing is left to delete that could be deleted now."""
        return self._desk.cleared(self.gateway)

    def events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def notes(self) -> list[tuple[Note, GatewayIdentity]]:
        notes, self._notes = self._notes, []
        return notes

    def lessons(self) -> list[GatewayProfile]:
        lessons, self._lessons = self._lessons, []
        return lessons

    # Inside

    def _submit_next(self, gateway: GatewayInUse, now: float, only_deletions: bool) -> bool:
        """Deletions first, then the address, mappings, flows, reading back, and the table."""
        deletion = self._desk.next_deletion(gateway, now)
        wish = self._desk.next_wish(gateway, now) if deletion is None and not only_deletions else None
        if deletion is not None:
            self._submit(gateway, *deletion, now)
        elif wish is not None:
            self._submit(gateway, wish, gateway.client_for(wish[0]), now)
        return deletion is not None or wish is not None

    def _submit(self, gateway: GatewayInUse, work: Work, client: GatewayClient | None, now: float) -> None:
        order, lease = work
        if client is None:  # nobody there can do it, read its table above all: that is no failure
            self._settle(order, lease, impossible(order, gateway), now)
            return
        self.in_flight, self._client = work, client
        client.submit(order, now)
        self._write_down()  # before a byte of it goes out

    def _take_events(self, gateway: GatewayInUse, now: float) -> bool:
        """Act on what came; False: nothing did."""
        events = gateway.service.client.events()
        if self._client is not None and self._client is not gateway.service.client:
            events = events + self._client.events()
        for event in events:
            if self.lost is None:
                self._take(gateway, event, now)
        return bool(events)

    def _take(self, gateway: GatewayInUse, event: Outcome | EpochReset, now: float) -> None:
        if isinstance(event, EpochReset):
            words = "The NAT gateway lost its state; every mapping is made again."
            self._log(NOTICE, words)
            self._events.append(EpochChanged(gateway.service.gateway, words))
            gateway.address_due_at = now
            self.ask_all_again(now, lost=True)
            return
        if self.in_flight is None:
            return
        (order, lease), client = self.in_flight, self._client
        self.in_flight = self._client = self._drop_at = None
        gateway.took(now)
        if self._desk.leftovers.is_asked and client is not gateway.service.client:
            self._desk.leftovers.told(event)
        elif isinstance(event, Silent) and client is not gateway.service.client:
            gateway.drop_witness()
            self._use_ways(gateway)
            self._settle(order, lease, impossible(order, gateway), now)
        elif isinstance(event, Silent) and not isinstance(order, PeerOrder):
            self._desk.unanswered(order, lease, now)
            self.lost = event.reason
        elif isinstance(event, Declined) and isinstance(order, MapOrder) and lease is not None:
            self._take_refusal(gateway, order, lease, event, now)
        else:
            self._settle(order, lease, event, now)

    def _settle(self, order: Order, lease: Lease | None, outcome: Outcome, now: float) -> None:
        """An order has its outcome."""
        assert self.gateway is not None
        if isinstance(order, AddressOrder):
            told = isinstance(outcome, AddressTold) and outcome.address not in NO_ADDRESS
            self.gateway.address_asked(now, told)  # declined: what we know stands
            if isinstance(outcome, AddressTold) and not told:  # a line that flaps is not asked at each turn
                self.gateway.address_due_at = max(self.gateway.address_due_at, now + LINE_PAUSE)
            if isinstance(outcome, AddressTold):
                self._address_told(outcome.address, now)
        else:
            self._desk.answered(order, lease, outcome, now)
        if isinstance(outcome, Granted) and outcome.external_address:
            self._address_told(outcome.external_address, now, first_news=not self.gateway.reported)

    def _take_refusal(
        self, gateway: GatewayInUse, order: MapOrder, lease: Lease, refusal: Declined, now: float
    ) -> None:
        """Another service of the gateway may take over; never while this one holds mappings."""
        movable = now >= gateway.stays_until and not self._holds_any() and self._book.holds(lease)
        movable = movable and refusal.remedy is not Remedy.ROOM
        if movable and gateway.has_next and refusal.remedy not in TAKEN:
            self._book.passed_on(lease)
        else:
            self._settle(order, lease, refusal, now)
            if not movable or not _is_hopeless(lease, refusal, now):
                return
        self._fall_over(gateway, refusal, now)

    def _fall_over(self, gateway: GatewayInUse, refusal: Declined, now: float) -> None:
        self._write_down()  # of this service
        before = gateway.service
        takes_over = gateway.fall_over(now)
        if gateway.service is before:
            return
        self._prepare(gateway.service)
        self._use_ways(gateway)
        self._desk.turn_to(gateway, now)
        if takes_over:
            words = f"The gateway refuses us by {before.type.spoken} ({refusal.reason}): going on by "
            self._log(INFO, words + gateway.service.type.spoken)
            self._book.ask_all_again(now)

    def _holds_any(self) -> bool:
        return any(each.held_port for each in self._book.leases())

    def _address_told(self, address: str, now: float, first_news: bool = False) -> None:
        """The gateway told its address; ``first_news``: with a mapping, and nobody knew one before."""
        gateway = self.gateway
        assert gateway is not None
        gateway.told_at = now
        if address == gateway.reported:
            return
        before, gateway.reported = gateway.reported, address
        if address not in NO_ADDRESS:
            gateway.address_asked(now)
        if before:
            self._log(INFO, f"Public IP changed from '{before}' to '{address}'.")
        else:  # PCP tells it with the first mapping only
            self._log(INFO, f"NAT detected type: {gateway.service.type.nat_type}, ExtIP: '{address}'")
        self.address_changed = True
        if not first_news:
            self.ask_all_again(now)  # many gateways drop every mapping with the old address

    def _take_lessons(self, gateway: GatewayInUse) -> None:
        """What the client or the book learned is known to both from now on."""
        learned = self._book.learned() + gateway.learned()
        for profile in learned:
            if gateway.learn(profile):
                self._lessons.append(gateway.profile)
                self._log(DEBUG, f"learned of this gateway: {gateway.profile}")
        if learned:
            self._use_ways(gateway)

    def _use_ways(self, gateway: GatewayInUse) -> None:
        reads_back = gateway.client_for(EntryOrder(0)) is not None
        self._book.use_profile(gateway.profile, reads_back=reads_back, speaks=gateway.service.type)

    def _write_down(self) -> None:
        if self.gateway is None:
            return
        self._notes += self._desk.leftovers.notes()
        notes = self._desk.notes() + self.gateway.notes()
        if notes:
            identity = self.gateway.identity
            self._notes += [(note, identity) for note in notes]


def _is_hopeless(lease: Lease, refusal: Declined, now: float) -> bool:
    """Whether a refusal is this service's last word, and not about one number that is taken.

    The state may be what the service before made it: while another number is asked for, nothing is said.
    """
    about_a_number = refusal.remedy in TAKEN and (lease.wanted.exact or lease.group is not None)
    asks_on = lease.due_at is not None and lease.due_at <= now
    return lease.state is MappingState.REFUSED and not asks_on and not about_a_number
