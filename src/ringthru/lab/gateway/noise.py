"""Noise: bytes that mean nothing, the same for the same request.

Lives here: the noise of a gateway that has lost its mind.
Never here: anything random; a failing test must fail again.
"""

from __future__ import annotations

from hashlib import shake_128


def noise(request: bytes, length: int) -> bytes:
    """``length`` bytes that depend on the request alone."""
    return shake_128(request).digest(length)
