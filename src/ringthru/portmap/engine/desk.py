"""All that wants something of the gateway in use, as one: mappings, flows, what earlier runs left.

Lives here: whose turn it is, and whom an answer is for. Never here: the gateway, or the request in flight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..gateway.listing import Listings
from ..gateway.orders import (
    AddressOrder,
    Declined,
    EntryOrder,
    GatewayClient,
    Inspected,
    InspectOrder,
    NoEntry,
    Order,
    Outcome,
    PeerOrder,
    Remedy,
)
from ..mapping.book import MappingBook, Work
from ..mapping.lease import Lease
from ..mapping.peer import no_peer_words
from ..mapping.peers import PeerBook
from ..memory.holding import Note
from ..memory.recollection import Recollection
from .in_use import GatewayInUse
from .leftovers import Leftovers

NO_LIST: Final = "PCP and NAT-PMP have no request for the gateway's table, and its UPnP does not answer"


class Desk:
    """Looks at each of them in turn; what is asked comes back by ``answered`` or ``unanswered``."""

    def __init__(
        self, book: MappingBook, peers: PeerBook, listings: Listings, log: Callable[[int, str], None]
    ) -> None:
        self.leftovers = Leftovers(book.is_held, log)
        self._book = book
        self._peers = peers
        self._listings = listings

    def adopt(self, remembered: Recollection, now: float) -> None:
        """Go on with what the journal has of the gateway that was found, and ask for everything."""
        flows = [holding for holding, _ in remembered.holdings if holding.remote]
        self._peers.adopt(flows + [holding for holding in remembered.lent if holding.remote])
        mappings = [each for each in remembered.holdings if not each[0].remote]
        self._book.adopt(mappings, now, [holding for holding in remembered.lent if not holding.remote])
        self.leftovers.take(remembered.elsewhere, now)
        self.ask_all_again(now)

    def turn_to(self, gateway: GatewayInUse, now: float) -> None:
        """Another protocol is spoken: what an earlier run made by it can be gone on with."""
        self._book.go_on_with(self.leftovers.hand_over(gateway.service.type), now)

    def ask_all_again(self, now: float) -> None:
        self._book.ask_all_again(now)
        self._peers.ask_all_again(now)

    def next_deletion(self, gateway: GatewayInUse, now: float) -> tuple[Work, GatewayClient | None] | None:
        """What is to go next, and by whom."""
        deletion = self._book.next_deletion()
        if deletion is not None:
            return deletion, gateway.client_for(deletion[0])
        leftover = self.leftovers.next_work(gateway, now) if self._book.enabled else None
        return None if leftover is None else ((leftover[0], None), leftover[1].client)

    def next_wish(self, gateway: GatewayInUse, now: float) -> Work | None:
        """The address, mappings, flows, reading back, and the table."""
        if now >= gateway.address_due_at:
            return AddressOrder(), None
        mapping = self._book.next_mapping(now)
        if mapping is not None:
            return mapping
        order = self._peers.next_order(now) or self._listings.next_order()
        return None if order is None else (order, None)

    def next_due(self, gateway: GatewayInUse, only_deletions: bool) -> float | None:
        """When there is something to ask."""
        times = [self._next_sweep(gateway)]
        if self._book.next_deletion() is not None:
            times.append(gateway.not_before)
        if not only_deletions:
            times += [gateway.address_due_at, self._book.next_due(), self._peers.next_due()]
        return min((max(each, gateway.not_before) for each in times if each is not None), default=None)

    def cleared(self, gateway: GatewayInUse | None) -> bool:
        """Whether nothing is left to delete that could be deleted now."""
        return self._book.cleared and (gateway is None or self._next_sweep(gateway) is None)

    def answered(self, order: Order, lease: Lease | None, outcome: Outcome, now: float) -> None:
        """Whoever gave the order hears of it."""
        if self.leftovers.is_asked:
            self.leftovers.told(outcome)
        elif isinstance(order, EntryOrder):
            self._listings.told(outcome)
        elif isinstance(order, PeerOrder):
            self._peers.answered(order, outcome, now)
        else:
            self._book.answered(order, lease, outcome, now)

    def unanswered(self, order: Order, lease: Lease | None, now: float) -> None:
        """Nobody knows what came of it."""
        if self.leftovers.is_asked:
            self.leftovers.told(None)
        elif isinstance(order, PeerOrder):
            self._peers.unanswered(order, now)
        else:
            self._book.unanswered(order, lease)

    def notes(self) -> list[Note]:
        """What to write down of the gateway in use; the leftovers have notes of their own."""
        return self._book.notes() + self._peers.notes()

    def _next_sweep(self, gateway: GatewayInUse) -> float | None:
        return self.leftovers.next_due(gateway) if self._book.enabled else None


def impossible(order: Order, gateway: GatewayInUse) -> Outcome:
    """What comes of an order that nobody at the gateway has a request for."""
    if isinstance(order, PeerOrder):
        return Declined(no_peer_words(gateway.service.type), Remedy.NOTHING)
    if isinstance(order, InspectOrder):
        return Inspected(None, verified=False, words=NO_LIST)
    return NoEntry(NO_LIST)
