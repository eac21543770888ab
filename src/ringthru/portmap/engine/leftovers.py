"""What an earlier run made by another protocol of the gateway in use: taken away by that protocol.

PCP wants a mapping's nonce, which no other protocol carries, and what others made has none: a mapping can
only be deleted by what made it. The gateway's other services are kept in reserve, and its UPnP side as a
witness; so that is done as soon as the one that is needed is there. What UPnP made is read back first, and
deleted only when it still leads to us; the others cannot hit anybody else's (RFC 6886 §3.4, RFC 6887 §15.1).

Lives here: which of them is next, and what is struck out of the journal. Never here: what is wanted now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from logging import INFO
from typing import Final

from ...net.values import record
from ..discovery.services import Service
from ..gateway.orders import Inspected, InspectOrder, Order, Outcome, UnmapOrder, Unmapped
from ..mapping.deletions import MOST_INHERITED
from ..memory.holding import Forget, GatewayIdentity, Holding, JournalEntry, Note
from ..values import GatewayType
from .in_use import GatewayInUse

PATIENCE: Final = 10.0  # seconds: PCP may yet refuse us, and NAT-PMP take over with what it made before

Elsewhere = tuple[JournalEntry, float | None]  # with the seconds left; None: for ever


@record
class _Row:
    entry: JournalEntry
    left: float | None
    due_at: float
    is_ours: bool = False  # read back, and seen to lead to us
    given_up: bool = False  # it stays in the journal, for the next time


class Leftovers:
    """Those of one gateway; ``is_held`` as ``MappingBook.is_held``."""

    def __init__(self, is_held: Callable[[Holding, bool], bool], log: Callable[[int, str], None]) -> None:
        self._is_held = is_held
        self._log = log
        self._rows: list[_Row] = []
        self._asked: _Row | None = None
        self._notes: list[tuple[Note, GatewayIdentity]] = []

    def take(self, rows: Sequence[Elsewhere], now: float) -> None:
        """Take on what the journal has of the gateway that was found, in place of what was before."""
        self._asked = None
        self._rows = [
            _Row(entry, left, now if entry.gateway.type is GatewayType.UPNP else now + PATIENCE)
            for entry, left in rows[:MOST_INHERITED]
            if not entry.holding.remote  # a flow: nobody can delete it
        ]

    def put_back(self) -> None:
        """The gateway is gone: they are in the journal still."""
        self._rows, self._asked = [], None

    def hurry(self, now: float) -> None:
        """Nobody will want them."""
        for row in self._rows:
            row.due_at = min(row.due_at, now)

    def hand_over(self, kind: GatewayType) -> list[tuple[Holding, float | None]]:
        """That protocol is spoken from now on: what it made before may be wanted, and is the book's."""
        found = [row for row in self._rows if row.entry.gateway.type is kind]
        self._rows = [row for row in self._rows if row not in found]
        return [(row.entry.holding, row.left) for row in found]

    def next_work(self, gateway: GatewayInUse, now: float) -> tuple[Order, Service] | None:
        """What is due, and the service that can do it."""
        for row in self._rows:
            service = self._service_for(row, gateway)
            if service is not None and row.due_at <= now:
                self._asked = row
                return _order(row), service
        return None

    def next_due(self, gateway: GatewayInUse) -> float | None:
        times = (row.due_at for row in self._rows if self._service_for(row, gateway) is not None)
        return min(times, default=None)

    @property
    def count(self) -> int:
        """How many may still be taken away."""
        return sum(not row.given_up for row in self._rows)

    @property
    def is_asked(self) -> bool:
        """Whether the order in flight is one of these."""
        return self._asked is not None

    def told(self, outcome: Outcome | None) -> None:
        """What came of the order in flight; None: it was dropped for something else, and is given again."""
        row, self._asked = self._asked, None
        if row is None or outcome is None:
            return
        if isinstance(outcome, Inspected) and outcome.verified and not outcome.missing:
            row.is_ours = True
            return
        gone = isinstance(outcome, Unmapped) or (isinstance(outcome, Inspected) and outcome.missing)
        row.given_up = not gone
        if gone:
            self._rows.remove(row)
            self._notes.append((Forget(row.entry.holding), row.entry.gateway))
            made, by = row.entry.holding, row.entry.gateway.type.spoken
            words = "deleted" if isinstance(outcome, Unmapped) else "not ours any more"
            port = f"{made.protocol.value} port {made.external_port}"
            self._log(INFO, f"{port}, mapped by {by} in an earlier run: {words}")

    def notes(self) -> list[tuple[Note, GatewayIdentity]]:
        notes, self._notes = self._notes, []
        return notes

    def _service_for(self, row: _Row, gateway: GatewayInUse) -> Service | None:
        kind = row.entry.gateway.type
        by_internal_port = kind is not GatewayType.UPNP  # is what its deletion names
        if row.given_up or self._is_held(row.entry.holding, by_internal_port):
            return None
        return gateway.speaking(kind)


def _order(row: _Row) -> Order:
    made = row.entry.holding
    client = made.internal_client or None
    ports = made.protocol, made.internal_port, made.external_port
    if row.entry.gateway.type is GatewayType.UPNP and not row.is_ours:
        return InspectOrder(*ports, client, made.reference)
    return UnmapOrder(*ports, made.nonce, client, made.allow_from)
