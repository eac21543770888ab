"""What the engine asks of a gateway, whatever it speaks, and what may come of it.

A gateway client (PCP, NAT-PMP, UPnP) takes one order at a time and answers each with one outcome.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol as Interface

from ...net.address import Endpoint
from ...net.values import frozen
from ..values import GatewayEntry, Protocol

SHARED = 5.0  # seconds for which one reading of a block of ports is good enough for every mapping in it
BLOCK = 100  # external ports read at once: miniupnpd 2.3.1 dies of a list of more than 128 entries (LI18)


@frozen
class AddressOrder:
    """Ask for the external address."""


@frozen
class MapOrder:
    """Make or renew a mapping; ``lifetime`` in seconds, more than 0.

    ``nonce`` is the mapping's own, constant for its life (PCP: 12 bytes; RFC 6887 §11.1). ``internal_client``
    None is ourselves. ``exact``: no other external port will do (PCP: PREFER_FAILURE).
    ``renewal``: the gateway holds it already, and nobody waits for the answer.
    """

    protocol: Protocol
    internal_port: int
    external_port: int
    lifetime: int
    description: str
    nonce: bytes = bytes(12)
    exact: bool = False
    internal_client: str | None = None
    allow_from: tuple[str, ...] = ()
    drops_filters: bool = False  # whom an earlier run let in is not let in any more, but for ``allow_from``
    renewal: bool = False


@frozen
class PeerOrder:
    """Make or keep the translation of our own flow to one peer, and tell its external side (RFC 6887 §12).

    PCP only. ``lifetime`` in seconds, more than 0; ``nonce`` as in ``MapOrder``. ``external_port`` 0:
    whatever the gateway gives, or has given to that flow already.
    """

    protocol: Protocol
    internal_port: int
    remote: Endpoint
    lifetime: int
    nonce: bytes
    external_port: int = 0
    internal_client: str | None = None


@frozen
class UnmapOrder:
    """Delete a mapping of ours; the fields as in the ``MapOrder`` that made it."""

    protocol: Protocol
    internal_port: int
    external_port: int
    nonce: bytes = bytes(12)
    internal_client: str | None = None
    allow_from: tuple[str, ...] = ()


@frozen
class InspectOrder:
    """Read a mapping of ours back: is it listed, does it lead to us, how long does it live?

    ``of_many``: others of its ``BLOCK`` of ports are to be read back within ``SHARED`` seconds too, so that
    one reading may do for all; one from before ``since`` proves nothing. ``doubtful``: what bears
    ``reference`` may be another's by now. Then a pinhole is asked for again, with ``lifetime`` and
    ``allow_from`` as in the ``MapOrder`` that made it, as nothing else tells whose it is. Lifetime 0: it is
    only looked at, whatever is seen.
    """

    protocol: Protocol
    internal_port: int
    external_port: int
    internal_client: str | None = None
    reference: str = ""
    of_many: bool = False
    since: float = 0.0
    doubtful: bool = False
    lifetime: int = 0
    allow_from: tuple[str, ...] = ()


@frozen
class EntryOrder:
    """Read the entry at a place in the gateway's table, from 0; whoever made it."""

    index: int


Order = AddressOrder | MapOrder | PeerOrder | UnmapOrder | InspectOrder | EntryOrder


class Remedy(Enum):
    """What may help after a refusal."""

    ANOTHER_PORT = "another external port"
    SAME_PORT = "the external port equal to the internal one"
    PERMISSION = "a switch on the gateway; asked again, slowly"
    ROOM = "fewer mappings: the gateway's table is full"
    NOTHING = "another gateway: this one has no request for it"
    ANOTHER_SERVICE = "another protocol of the gateway, if it has one"
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
    external_address: str = ""  # told by some gateways with each mapping; empty: not told
    reference: str = ""  # what later orders about it must carry (an IPv6 pinhole's UniqueID)


@frozen
class Unmapped:
    """The mapping is not there any more, or was replaced by somebody else's, which was left alone."""


@frozen
class Inspected:
    """What reading back told.

    ``lifetime``: the seconds left (0 for ever), None when it could not be told. ``missing``: the gateway said
    yes before, and does not list the mapping now, or lists it for somebody else. ``verified`` False: it could
    not be looked at, which is no failure; ``named``: though something bears its name, which may be another's.
    ``words``: what was seen, or why nothing could be. ``reference``: what it is known by since it was looked
    at, where that is something else now.
    """

    lifetime: int | None
    missing: bool = False
    verified: bool = True
    words: str = ""
    reference: str = ""
    named: bool = False


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
    """The gateway said no. ``retry_after``: seconds it wants to be left alone about it; 0: not told."""

    reason: str
    remedy: Remedy = Remedy.LATER
    retry_after: int = 0


@frozen
class Silent:
    """The gateway did not answer; it is to be looked for again."""

    reason: str


@frozen
class EpochReset:
    """The gateway lost its state (RFC 6886 §3.6, RFC 6887 §8.5): every mapping must be made again.

    Precedes an outcome.
    """


Outcome = AddressTold | Granted | Unmapped | Inspected | EntryTold | NoEntry | Declined | Silent


class GatewayClient(Interface):
    """One order at a time; the outcome comes as an event."""

    def submit(self, order: Order, now: float) -> None: ...
    def abandon(self) -> None: ...
    def events(self) -> list[Outcome | EpochReset]: ...
