"""One packet of audio, as a tap keeps it."""

from __future__ import annotations

from ..net.values import frozen


@frozen
class Frame:
    """``codec`` by its rtpmap name, ``timestamp`` in its clock (32 bits)."""

    codec: str
    timestamp: int
    payload: bytes
