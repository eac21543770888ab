"""What we know of one mapping, and how it reads: as an order, as a row of the journal, as a snapshot.

Lives here: the facts, and the words for them. Never here: what changes any of them; that is ``lease.py``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..gateway.orders import InspectOrder, MapOrder, Remedy, UnmapOrder
from ..memory.holding import Holding
from ..snapshots import MappingSnapshot
from ..values import Family, MappingState, Rung, Wanted
from .description import describe
from .filtering import FilterRecord
from .history import History
from .ladder import Ladder
from .ledger import HoldingKey, LeaseKey
from .terms import Terms
from .timing import Pauses

if TYPE_CHECKING:
    from .sets import LeaseSet


def lease_key(wanted: Wanted) -> LeaseKey:
    """What a lease is known by: two wishes with one key are one lease."""
    return wanted.family.value, wanted.protocol.value, wanted.internal_client or "", wanted.internal_port


class LeaseRecord:
    """The facts about a mapping. Instants are seconds of the engine's clock.

    ``held_port`` is what the gateway granted; ``external_port``, what the outside is told, is None as long
    as the lease belongs to a set that is not whole.
    """

    def __init__(self, wanted: Wanted, terms: Terms, now: float, group: LeaseSet | None = None) -> None:
        self._terms = terms
        self.key = lease_key(wanted)
        self._description = describe(wanted)
        self.number = terms.calendar.number()
        self.wanted = wanted
        self.listed = wanted.listed
        self.group = group
        self.nonce = terms.nonce()  # constant for the mapping's life (RFC 6887 §11.1)
        self.reference = ""  # what the gateway wants to be reminded of
        self.external_address = ""
        self.held_port: int | None = None
        self._expires_at: float | None = None
        self.due_at = now
        self.waiting = False  # for the rest of its set, or for room: not asked, whatever happens
        self.kept = False  # a person wants it to stay when we have gone
        self.admitted = False  # it has a place in the budget
        self.may_remain = False  # some gateway may hold it, whatever became of our own record
        self.refilters = False  # an earlier run left it open to others than are wanted now
        self.deleted = False  # for its renewal, so that the next order makes it anew
        self.dead = (
            False  # granted, and nobody comes through any more: it is deleted before it is asked again
        )
        self.does_not_extend = False  # asking again did not lengthen the lease (AD33)
        self.failed_renewals = 0  # in a row
        self.clashes = 0  # times it was gone after the other protocol's mapping of its port was made (AD20)
        self.refused_for: Remedy | None = None
        self.reason = ""
        self.told = ""  # the last refusal that subscribers heard of
        self.ladder = Ladder(partial(terms.calendar.looks.enter, self))
        self.filtering = FilterRecord(wanted.allow_from)
        self.history = History()
        self._state = MappingState.REQUESTED
        self._port = wanted.wanted_external_port  # to ask for
        self._exact = wanted.exact
        self._ports_tried = 1
        self._pauses = Pauses()
        self._again_at: float | None = None  # when somebody last had it asked for, whatever was agreed
        self.asked_at = self._granted_at = self._named_at = now  # the last: ``reference`` was told then
        self._life = float(self.lifetime)  # of the present lease
        self._to_outlive: float | None = None  # the end that a renewal must move
        self.ladder.requested(f"external port {self._port} is wanted", now)

    def key_at(self, port: int) -> HoldingKey:
        """What the journal knows it by, at that external port."""
        return (*self.key, port, "", self.wanted.allow_from)

    @property
    def due_at(self) -> float | None:
        """When to ask next; None: not at all."""
        return self._due_at

    @due_at.setter
    def due_at(self, at: float | None) -> None:
        self._due_at = at
        self._terms.calendar.due.enter(self, at)

    @property
    def expires_at(self) -> float | None:
        """When its lease ends; None: not held, or for ever."""
        return self._expires_at

    @expires_at.setter
    def expires_at(self, at: float | None) -> None:
        self._expires_at = at
        self._terms.calendar.ends.enter(self, at)

    @property
    def lifetime(self) -> int:
        """Seconds to ask for."""
        return self.wanted.lifetime or self._terms.lifetime

    @property
    def withheld(self) -> bool:
        """Whether it does not count, because its set is not whole."""
        return self.group is not None and not self.group.whole

    @property
    def external_port(self) -> int | None:
        """The port others reach us at; None until it counts as granted."""
        return None if self.withheld else self.held_port

    @property
    def state(self) -> MappingState:
        if self._state is MappingState.ACCEPTED and self.withheld:
            return MappingState.REQUESTED
        return self._state

    @property
    def words(self) -> str:
        return f"{self.wanted.protocol.value} {self.wanted.internal_port}"

    @property
    def port(self) -> int:
        """The external port to ask for; the one held, so that a rebooted gateway can restore it."""
        return self._port

    @property
    def is_plain(self) -> bool:
        """Whether any server of PCP can be asked for it, and any external port will do."""
        wanted = self.wanted
        special = wanted.exact or wanted.allow_from or wanted.internal_client or self.group is not None
        return not special and wanted.family is Family.IPV4

    def order(self, now: float) -> MapOrder:
        wanted = self.wanted
        self.asked_at = now
        renewal = self.held_port is not None and not self.deleted
        return MapOrder(
            wanted.protocol,
            wanted.internal_port,
            self._port,
            self.lifetime,
            self._description,
            nonce=self.nonce,
            exact=self._exact,
            internal_client=wanted.internal_client,
            allow_from=wanted.allow_from,
            drops_filters=self.refilters,
            renewal=renewal,
        )

    def inspect_order(self, of_many: bool = False) -> InspectOrder:
        assert self.held_port is not None
        wanted = self.wanted
        ports, since = (
            (wanted.protocol, wanted.internal_port, self.held_port),
            self._terms.calendar.doubted_at,
        )
        return InspectOrder(
            *ports,
            wanted.internal_client,
            self.reference,
            of_many,
            since,
            # Not without need: miniupnpd takes a pinhole that is asked for again away and makes it anew, and
            # whoever comes in between is kept out.
            doubtful=self._named_at < since,
            lifetime=self.lifetime,
            allow_from=wanted.allow_from,
        )

    def unmap_order(self) -> UnmapOrder:
        """How to delete it; the port last asked for, when none is known to be held."""
        wanted, port = self.wanted, self._port if self.held_port is None else self.held_port
        return UnmapOrder(
            wanted.protocol, wanted.internal_port, port, self.nonce, wanted.internal_client, wanted.allow_from
        )

    def holding(self) -> Holding:
        """What the journal writes down about the order that goes out next, or was granted last."""
        wanted, granted = self.wanted, self.held_port == self._port
        lifetime = round(self._life) if self.expires_at is not None else 0
        return Holding(
            wanted.family,
            wanted.protocol,
            wanted.internal_client or "",
            wanted.internal_port,
            self._port,
            lifetime if granted else self.lifetime,
            self._description,
            self.nonce,
            self.reference,
            granted,
            allow_from=wanted.allow_from,
        )

    def snapshot(self, now: float) -> MappingSnapshot:
        wanted, ladder = self.wanted, self.ladder
        left = None if self.expires_at is None or self.withheld else max(0.0, self.expires_at - now)
        shown = ladder.evidence[:1] if self.withheld else ladder.evidence
        renews = self.due_at if self.external_port is not None else None
        return MappingSnapshot(
            wanted.protocol,
            wanted.internal_port,
            self.external_port,
            self.state,
            wanted.sticky,
            self.listed,
            left,
            self.reason,
            wanted.family,
            wanted.internal_client,
            (self.external_address or None) if self.external_port is not None else None,
            Rung.REQUESTED if self.withheld else ladder.rung,
            shown,
            self.history.attempts,
            None if renews is None else max(0.0, renews - now),
            wanted.label,
            wanted.allow_from,
            None if self.withheld else self.filtering.seen(self._terms.profile.enforces_filters),
        )
