"""The switches of the fake gateway: how it deviates from a good one.

Lives here: the values, and the table of all rows. Never here: what they lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import reduce
from operator import and_
from types import MappingProxyType
from typing import Final

from ...net.values import frozen
from .quirk_row import WORKS, Expectation, Row
from .quirk_rows_5351 import NATPMP, PCP
from .quirk_rows_discovery import DESCRIPTIONS, HTTP, SSDP
from .quirk_rows_mapping import ADDING, ADDRESS, LISTING, PINHOLES
from .quirk_rows_topology import TOPOLOGY

ROWS: Final[Mapping[str, Row]] = MappingProxyType(
    {
        row.id: row
        for part in (SSDP, HTTP, DESCRIPTIONS, ADDING, LISTING, ADDRESS, PINHOLES, NATPMP, PCP, TOPOLOGY)
        for row in part
    }
)


@frozen
class Quirks:
    """One gateway's character. The default has none; replace it on a running gateway at any time.

    Raises:
        ValueError: a row that is not in ``ROWS``, or two rows that exclude each other.
    """

    permanent_only: bool = False  # UPnP 725 for every lease other than 0 (MikroTik and many)
    conflicts: frozenset[int] = frozenset()  # external ports held by something the table does not show
    secure: bool = False  # UPnP 606 unless the internal client is the asking host (miniupnpd's default)
    refuse: bool = False  # no mapping for anybody: UPnP 606, NAT-PMP 2 ("allow control" is switched off)
    mute: bool = False  # everything is heard, nothing is answered
    garbage: bool = False  # every protocol answers noise
    delay: float = 0.0  # seconds before each answer
    loss: float = 0.0  # the part of all questions that gets no answer, 0 to 1
    longest_lifetime: int | None = None  # seconds; longer requests are silently cut to it
    external_address: str | None = None  # reported instead of the real one; "" means the gateway has none
    igd_version: int = 1  # 1 or 2: InternetGatewayDevice, WANIPConnection
    rows: frozenset[str] = frozenset()  # IDs of the quirk catalogue, each one switch
    second_address: str | None = None  # the gateway's other address (SD02, SD23, NP12); None: one beside it
    legacy: bool = False  # services under the names of the DSL Forum, as routers of before 2005 have them
    manufacturer: str = "Ringthru"  # in the description
    model: str = ""  # in the description; "": the laboratory's own words
    server: str = "Linux/6 UPnP/1.1 RingthruLab/1"  # SERVER of SSDP and HTTP
    table_size: int | None = None  # entries (AD14, AD15, AD16); None: what the row says

    def __post_init__(self) -> None:
        check_rows(self.rows)

    def has(self, row: str) -> bool:
        """Whether the gateway plays a row; ``row`` must exist, so that a test cannot ask in vain.

        Raises:
            ValueError: there is no such row.
        """
        if row not in ROWS:
            raise ValueError(_unknown(row))
        return row in self.rows

    def expectation(self, protocol: str) -> Expectation:
        """What a client can reach by "upnp", "pinholes", "natpmp" or "pcp" under all rows together."""
        found = (ROWS[row] for row in self.rows)
        return reduce(and_, (r.expectation for r in found if r.protocol in (protocol, "world")), WORKS)


def check_rows(rows: Iterable[str]) -> None:
    """Raises:
    ValueError: a row that does not exist, naming the nearest, or rows that exclude each other.
    """
    known = set(rows)
    for row in sorted(known):
        if row not in ROWS:
            raise ValueError(_unknown(row))
    for row in sorted(known):
        for other in ROWS[row].excludes:
            if other in known:
                raise ValueError(f"rows {row} and {other} exclude each other")


def _unknown(row: str) -> str:
    padded = row.upper()[:2] + row[2:].zfill(2)  # AD1 means AD01
    nearest = padded if padded in ROWS else get_close_matches(row.upper(), ROWS, n=1, cutoff=0.0)[0]
    return f"there is no quirk row {row!r}; the nearest is {nearest}"
