"""Reading the gateway's whole table, one entry at a time, until it says that there is no more.

Lives here: who asked for the table, how far each reading is, and when it is over.
Never here: SOAP; the gateway in use.
"""

from __future__ import annotations

from typing import Final

from ...net.values import replace
from ..errors import LocalError
from ..values import GatewayEntry, GatewayListing, is_number
from .orders import EntryOrder, EntryTold, NoEntry, Outcome

DEADLINE: Final = 10.0  # seconds for a whole reading
MOST_REPEATS: Final = 3  # entries like the one before: some gateways give their last one for ever
LONGEST_TABLE: Final = 65535  # entries; the index has 16 bits


class Listing:
    """One reading of the table; over as soon as ``result`` is there.

    Raises:
        LocalError: a limit outside 1–65535.
    """

    def __init__(self, limit: int, now: float) -> None:
        if not is_number(limit, LONGEST_TABLE):
            raise LocalError(f"a list of {limit} entries: 1 to {LONGEST_TABLE} make sense")
        self.deadline = now + DEADLINE
        self.result: GatewayListing | None = None
        self._limit = limit
        self._index = 0
        self._entries: list[GatewayEntry] = []
        self._unreadable = self._repeats = 0

    def order(self) -> EntryOrder:
        return EntryOrder(self._index)

    def told(self, outcome: EntryTold | NoEntry) -> None:
        """Take what came of ``order()``."""
        if isinstance(outcome, NoEntry):
            self._at_the_end(outcome)
            return
        self._index += 1
        if outcome.entry is None:
            self._unreadable += 1
        elif self._is_repeated(outcome.entry):
            self._repeats += 1
        else:
            self._entries.append(outcome.entry)
            self._repeats = 0
        if self._repeats >= MOST_REPEATS:
            self.end("the gateway repeats its last entry")
        elif self._index >= self._limit:
            self.end(f"not read beyond {self._limit} entries")

    def end(self, reason: str) -> None:
        """It is over; ``reason`` why not everything is there, empty when it is."""
        if self.result is None:
            self.result = GatewayListing(tuple(self._entries), not reason, reason)

    def _is_repeated(self, entry: GatewayEntry) -> bool:
        """Whether it is the entry before, a second older perhaps."""
        return bool(self._entries) and entry == replace(self._entries[-1], lifetime=entry.lifetime)

    def _at_the_end(self, end: NoEntry) -> None:
        """An error at the very first place may also mean that the gateway cannot list at all."""
        if end.certain or (end.likely and self._index):
            self.end(f"entries that could not be read: {self._unreadable}" if self._unreadable else "")
        elif self._index:
            self.end(f"at entry {self._index} the gateway said: {end.reason}")
        else:
            self.end(f"the gateway does not list its mappings: {end.reason}")


class Listings:
    """The readings that were asked for; the first is served first."""

    def __init__(self) -> None:
        self._waiting: list[Listing] = []
        self._asked: Listing | None = None  # whose order is in flight

    def add(self, listing: Listing) -> None:
        self._waiting.append(listing)

    def next_order(self) -> EntryOrder | None:
        """What to ask for now; its outcome must come to ``told``."""
        self._asked = self._waiting[0] if self._waiting else None
        return None if self._asked is None else self._asked.order()

    def told(self, outcome: Outcome) -> None:
        if self._asked is not None and isinstance(outcome, EntryTold | NoEntry):
            self._asked.told(outcome)  # one that is over by its deadline keeps its result
            self._sweep()

    def end_all(self, reason: str) -> None:
        for listing in self._waiting:
            listing.end(reason)
        self._sweep()

    def expire(self, now: float) -> None:
        for listing in self._waiting:
            if now >= listing.deadline:
                listing.end(f"not read to its end within {DEADLINE:g} s")
        self._sweep()

    def next_timeout(self) -> float | None:
        return min((each.deadline for each in self._waiting), default=None)

    def _sweep(self) -> None:
        self._waiting = [each for each in self._waiting if each.result is None]
