"""The arithmetic of conferences in C where that is built, else in Python; the octets are the same.

Lives here: which of the two. Never here: the arithmetic (``sound/mixing``, ``native/mixing.c``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..sound import mixing
from ..sound.mixing import Name, Sums
from .native_sources import is_stale

SUMS: Sums = mixing.sums_of
loudness: Callable[[bytes], int] = mixing.loudness
try:
    from . import _native
except ImportError:
    pass
else:
    if not is_stale(getattr(_native, "SOURCES", "")):
        SUMS, loudness = _native.mix, _native.loudness


def mix(voices: Mapping[Name, bytes]) -> tuple[bytes, dict[Name, bytes]]:
    """As ``sound.mixing.mix``."""
    return mixing.mix(voices, SUMS)
