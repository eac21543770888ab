"""Finding a gateway: PCP, NAT-PMP and UPnP asked at once, the best quick answer wins.

Lives here: rounds, the race, the verdict. Never here: mappings.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import DEBUG, INFO
from typing import Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..gateway.orders import AddressOrder, AddressTold, Declined, MapOrder, Silent
from ..gateway.pacing import Pacing
from ..gateway.pcp_client import PcpClient
from ..gateway.port5351 import Port5351
from ..gateway.upnp_client import UpnpClient
from ..gateway.upnp_values import IgdFound, NotIgd
from ..values import Family, GatewayType
from ..wire.location import Location, confine
from ..wire.ssdp import GROUP, GROUP_IPV6, decode
from .carrier import Carrier
from .race import Answer, Race, upnp_service
from .services import Service
from .site import Site
from .ssdp_search import ROUNDS, SsdpSearch

PMP_ATTEMPTS: Final = 5  # unanswered, and a round no longer waits for NAT-PMP (FreeSWITCH's count)
FIRST_PAUSE: Final = 5.0  # seconds between rounds, doubled up to
LAST_PAUSE: Final = 900.0
MOST_SHARED: Final = 10  # descriptions that are looked for at the gateway's address too


@frozen
class Found:
    """The services of the gateway to use, best first; never empty."""

    services: tuple[Service, ...]


@frozen
class Nobody:
    """The first round found no gateway; the search goes on."""


class Detection:
    """The search for a gateway, driven from outside; owns the clients, goes quiet once it has chosen."""

    def __init__(
        self,
        site: Site,
        log: Callable[[int, str], None],
        ssdp_port: int,
        make_pcp: Callable[[Site], PcpClient],
        rounds: tuple[float, ...] = ROUNDS,
    ) -> None:
        self._site = site
        self._log = log
        self.port5351 = Port5351(make_pcp(site), self._attempted)
        self.upnp = UpnpClient(site.seen_as, site.rules.is_public, site.family)
        self.http = Pacing(self.upnp)
        self.carrier = Carrier(site, make_pcp)
        gateway = Endpoint(site.gateway, ssdp_port) if site.gateway else None
        group = GROUP if site.family is Family.IPV4 else GROUP_IPV6
        asked = gateway if site.searches else None
        self.search = SsdpSearch(asked, site.multicast and site.searches, group, rounds)
        self.searching = False
        self.witnessing = False  # a gateway is in use, and its UPnP side is looked for
        self._natpmp_is_late = False  # PCP was quicker, and NAT-PMP may still answer
        self._first_round = False
        self._pause = FIRST_PAUSE
        self._next_round_at: float | None = None  # between rounds
        self._race = Race(site, self.port5351, self.upnp, self.search.possible)
        self._useless = 0  # descriptions
        self._shared: list[Location] = []  # at another host, which may share its address with the gateway

    def start(self, now: float, failures: int = 0, early: MapOrder | None = None) -> None:
        """Begin from nothing; after a pause when this has come to nothing more than once (``failures``).

        ``early`` is a mapping that PCP is asked for at once, in place of whether it is spoken.
        """
        self._log(INFO, "Scanning for NAT")
        self.carrier.begin()
        self.searching = self._first_round = True
        self.witnessing = False
        self._pause = FIRST_PAUSE
        if failures <= 1:
            self._begin_round(now, early)
        else:
            self._race.begin(now)
            self._next_round_at = now + min(FIRST_PAUSE * 2.0 ** min(failures - 2, 20), LAST_PAUSE)

    @property
    def hesitant(self) -> bool:
        """Whether somebody has answered the search of this round, and not told yet what it can do."""
        return self.searching and self._next_round_at is None and self._race.upnp_hesitates

    def hurry(self, now: float) -> None:
        """Something stirs on the network: between two rounds, begin the next at once."""
        if self.searching and self._next_round_at is not None:
            self._pause = FIRST_PAUSE
            self._begin_round(now)

    def consider(self, location: Location, serves_several: bool = False) -> None:
        """Look at a description that was known from before, without waiting for an answer to the search."""
        if self.searching:
            if serves_several:
                self.upnp.knows(location)
            self.upnp.consider(location, first=True)

    def look_for_witness(self, now: float) -> None:
        """Search for the UPnP side of the gateway in use, which can list what PCP and NAT-PMP cannot."""
        if self.search.possible and not self.searching and self._site.has_one_table:
            self.witnessing = True
            self.upnp.begin()
            self.search.start(now)

    def stop_searching(self) -> None:
        """Look for nobody any more; the gateway in use, if any, stays in use."""
        if self.searching:
            self.stop()

    def stop(self) -> None:
        """Ask nobody any more."""
        self.searching = self.witnessing = self._natpmp_is_late = False
        self._next_round_at = None
        self.search.stop()
        self.port5351.abandon()
        self.carrier.begin()
        self.upnp.begin()

    def receive_ssdp(self, datagram: bytes, source: Endpoint, now: float) -> None:
        """Take an answer to our search, from a host that our site trusts.

        Raises:
            MalformedMessage: no answer, or one that names an impossible place.
        """
        if not (self.searching or self.witnessing):
            return
        location = confine(decode(datagram).location, source.host, self._site.gateway)
        self._race.upnp_stirs(now, source.host)
        self.upnp.consider(location, first=location.host == self._site.gateway)
        if location.host != self._site.gateway and len(self._shared) < MOST_SHARED:
            self._shared.append(location)

    def counters(self) -> dict[str, int]:
        """What was not taken, by name."""
        return {
            **self.port5351.counters(),
            **self.upnp.counters(),
            "search answers beyond those looked at": self.upnp.crowded,
            "useless descriptions": self._useless,
        }

    def handle_timeout(self, now: float) -> None:
        self.search.handle_timeout(now)
        self.carrier.handle_timeout(now)
        if self._next_round_at is not None and now >= self._next_round_at:
            self._begin_round(now)

    def next_timeout(self) -> float | None:
        times = [self.search.next_timeout(), self._next_round_at, self.http.next_timeout()]
        times.append(self.carrier.next_timeout())
        if self.searching and self._next_round_at is None and not self.carrier.pending:
            times.append(self._race.next_timeout())
        return min((each for each in times if each is not None), default=None)

    def decide(self, now: float) -> Found | Nobody | None:
        """Judge what has come in; to be called after every input and time-out while ``searching``."""
        if not self.searching:
            return None
        self._collect(now)
        services = self._race.winners(now) or self._carrier_alone()
        if services:
            self.searching = False
            self._next_round_at = None
            self.search.stop()
            if services[0].type is not GatewayType.UPNP:
                self.upnp.begin()
            self._natpmp_is_late = self._race.lacks(GatewayType.NAT_PMP)
            return Found(tuple(services))
        if self._next_round_at is None and self._race.is_over(now) and not self.carrier.ask(now):
            return self._end_round(now)
        return None

    def witness(self) -> Service | None:
        """The UPnP side of the gateway in use, once it was found; the search for it is over then."""
        if not self.witnessing:
            return None
        self._look_behind_shared_addresses()
        for finding in self.upnp.findings():
            self._useless += isinstance(finding, NotIgd)
            if isinstance(finding, IgdFound) and self._site.is_gateway(finding.igd.service.control.host):
                self.witnessing = False
                self.search.stop()
                return upnp_service(self.upnp, finding)
        return None

    def latecomer(self) -> Service | None:
        """NAT-PMP of the gateway in use, when it answers after PCP was chosen."""
        for event in self.port5351.natpmp.events() if self._natpmp_is_late else ():
            self._natpmp_is_late = False
            host = self._site.port_5351_at
            if isinstance(event, AddressTold) and host is not None:
                client = self.port5351.natpmp
                return Service(GatewayType.NAT_PMP, host, "", event.address, client)
        return None

    def prepare(self, service: Service) -> None:
        """Make the client ready to take orders for that service."""
        if service.igd is not None:
            self.upnp.use(service.igd)
        elif service.type is GatewayType.NAT_PMP:
            self._natpmp_is_late = False
            self.port5351.pcp.abandon()

    def _begin_round(self, now: float, early: MapOrder | None = None) -> None:
        self._next_round_at = None
        self._race.begin(now)
        self._shared.clear()
        self._ask_5351(now, early)
        self.upnp.begin()
        if self._site.description is not None:
            self.upnp.consider(self._site.description, first=True)
        if self.search.possible:
            if self._first_round:
                self._log(DEBUG, "Checking for UPnP")
            self.search.start(now)

    def _ask_5351(self, now: float, early: MapOrder | None) -> None:
        if self._site.speaks_with(GatewayType.PCP):
            self.port5351.pcp.probe(now, early)
        else:
            self._race.leave_out(GatewayType.PCP)
        if self._site.speaks_with(GatewayType.NAT_PMP):
            self.port5351.natpmp.submit(AddressOrder(), now)
        else:
            self._race.leave_out(GatewayType.NAT_PMP)

    def _end_round(self, now: float) -> Nobody | None:
        first, self._first_round = self._first_round, False
        self.searching = self.search.possible or self._site.port_5351_at is not None
        if self.searching:  # with nobody to ask there is no next round
            self._next_round_at = now + self._pause
            self._pause = min(self._pause * 2, LAST_PAUSE)
        return Nobody() if first else None

    def _attempted(self, number: int) -> None:
        if self.searching and self._first_round and number <= PMP_ATTEMPTS:
            self._log(DEBUG, f"Checking for PMP {number}/{PMP_ATTEMPTS}")

    def _collect(self, now: float) -> None:
        clients = ((GatewayType.PCP, self.port5351.pcp), (GatewayType.NAT_PMP, self.port5351.natpmp))
        for kind, client in clients:
            for event in client.events():
                if isinstance(event, AddressTold | Declined | Silent):
                    self._race.answered(kind, event, now)
                    self._log(DEBUG, f"{kind.spoken}: {_words(event)}")
        for finding in self.upnp.findings():
            if isinstance(finding, NotIgd):
                self._useless += 1
                self._log(DEBUG, f"UPnP: {finding.reason}")
            else:
                self._race.take_igd(finding, now)
        if not self._race.found_upnp:
            self._look_behind_shared_addresses()

    def _look_behind_shared_addresses(self) -> None:
        """Of two routers with one address between them, the one that answers may name its other (SD02)."""
        while self._shared and not self.upnp.busy and self._site.gateway is not None:
            place = self._shared.pop(0)
            again = Location(Endpoint(self._site.gateway, place.endpoint.port), place.path)
            self.upnp.consider(again, first=True, beyond=MOST_SHARED)

    def _carrier_alone(self) -> list[Service]:
        carrier = self.carrier.service()
        return [] if carrier is None else [carrier]


def _words(event: Answer) -> str:
    if isinstance(event, AddressTold):
        return f"external address {event.address}" if event.address else "it answers"
    return event.reason
