"""One packet of audio, as a tap keeps it."""

from __future__ import annotations

from ...net.values import frozen


@frozen
class Frame:
    """``codec`` by its rtpmap name, ``sequence`` of 16 bits, ``timestamp`` in its clock (32 bits)."""

    codec: str
    sequence: int
    timestamp: int
    payload: bytes
