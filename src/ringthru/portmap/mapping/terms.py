"""What every lease of one book shares: how long to ask for, chance, and the ways of the gateway in use.

Lives here: the values the book is given. Never here: what becomes of any one mapping.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from ...net.values import record
from ..memory.profile import GatewayProfile
from ..values import GatewayType
from .calendar import Calendar


@record
class Terms:
    """``lifetime`` in seconds, what leases ask for; ``random`` gives 0 to 1, ``nonce`` 12 bytes.

    ``profile`` is replaced, never mutated, when another gateway is used or this one taught us something.
    """

    lifetime: int
    pick_port: Callable[[], int]
    random: Callable[[], float]
    nonce: Callable[[], bytes]
    profile: GatewayProfile
    reads_back: bool | None = None  # the gateway can be asked about one mapping; None: not known yet
    speaks: GatewayType | None = None  # its protocol
    calendar: Calendar = field(default_factory=Calendar)  # where leases enter their instants
