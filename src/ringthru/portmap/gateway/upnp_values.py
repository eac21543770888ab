"""What passes between the UPnP client, its procedures and the driver.

Lives here: the values alone, so that the search for a gateway can start without XML, SOAP and HTTP.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from ...net.address import Endpoint
from ...net.values import frozen, record
from ..wire.location import Location

if TYPE_CHECKING:
    from ..wire.description import WanService
    from ..wire.http import Response


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


Reply: TypeAlias = "Response | HttpFailure"


@frozen
class Ask:
    """One HTTP request: connect, write ``data`` in one piece, read; ``deadline`` seconds for all of it."""

    endpoint: Endpoint
    data: bytes
    deadline: float


@record
class Igd:
    """A gateway in use, and what we have learned of it."""

    described_at: Location
    words: str
    service: WanService
    own_address: str  # ours, the InternalClient of every mapping
    permanent_only: bool = False  # it refuses leases (error 725)
    can_read_back: bool = True  # GetSpecificPortMappingEntry works


@frozen
class IgdFound:
    """A description held a WAN connection that answers."""

    igd: Igd
    address: str  # the external one as told; empty when it knows none


@frozen
class NotIgd:
    """Nothing of use at that location."""

    reason: str
