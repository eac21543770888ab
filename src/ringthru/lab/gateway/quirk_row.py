"""One row of the quirk catalogue, and what a client can be expected to reach under it.

Lives here: the shape of a row. Never here: the rows (quirk_rows_*), or what a gateway does about them.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen


@frozen
class Expectation:
    """How far the ladder of truth can be climbed under a row by a client that makes no mistake.

    True: the row stands in nobody's way on that rung (a protocol without a listing still has none).
    """

    accepted: bool = True
    listed: bool = True  # a client can read the mapping back
    reachable: bool = True  # what comes from outside arrives

    def __and__(self, other: Expectation) -> Expectation:
        """Under both rows."""
        return Expectation(
            self.accepted and other.accepted, self.listed and other.listed, self.reachable and other.reachable
        )


WORKS: Final = Expectation()
UNLISTED: Final = Expectation(listed=False)  # it works, but nobody can read it back
NOT_FORWARDED: Final = Expectation(reachable=False)
IN_NAME_ONLY: Final = Expectation(listed=False, reachable=False)
NOTHING: Final = Expectation(accepted=False, listed=False, reachable=False)


@frozen
class Row:
    """``title`` says what the gateway does; ``excludes`` names rows it cannot be played with."""

    id: str
    title: str
    expectation: Expectation = WORKS
    excludes: tuple[str, ...] = ()

    @property
    def protocol(self) -> str:
        """Whose answers it changes: "upnp", "pinholes", "natpmp", "pcp" or "world" (all of them)."""
        return PROTOCOLS[self.id[:2]]

    @property
    def section(self) -> str:
        return SECTIONS[self.id[:2]]


PROTOCOLS: Final = {
    "SD": "upnp",
    "HT": "upnp",
    "DE": "upnp",
    "AD": "upnp",
    "LI": "upnp",
    "EX": "upnp",
    "P6": "pinholes",
    "NP": "natpmp",
    "PC": "pcp",
    "TO": "world",
}
SECTIONS: Final = {
    "SD": "SSDP",
    "HT": "HTTP",
    "DE": "descriptions",
    "AD": "adding",
    "LI": "listing, deletion, persistence",
    "EX": "external address and status",
    "P6": "IPv6 pinholes",
    "NP": "NAT-PMP",
    "PC": "PCP",
    "TO": "topology",
}
