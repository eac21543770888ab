"""The IPv6 ports that a gateway of the virtual world lets in, whichever protocol opened them.

Lives here: one view of PCP's mappings and the IPv6 firewall's pinholes, and what became of those gone.
Never here: who may open what (pcp_book, firewall_actions), judgement (oracle).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from ...net.address import Endpoint
from ..gateway.core import GatewayCore

FOREIGN_NONCE: Final = bytes(range(12))


class Hole(NamedTuple):
    """What a pinhole is known by: "udp" or "tcp", and the inside endpoint, which is the outside one too."""

    protocol: str
    internal: Endpoint


class Pinholes:
    """Those of one gateway; ``look`` is to be called after whatever may have changed them."""

    def __init__(self, core: GatewayCore, clock: Callable[[], float]) -> None:
        self.foreign: set[Hole] = set()  # of other hosts: nobody may touch them
        self.closed_at: dict[Hole, float] = {}  # when one was closed last
        self.ran_out: set[Hole] = set()  # of those that are closed: their time was over
        self._core = core
        self._clock = clock
        self._seen: dict[Hole, float] = {}
        self._shut: set[Hole] = set()  # open as far as the gateway knows, and nothing comes through

    def open(self) -> dict[Hole, float]:
        """What the gateway has, with the instant each of them ends."""
        pcp = self._core.port_control.pcp.book.pinholes
        found = {Hole(*slot): held.expires_at for slot, held in pcp.items()}
        firewall = self._core.upnp.firewall
        for each in firewall.pinholes if firewall is not None else ():
            hole = Hole(each.protocol, each.internal)
            found[hole] = max(each.expires_at, found.get(hole, each.expires_at))
        return found

    def look(self) -> None:
        """Note what was closed since the last look."""
        found = self.open()
        for hole, ends_at in self._seen.items():
            if hole not in found:
                self.closed_at[hole] = min(self._clock(), ends_at)
                self._shut.discard(hole)
                (self.ran_out.add if ends_at <= self._clock() else self.ran_out.discard)(hole)
        self._seen = found

    def lets_in(self, hole: Hole) -> bool:
        """Whether what comes from outside gets through."""
        return hole in self.open() and hole not in self._shut

    def flush(self) -> None:
        """Close them all behind the daemon's back: only deleting and opening again cures it."""
        for hole in self.open():
            self._shut.add(hole)
            self.closed_at[hole] = self._clock()
            self.ran_out.discard(hole)

    def seed_foreign(self, host: str, ports: range) -> None:
        """Pinholes of another host, for ever, in both protocols."""
        for port in ports:
            hole = Hole("udp", Endpoint(host, port))
            self._core.port_control.pcp.book.hold(*hole, FOREIGN_NONCE)
            if self._core.upnp.firewall is not None:
                self._core.upnp.firewall.hold(*hole)
            self.foreign.add(hole)

    def missing_foreign(self) -> tuple[Hole, ...]:
        """Those that are not there any more, or are to end."""
        held = self.open()
        return tuple(hole for hole in sorted(self.foreign) if held.get(hole) != inf)
