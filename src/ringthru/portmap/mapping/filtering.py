"""Whether a gateway keeps out whom a mapping does not allow (PCP's FILTER, RFC 6887 §13.3).

A gateway that repeats the option in its answer has said so, and no more. Proof is somebody outside: one whom
the filter names comes in, one whom it does not name tries in vain. One stranger who does come in is proof of
the opposite.

Lives here: the evidence about one mapping, and what follows from it. Never here: who knocks, or events.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

from ...net.address import parse_address
from ...net.values import frozen
from ..snapshots import Filtering, FilterTruth

UNTRIED: Final = "the gateway agreed to it, and nobody outside has tried"
LEARNED: Final = {
    True: "; gateways of its kind were seen to keep strangers out",
    None: "",
}
LEARNED_OPEN: Final = "gateways of its kind agree to it, and were seen to let everybody in"


def is_allowed(remote: str, allow_from: Iterable[str]) -> bool:
    """Whether a mapping's ``allow_from`` names that address; no network at all names everybody."""
    networks = [ip_network(each, strict=False) for each in allow_from]
    address = parse_address(remote.partition("%")[0])
    return not networks or any(address in each for each in networks if address is not None)


@frozen
class _Knock:
    """What became of the latest one who tried, from one side of the filter."""

    came: bool
    words: str
    at: float


class FilterRecord:
    """The evidence about the filter of one mapping; without ``allow_from`` there is nothing to know."""

    def __init__(self, allow_from: tuple[str, ...]) -> None:
        self._allow_from = allow_from
        self._granted_at: float | None = None
        self._inside: _Knock | None = None
        self._stranger: _Knock | None = None

    def granted(self, now: float, anew: bool) -> None:
        """The gateway agreed; ``anew``: not a renewal, so that nothing is proven any more."""
        if anew or self._granted_at is None:
            self.doubted()
            self._granted_at = now

    def lost(self) -> None:
        """The mapping is not there any more."""
        self._granted_at = None
        self.doubted()

    def doubted(self) -> None:
        """The gateway lost its state: what was tried before proves nothing now."""
        self._inside = self._stranger = None

    def tried(self, remote: str, came: bool, words: str, now: float) -> bool:
        """Somebody at ``remote`` came in, or tried in vain. True when that settles it, and is news."""
        if not self._allow_from or self._granted_at is None:
            return False
        before = self._truth()
        knock = _Knock(came, words, now)
        if is_allowed(remote, self._allow_from):
            self._inside = knock
        elif came or self._stranger is None or not self._stranger.came:  # that one came in stays true
            self._stranger = knock
        return self._truth() not in (before, FilterTruth.WORD)

    def seen(self, enforces: bool | None = None) -> Filtering | None:
        """What is known; ``enforces`` is what earlier mappings taught of such gateways. None: no filter."""
        if not self._allow_from or self._granted_at is None:
            return None
        truth, stranger, inside = self._truth(), self._stranger, self._inside
        if stranger is not None and truth is FilterTruth.NOT_ENFORCED:
            return Filtering(truth, f"{stranger.words}, which is not among those who may", stranger.at)
        if stranger is not None and inside is not None and truth is FilterTruth.ENFORCED:
            words = f"{inside.words}; {stranger.words}, as it should be"
            return Filtering(truth, words, max(inside.at, stranger.at))
        if enforces is False:
            return Filtering(FilterTruth.NOT_ENFORCED, LEARNED_OPEN, self._granted_at)
        words, at = self._undecided()
        return Filtering(truth, words + LEARNED[enforces], at)

    def _truth(self) -> FilterTruth:
        if self._stranger is not None and self._stranger.came:
            return FilterTruth.NOT_ENFORCED
        both = self._stranger is not None and self._inside is not None
        return FilterTruth.ENFORCED if both and self._inside and self._inside.came else FilterTruth.WORD

    def _undecided(self) -> tuple[str, float]:
        """Why nobody can tell, and since when."""
        assert self._granted_at is not None
        stranger, inside = self._stranger, self._inside
        if stranger is not None and inside is not None:
            return f"{stranger.words}, and those who may do not come in either", stranger.at
        if stranger is not None:
            words = "nobody who may come in has tried, so that it may be the filter or not"
            return f"{stranger.words}; {words}", stranger.at
        if inside is not None:
            return f"{inside.words}, who may; nobody has tried who may not", inside.at
        return UNTRIED, self._granted_at
