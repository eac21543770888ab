"""Who calls, and which way: what a leg is told about the other end."""

from __future__ import annotations

from enum import Enum

from ..net.values import frozen


class Direction(Enum):
    """Seen from the switch."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@frozen
class Caller:
    """Who calls: what is shown to the called side."""

    name: str
    number: str
