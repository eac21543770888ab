"""What passes between the UPnP client, its procedures and the driver.

Lives here: the values alone, so that the search for a gateway can start without XML, SOAP and HTTP.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from ...net.address import Endpoint, parse_address
from ...net.values import frozen, record
from ..memory.profile import GatewayProfile
from ..values import GatewayEntry, Protocol
from ..wire.location import Location

if TYPE_CHECKING:
    from ..wire.description import WanService
    from ..wire.http import Response
    from ..wire.soap import Success


# Whose server takes what comes on any connection first, by its name in SERVER: others must have shown it
SERVES_SEVERAL: Final = "miniupnpd"
# Who tells of a pinhole to the host it leads to alone, by the same name: others must have shown it
GUARDS_NAMES: Final = "miniupnpd"


class FailureKind(Enum):
    """How an HTTP exchange failed."""

    REFUSED = "refused"  # nobody listens there (any more)
    TIMEOUT = "timeout"
    BROKEN = "broken"  # reset, or not HTTP


@frozen
class HttpFailure:
    """No response came."""

    kind: FailureKind
    reason: str
    ahead: bool = False  # a connection opened ahead was used, or stood beside, and may be the cause


Reply: TypeAlias = "Response | HttpFailure"


@frozen
class Ask:
    """One HTTP request: connect, write ``data`` in one piece, read; ``deadline`` seconds for all of it.

    ``rest``: seconds in which the gateway is left alone before. ``ahead``: while this is answered, the
    connection for the next request may be opened; the request itself still waits for this answer.
    """

    endpoint: Endpoint
    data: bytes
    deadline: float
    rest: float = 0.0
    ahead: bool = False
    leads_on: bool = False  # another request follows for certain


@frozen
class Watched:
    """A mapping of ours as last read back, to notice that adding again does not prolong it (AD33)."""

    asked: int  # seconds, of the latest AddPortMapping
    left: int | None = None  # seconds, as last read back
    at: float = 0.0  # when that was
    renewed: bool = False  # added again since


@frozen
class Reading:
    """What a block of the table held ``at`` an instant, by external port; nothing where it cannot be read."""

    at: float
    entries: dict[int, GatewayEntry]


@record
class Igd:
    """A service in use, and what we have learned of it; ``profile`` is replaced, never changed."""

    described_at: Location
    words: str
    service: WanService
    own_address: str  # ours, the InternalClient of every mapping
    profile: GatewayProfile = GatewayProfile()
    udn: str = ""  # this one gateway's name, in its own words
    extended: bool = False  # it answers M-POST, and POST with nonsense
    shows_entries: bool = False  # it has told of a mapping: what it does not list is not there
    other_types_tried: bool = False
    argument_order: tuple[str, ...] = ()  # of AddPortMapping, as its SCPD has it; empty: the standard's
    table: tuple[GatewayEntry | None, ...] | None = None  # being told, entry by entry
    table_too_long: bool = False  # to look for one entry in it again, place by place
    readings: dict[tuple[Protocol, int], Reading] = field(default_factory=dict)  # by protocol and block
    watched: dict[tuple[Protocol, int], Watched] = field(default_factory=dict)
    conflicts: dict[tuple[Protocol, int], int] = field(default_factory=dict)  # since the last grant
    outbound_timeout: int | None = None  # seconds an IPv6 firewall lets answers in; None: not told
    refused_a_name: bool = False  # to tell of what it told of before: another host's by then

    faults: dict[str, int] = field(default_factory=dict)  # how often, by code
    heard: tuple[str, Response, Success] | None = None  # the latest action that succeeded, and how

    def learn(self, **lessons: object) -> None:
        self.profile = self.profile.learn(**lessons)

    @property
    def bears_connections(self) -> bool:
        """Whether a connection may be opened while it answers on another one; not where it wants pauses."""
        known, told = self.profile.serves_several, self.profile.fingerprint
        several = SERVES_SEVERAL in told.lower() if known is None else known
        return several and not self.profile.pace

    @property
    def guards_names(self) -> bool:
        """Whether an IPv6 firewall tells of a pinhole to nobody but its host: what it tells us of is ours."""
        return self.refused_a_name or GUARDS_NAMES in self.profile.fingerprint.lower()


@frozen
class IgdFound:
    """A description held a WAN connection, or an IPv6 firewall, that answers."""

    igd: Igd
    address: str  # the external one as told; empty when it knows none
    status: str = ""  # in its own words; empty: not asked, or not told
    connected: bool = True  # as far as it tells: a rank, never a veto


def is_no_address(text: str) -> bool:
    """Whether a gateway told no external address: nothing, nonsense, or 0.0.0.0 (EX01, EX02)."""
    address = parse_address(text)
    return address is None or address.is_unspecified


@frozen
class NotIgd:
    """Nothing of use at that location."""

    reason: str
