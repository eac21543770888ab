"""A book with a gateway around it that does as the test says; a clock moved by hand."""

from __future__ import annotations

import itertools

import pytest

from ringthru.portmap.gateway.orders import (
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    Outcome,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.mapping.agenda import LULL
from ringthru.portmap.mapping.book import MappingBook, Released
from ringthru.portmap.memory.holding import Forget, Keep
from ringthru.portmap.memory.profile import GatewayProfile

SEEN = "GetSpecificPortMappingEntry: 192.168.1.5"


class World:
    """The gateway grants what is asked and lists it, except for what ``script`` says.

    ``script`` answers the next orders that it has an outcome for: it maps a kind of order to outcomes.
    ``vanishes`` is how many seconds entries live whatever was granted; ``room`` how many there may be.
    """

    def __init__(self, reads_back=True, profile=None, journal=(), **options):
        self.now = 1000.0
        self.ports, self.nonces = itertools.count(40000), itertools.count(1)
        self.logs: list[str] = []
        self.events: list = []
        self.orders: list = []
        self.script: dict[type, list[Outcome]] = {MapOrder: [], UnmapOrder: [], InspectOrder: []}
        self.table: dict[tuple, tuple[float, float]] = {}  # when made, and when its lease ends
        self.journal = dict(journal)
        self.vanishes = float("inf")
        self.room = 1000
        self.extends = True
        self.lifetime: int | None = None  # granted whatever is asked
        self.notes_before: list[list] = []  # what was written down before each order
        self.book = MappingBook(
            600,
            lambda: next(self.ports),
            lambda level, text: self.logs.append(text),
            True,
            nonce=lambda: next(self.nonces).to_bytes(12),
            **options,
        )
        self.reads_back = reads_back
        self.book.use_profile(profile or GatewayProfile("acme"), reads_back=reads_back)

    def settle(self) -> World:
        """Let the gateway answer until nothing more is to be asked now, the first looks included."""
        for _ in range(500):
            work = self.book.next_deletion() or self.book.next_mapping(self.now)
            self.notes_before.append(self.write_down())
            if work is None:
                due = self.book.next_due()
                if due is not None and self.now < due <= self.now + LULL:
                    self.now = due
                    continue
                self.events += self.book.events()
                return self
            order, lease = work
            self.orders.append(order)
            scripted = self.script[type(order)]
            outcome = scripted.pop(0) if scripted else self.answer(order)
            if isinstance(outcome, Granted) and len(self.table) < self.room:
                end = self.now + (outcome.lifetime or 1e12)
                self.table.setdefault((order.protocol, outcome.external_port), (self.now, end))
            self.book.answered(order, lease, outcome, self.now)
            self.write_down()
        raise AssertionError("the book never comes to rest")

    def write_down(self) -> list:
        notes = self.book.notes()
        for note in notes:
            if isinstance(note, Keep):
                self.journal[note.holding.key] = note.holding
            elif isinstance(note, Forget):
                del self.journal[note.holding.key]
        return notes

    def answer(self, order) -> Outcome:
        place = order.protocol, order.external_port
        self.table = {
            each: (made, end)
            for each, (made, end) in self.table.items()
            if end > self.now and made + self.vanishes > self.now
        }
        if isinstance(order, UnmapOrder):
            self.table.pop(place, None)
            return Unmapped()
        if isinstance(order, MapOrder):
            lifetime = order.lifetime if self.lifetime is None else self.lifetime
            end = self.now + (lifetime or 1e12)
            if place in self.table and (self.extends or self.table[place][1] > self.now):
                self.table[place] = self.now, end if self.extends else self.table[place][1]
            return Granted(order.external_port, lifetime, verified=not self.reads_back)
        if place not in self.table:
            return Inspected(None, missing=True, words="error 714 (no such entry)")
        end = self.table[place][1]
        return Inspected(0 if end > 1e11 else round(end - self.now), words=SEEN)

    def until(self, when: float) -> World:
        """Move the clock, stopping wherever the book wants to be."""
        self.settle()
        for _ in range(20_000):
            times = [each for each in (self.book.next_due(), self.book.next_expiry()) if each is not None]
            if not times or min(times) > when:
                self.now = when
                return self
            assert min(times) >= self.now - 1e-9, "a wake-up in the past would spin"
            self.now = max(self.now, min(times))
            self.book.expire(self.now)
            self.settle()
        raise AssertionError("the book spins")

    def after(self, seconds: float) -> World:
        return self.until(self.now + seconds)

    def asked(self, kind: type) -> list:
        return [order for order in self.orders if isinstance(order, kind)]

    def told(self, *kinds: type) -> list:
        events, self.events = self.events + self.book.events(), []
        wanted = [each for each in events if not kinds or isinstance(each, kinds)]
        return [each for each in wanted if not isinstance(each, Released) or Released in kinds]

    def shown(self, index: int = 0):
        return self.book.snapshot(self.now)[index]


@pytest.fixture
def world():
    return World
