"""Chance, as the engine needs it: drawn from one source of random bytes that is handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LOWEST_PICK: Final = 20000  # external ports to try after a conflict: clear of services and of what …
PICKS: Final = 40000  # … gateways reserve for themselves
NONCE: Final = 12  # bytes (RFC 6887 §11.1)


class Chance:
    """``entropy`` gives that many random bytes."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self.entropy = entropy

    def share(self) -> float:
        """Evenly from 0 up to, not including, 1."""
        return int.from_bytes(self.entropy(6)) / 2.0**48

    def port(self) -> int:
        """An external port to try after a conflict."""
        return LOWEST_PICK + int.from_bytes(self.entropy(4)) % PICKS

    def nonce(self) -> bytes:
        """What a mapping proves to be ours by, for its whole life."""
        return self.entropy(NONCE)
