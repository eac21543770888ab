"""The search for a gateway beyond ours: where it may be, and which of those places has one.

Lives here: an engine for each place, until one of them has found a gateway. Never here: mappings, or what
subscribers hear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from ..discovery.site import Site
from ..drivers.engine_driver import EngineDriver
from ..values import GatewayType
from ..wire.pcp import ANYCAST_IPV4
from .hops_driver import next_hops

MOST_CANDIDATES: Final = 5

FindHops = Callable[[str, str], Coroutine[Any, Any, list[str]]]  # our address, our interface


def outer_candidates(external: str, hops: Iterable[str] = (), by_hand: str | None = None) -> list[str]:
    """Where the next gateway may be, seen from an inner one whose external address is ``external``.

    A person's word first, then what lies on the way out, then the usual first and last host of its network;
    the PCP anycast address (RFC 7723) is where a provider's carrier-grade NAT may listen.
    """
    if by_hand is not None:
        return [by_hand]
    network = IPv4Network(f"{external}/24", strict=False)
    guesses = [str(network[1]), str(network[-2])]
    found = dict.fromkeys([*hops, *guesses])
    found.pop(external, None)
    return [*list(found)[: MOST_CANDIDATES - 1], ANYCAST_IPV4]


class Beyond:
    """Looks beyond ``near``; ``make`` builds an engine's driver for a site, ``on_change`` hears of its news.

    ``find_hops`` asks the network for the routers beyond the near one.
    """

    def __init__(
        self,
        near: EngineDriver,
        make: Callable[[Site, Callable[[], None]], EngineDriver],
        on_change: Callable[[], None],
        by_hand: str | None,
        find_hops: FindHops = next_hops,
    ) -> None:
        self._near = near
        self._make = make
        self._on_change = on_change
        self._by_hand = by_hand
        self._find_hops = find_hops
        self._probing: asyncio.Task[None] | None = None
        self._candidates: list[EngineDriver] = []
        self.outer: EngineDriver | None = None  # the one that was found

    @property
    def drivers(self) -> tuple[EngineDriver, ...]:
        """Of the gateway beyond; of those that may be it, as long as none was found."""
        return tuple(self._candidates)

    @property
    def hopeless(self) -> bool:
        """Whether the first search is over, and found nobody (it goes on)."""
        if self.outer is not None or not self._candidates:
            return False
        return all(each.engine.verdict_known and not each.engine.has_gateway for each in self._candidates)

    @property
    def stopped(self) -> bool:
        return all(each.engine.stopped for each in self._candidates)

    def look(self, behind: str) -> None:
        """Ask the network for the way out first, where that is possible; then knock.

        ``behind`` is the near gateway's external address.
        """
        if self._by_hand is not None or not self._near.site.multicast:  # told, or in a loopback laboratory
            self._search(behind, ())
        else:
            loop = asyncio.get_running_loop()
            self._probing = loop.create_task(self._probe_then_search(behind))

    def choose(self, driver: EngineDriver) -> None:
        """It has found a gateway: the others end."""
        self.outer = driver
        for other in self._candidates:
            if other is not driver:
                other.close()
        self._candidates = [driver]

    def stop_looking(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    def forget(self) -> None:
        """The chain is another one now."""
        self.close()
        self._candidates, self.outer = [], None

    def close(self) -> None:
        self.stop_looking()
        for driver in self.drivers:
            driver.close()

    def behind_what(self, before: str) -> str:
        """The near gateway's external address if it is of no use outside; ``before`` if nobody knows now."""
        engine = self._near.engine
        if not engine.has_gateway:
            return before  # it may be back in a moment, in the same place
        if engine.external_address is not None:
            return ""
        try:
            return str(IPv4Address(engine.reported_address))
        except ValueError:
            return before  # it knows no address now: nothing new to look beyond

    async def _probe_then_search(self, behind: str) -> None:
        near = self._near.site
        hops = await self._find_hops(near.address, near.interface)
        # A router with a public address is the provider's own: no gateway of this home.
        self._search(behind, [hop for hop in hops if hop != near.gateway and not near.rules.is_public(hop)])

    def _search(self, behind: str, hops: Iterable[str]) -> None:
        near = self._near.site
        for host in outer_candidates(behind, hops, self._by_hand):
            site = Site(
                near.address,
                IPv4Network(f"{host}/32"),
                host,
                behind,
                near.rules,
                multicast=False,
                speaks=frozenset({GatewayType.PCP}) if host == ANYCAST_IPV4 else frozenset(GatewayType),
            )
            self._candidates.append(self._make(site, self._on_change))
        for driver in self.drivers:
            driver.start()
