"""What is to be deleted: leases that were released, grants that would not do, and what an earlier run left.

Lives here: the queue, and how long what was found in the journal may wait for somebody who wants it.
Never here: mappings that stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...net.values import replace
from ..gateway.orders import Granted, UnmapOrder
from ..memory.holding import Holding
from .lease import Lease
from .ledger import HoldingKey, LeaseKey, Ledger
from .teller import Teller

GRACE: Final = 10.0  # seconds in which what an earlier run left may still be wanted
MOST_INHERITED: Final = 512  # journal rows taken on at one time


class Deletions:
    """Orders to delete; none is dropped before somebody said what came of it."""

    def __init__(self, ledger: Ledger, teller: Teller) -> None:
        self._ledger = ledger
        self._teller = teller
        self._leaving: dict[Lease, UnmapOrder] = {}
        self._rows: dict[Lease, list[HoldingKey]] = {}  # of the journal, of those that leave
        self._strays: dict[UnmapOrder, HoldingKey] = {}  # granted, but not what was wanted
        self._inherited: dict[HoldingKey, Holding] = {}  # may still be wanted
        self._kept: dict[LeaseKey, Holding] = {}  # a person's: not ours to delete
        self._grace_ends_at: float | None = None

    @property
    def none_left(self) -> bool:
        return not self._leaving and not self._strays

    def add_lease(self, lease: Lease) -> None:
        self._leaving[lease] = lease.unmap_order()
        self._rows[lease] = self._ledger.doom_all(lease.key)

    def granted_after_all(self, lease: Lease, grant: Granted) -> None:
        """One that leaves was made while it was released, perhaps at another port than it was asked for.

        IGD:2 grants what is free (AddAnyPortMapping), and deletes by the port alone.
        """
        order = self._leaving.get(lease)
        if order is None or order.external_port == grant.external_port:
            return
        self._leaving[lease] = replace(order, external_port=grant.external_port)
        made = replace(lease.holding(), external_port=grant.external_port, reference=grant.reference)
        self._ledger.keep(made)
        self._ledger.doom(made.key)
        self._rows[lease].append(made.key)

    def add_stray(self, lease: Lease, port: int) -> None:
        """A grant that will not do: written down as granted, to be deleted."""
        wanted = lease.wanted
        order = UnmapOrder(
            wanted.protocol,
            wanted.internal_port,
            port,
            lease.nonce,
            wanted.internal_client,
            wanted.allow_from,
        )
        self._strays[order] = lease.key_at(port)
        self._ledger.doom(lease.key_at(port))

    def first(self) -> tuple[UnmapOrder, Lease | None] | None:
        for lease, order in self._leaving.items():
            return order, lease
        return next(((order, None) for order in self._strays), None)

    def done(self, order: UnmapOrder, lease: Lease | None, agreed: bool) -> bool:
        """Strike it off the list. False: it was not on it."""
        if lease is not None:
            return self._departed(lease, agreed)
        key = self._strays.pop(order, None)
        if key is not None:
            self._settle(key, agreed)
        return key is not None

    def give_up(self) -> None:
        """There is nobody to ask: what may remain stays in the journal."""
        for lease in list(self._leaving):
            self._departed(lease, agreed=False)
        for order in list(self._strays):
            self.done(order, None, agreed=False)
        self.put_back()

    def put_back(self) -> None:
        """The gateway is gone: what its journal held is handed over again when it is back."""
        for key in self._inherited:
            self._ledger.leave(key)
        self._inherited.clear()
        self._grace_ends_at = None

    # What an earlier run left

    def inherit(self, holdings: Sequence[tuple[Holding, float | None]], now: float) -> None:
        """Take rows of the journal with the seconds they have left, None: for ever."""
        known = set(self._strays.values()) | {
            lease.key_at(o.external_port) for lease, o in self._leaving.items()
        }
        for holding, left in holdings:
            if left is not None and left <= 0:
                self._ledger.strike(holding)
            elif holding.key not in known and len(self._inherited) < MOST_INHERITED:
                self._ledger.took_over(holding)
                self._inherited[holding.key] = holding
        self._grace_ends_at = now + GRACE if self._inherited else None

    def borrow(self, kept: Sequence[Holding]) -> None:
        """Take note of what a person wants to stay: lent to whoever wants it, and never deleted."""
        self._kept = {holding.key[:4]: holding for holding in kept[:MOST_INHERITED]}

    def lend(self, lease: Lease) -> None:
        """Give a lease what an earlier run held for it; other rows of the same port are to be deleted now."""
        kept = self._kept.get(lease.key)
        if kept is not None and lease.inherit(kept):
            lease.kept = True
            self._ledger.keep_for_good(kept)
        rows = [row for key, row in self._inherited.items() if key[:4] == lease.key]
        lent = False
        for row in sorted(rows, key=lambda row: row.granted, reverse=True):
            del self._inherited[row.key]
            if not lent and lease.inherit(row):
                lent = True
            else:
                self._delete(row)
        if not self._inherited:
            self._grace_ends_at = None

    def expire(self, now: float) -> None:
        """Nobody wanted it in time: delete it."""
        if self._grace_ends_at is not None and now >= self._grace_ends_at:
            self.end_grace()

    def end_grace(self) -> None:
        """Nobody will want it any more."""
        for row in self._inherited.values():
            self._delete(row)
        self._inherited.clear()
        self._grace_ends_at = None

    def next_expiry(self) -> float | None:
        return self._grace_ends_at

    def _delete(self, row: Holding) -> None:
        order = UnmapOrder(
            row.protocol,
            row.internal_port,
            row.external_port,
            row.nonce,
            row.internal_client or None,
            row.allow_from,
        )
        self._strays[order] = row.key
        self._ledger.doom(row.key)

    def _departed(self, lease: Lease, agreed: bool) -> bool:
        order = self._leaving.pop(lease, None)
        if order is None:
            return False
        for key in self._rows.pop(lease, ()):
            self._settle(key, agreed)
        self._teller.departed(lease, order.external_port, agreed)
        return True

    def _settle(self, key: HoldingKey, agreed: bool) -> None:
        if agreed:
            self._ledger.forget(key)
        else:
            self._ledger.leave(key)
