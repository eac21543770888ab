"""What the engine asks of a gateway, whatever it speaks, and what may come of it.

A gateway client (NAT-PMP or UPnP) takes one order at a time and answers each with one outcome.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol as Interface

from ...net.values import frozen
from ..values import GatewayEntry, Protocol


@frozen
class AddressOrder:
    """Ask for the external address."""


@frozen
class MapOrder:
    """Make or renew a mapping; ``lifetime`` in seconds, more than 0."""

    protocol: Protocol
    internal_port: int
    external_port: int
    lifetime: int
    description: str


@frozen
class UnmapOrder:
    """Delete a mapping of ours."""

    protocol: Protocol
    internal_port: int
    external_port: int


@frozen
class InspectOrder:
    """Read a mapping of ours back, for the lifetime that was really granted."""

    protocol: Protocol
    internal_port: int
    external_port: int


@frozen
class EntryOrder:
    """Read the entry at a place in the gateway's table, from 0; whoever made it."""

    index: int


Order = AddressOrder | MapOrder | UnmapOrder | InspectOrder | EntryOrder


class Remedy(Enum):
    """What may help after a refusal."""

    ANOTHER_PORT = "another external port"
    SAME_PORT = "the external port equal to the internal one"
    PERMISSION = "a switch on the gateway; asked again, slowly"
    LATER = "asked again"


@frozen
class AddressTold:
    """The external address as the gateway gave it; empty when it knows none."""

    address: str


@frozen
class Granted:
    """The mapping is made. ``lifetime`` in seconds, 0 for ever; only what we asked, unless ``verified``."""

    external_port: int
    lifetime: int
    verified: bool = True


@frozen
class Unmapped:
    """The mapping is not there any more, or was replaced by somebody else's, which was left alone."""


@frozen
class Inspected:
    """What reading back told: the seconds left (0 for ever), or None when it could not be told."""

    lifetime: int | None
    missing: bool = False  # the gateway said yes before, and does not list the mapping now


@frozen
class EntryTold:
    """An entry of the gateway's table; None: there is one, and it cannot be read."""

    entry: GatewayEntry | None


@frozen
class NoEntry:
    """The gateway gives no entry at that place: ``certain`` or ``likely`` because its table ends there."""

    reason: str
    certain: bool = False
    likely: bool = False


@frozen
class Declined:
    """The gateway said no."""

    reason: str
    remedy: Remedy = Remedy.LATER


@frozen
class Silent:
    """The gateway did not answer; it is to be looked for again."""

    reason: str


@frozen
class EpochReset:
    """The gateway lost its state (RFC 6886 §3.6): every mapping must be made again. Precedes an outcome."""


Outcome = AddressTold | Granted | Unmapped | Inspected | EntryTold | NoEntry | Declined | Silent


class GatewayClient(Interface):
    """One order at a time; the outcome comes as an event."""

    def submit(self, order: Order, now: float) -> None: ...
    def abandon(self) -> None: ...
    def events(self) -> list[Outcome | EpochReset]: ...
