"""The switches of the fake gateway: how it deviates from a good one.

Lives here: the values. Never here: what they lead to.
"""

from __future__ import annotations

from ..net.values import frozen


@frozen
class Quirks:
    """One gateway's character. The default has none; replace it on a running gateway at any time."""

    permanent_only: bool = False  # UPnP 725 for every lease other than 0 (MikroTik and many)
    conflicts: frozenset[int] = frozenset()  # external ports held by something the table does not show
    secure: bool = False  # UPnP 606 unless the internal client is the asking host (miniupnpd's default)
    refuse: bool = False  # no mapping for anybody: UPnP 606, NAT-PMP 2 ("allow control" is switched off)
    mute: bool = False  # everything is heard, nothing is answered
    garbage: bool = False  # every protocol answers noise
    delay: float = 0.0  # seconds before each answer
    longest_lifetime: int | None = None  # seconds; longer requests are silently cut to it
    external_address: str | None = None  # reported instead of the real one; "" means the gateway has none
    igd_version: int = 1  # 1 or 2: InternetGatewayDevice, WANIPConnection
