"""What was asked about one mapping and what came of it, in words that ``explain`` prints.

Lives here: the latest exchanges, bounded, and how orders and outcomes read. Never here: decisions.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ..gateway.orders import (
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    Order,
    Outcome,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ..snapshots import Attempt
from ..values import GatewayType, printable

MOST_ATTEMPTS: Final = 32  # remembered for each mapping


class History:
    """The latest exchanges; the same one again and again is one entry, with its latest time."""

    def __init__(self) -> None:
        self._attempts: deque[Attempt] = deque(maxlen=MOST_ATTEMPTS)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(self._attempts)

    def add(self, attempt: Attempt) -> None:
        last = self._attempts[-1] if self._attempts else None
        if last is not None and (last.asked, last.reading) == (attempt.asked, attempt.reading):
            self._attempts.pop()
        self._attempts.append(attempt)


def asked_words(order: Order, speaks: GatewayType | None = None) -> str:
    """An order in words; ``speaks`` is the protocol of the gateway, when it is known."""
    if isinstance(order, MapOrder):
        words = f"map {_ports(order)}, wants external {order.external_port} for {order.lifetime} s"
        words += ", that number or none" if order.exact else ""
        words += f", only from {' '.join(order.allow_from)}" if order.allow_from else ""
    elif isinstance(order, UnmapOrder):
        words = f"delete {_ports(order)}, external {order.external_port}"
    elif isinstance(order, InspectOrder):
        words = f"read back {_ports(order)}, external {order.external_port}"
        speaks = GatewayType.UPNP if speaks else None  # nobody else can read the table
    else:
        words = type(order).__name__
    return f"{speaks.spoken} {words}" if speaks else words


def answer_words(outcome: Outcome) -> str:
    """What the gateway said, in words."""
    if isinstance(outcome, Granted):
        address = f" at {printable(outcome.external_address)}" if outcome.external_address else ""
        return f"external port {outcome.external_port}{address}, {life_words(outcome.lifetime)}"
    if isinstance(outcome, Declined | Silent):
        return outcome.reason
    if isinstance(outcome, Unmapped):
        return "deleted"
    if isinstance(outcome, Inspected):
        return outcome.words or ("not listed" if outcome.missing else "nothing told")
    return type(outcome).__name__


def life_words(lifetime: int) -> str:
    return f"for {lifetime} s" if lifetime else "for ever"


def _ports(order: MapOrder | UnmapOrder | InspectOrder) -> str:
    client = f" of {order.internal_client}" if order.internal_client else ""
    return f"{order.protocol.value} {order.internal_port}{client}"
