"""What our mappings teach us about the gateway in use.

Lives here: from which observations a lesson follows. Never here: files, or what UPnP answers teach.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import INFO
from typing import Final

from ..memory.profile import GatewayProfile
from .ladder import CHECK_EVERY, CHECKS
from .terms import Terms

VANISHED_TWICE: Final = 2  # once may be somebody at the gateway's menu
SMALLEST_TABLE: Final = 8  # entries: fewer of ours in it, and it is not the table that is too small


class Lessons:
    """Changes the profile in the terms that all leases share; ``learned()`` drains what is to be saved."""

    def __init__(self, terms: Terms, log: Callable[[int, str], None]) -> None:
        self._terms = terms
        self._log = log
        self._vanished = 0
        self._learned: list[GatewayProfile] = []

    def use(self, profile: GatewayProfile) -> None:
        """Another gateway, or the same one as somebody else knows it."""
        if profile.fingerprint != self._terms.profile.fingerprint:
            self._vanished = 0
        self._terms.profile = profile

    def learned(self) -> list[GatewayProfile]:
        """Drain them, latest last."""
        learned, self._learned = self._learned, []
        return learned

    def vanished(self, seen_for: float) -> None:
        """A mapping that was listed for so many seconds is not any more (LI07, LI09)."""
        self._vanished += 1
        if self._vanished < VANISHED_TWICE:
            return
        known = self._terms.profile.recheck_every
        every = min(max(seen_for, CHECKS[0]), CHECK_EVERY)
        if known is None or every < known:
            self._learn(f"mappings vanish: looked at every {every:.0f} s", recheck_every=every)

    def does_not_extend(self) -> None:
        """Asking again does not lengthen a lease, or fails (AD33, AD34)."""
        self._learn("renewing takes deleting first", renew_by_delete=True)

    def table_full(self, listed: int) -> None:
        """It said yes and did nothing, with so many of ours in its table (AD15, AD16)."""
        known = self._terms.profile.table_size
        if listed >= SMALLEST_TABLE and (known is None or listed < known):
            self._learn(f"its table holds about {listed} entries", table_size=listed)

    def filters(self, enforced: bool) -> None:
        """Strangers are kept out, or are not (PC10). That one came in outweighs every one who did not."""
        if enforced and self._terms.profile.enforces_filters is False:
            return
        words = "keeps strangers out" if enforced else "lets in everybody, whatever filter it agrees to"
        self._learn(words, enforces_filters=enforced)

    def _learn(self, words: str, **lesson: object) -> None:
        profile = self._terms.profile.learn(**lesson)
        if profile == self._terms.profile:
            return  # known, or decided by a person
        self._log(INFO, f"learned of the NAT gateway: {words}")
        self._terms.profile = profile
        self._learned = [each for each in self._learned if each.fingerprint != profile.fingerprint]
        self._learned.append(profile)
