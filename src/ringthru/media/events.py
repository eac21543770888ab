"""What a leg's media tells: values that mean the same whichever engine has the leg."""

from __future__ import annotations

from ringthru.net.address import Endpoint

from ..net.values import frozen
from .rtp.latch import Confirmed, Latched
from .rtp.telephone_event import KeyHeard


@frozen
class FirstPacket:
    """The first audio of the leg was heard."""

    source: Endpoint


@frozen
class Timeout:
    """Nothing was heard for so many seconds; said once per silence."""

    seconds: float


@frozen
class Said:
    """What the leg was to say by itself is over."""


@frozen
class Hungry:
    """Of what a leg is fed so many frames are left; said once, until it has more."""

    left: int


@frozen
class Unexpected:
    """RTP of a type nobody agreed on came, and is dropped; said once per agreement."""

    payload_type: int
    source: Endpoint


@frozen
class Forged:
    """SRTP came that nobody made who has the key, and is dropped; said once per agreement."""

    source: Endpoint


@frozen
class Moved:
    """The leg has other ports now, elsewhere: its peer needs an offer that names them."""


MediaEvent = (
    Latched | Confirmed | FirstPacket | Timeout | KeyHeard | Said | Hungry | Unexpected | Forged | Moved
)
