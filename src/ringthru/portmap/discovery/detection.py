"""Finding a gateway: NAT-PMP and UPnP asked at once, the quicker good answer wins.

Lives here: rounds, the race, the verdict. Never here: mappings.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from logging import DEBUG, INFO
from typing import Final

from ...net.address import Endpoint
from ...net.surroundings import Surroundings
from ...net.values import frozen
from ..gateway.natpmp_client import NatPmpClient
from ..gateway.orders import AddressOrder, AddressTold, Declined, GatewayClient, Silent
from ..gateway.upnp_client import UpnpClient
from ..gateway.upnp_values import IgdFound, NotIgd
from ..values import GatewayType
from ..wire.location import confine
from ..wire.ssdp import decode
from .ssdp_search import PATIENCE, ROUNDS, SsdpSearch

HEAD_START: Final = 0.05  # seconds a UPnP answer waits for NAT-PMP, which needs fewer round trips ever after
STRANGER_WAIT: Final = 1.0  # seconds a host that is not our gateway waits for the gateway itself to answer
PMP_ATTEMPTS: Final = 5  # unanswered, and a round no longer waits for NAT-PMP (FreeSWITCH's count)
PMP_PATIENCE: Final = 4.75  # seconds: those attempts, and one more second for the last of them
SEARCH_PATIENCE: Final = ROUNDS[-1] + PATIENCE
FIRST_PAUSE: Final = 5.0  # seconds between rounds, doubled up to
LAST_PAUSE: Final = 900.0


@frozen
class Chosen:
    """The gateway to use, and the client that talks to it."""

    type: GatewayType
    gateway: str
    words: str
    address: str  # external, as told; empty when it knows none
    client: GatewayClient


@frozen
class Nobody:
    """The first round found no gateway; the search goes on."""


class Detection:
    """The search for a gateway, driven from outside; owns both clients, goes quiet once it has chosen."""

    def __init__(self, surroundings: Surroundings, log: Callable[[int, str], None], ssdp_port: int) -> None:
        gateway = surroundings.gateway
        self._surroundings = surroundings
        self._log = log
        self.natpmp = NatPmpClient(self._attempted)
        self.upnp = UpnpClient(surroundings.address, surroundings.rules.is_public)
        self.search = SsdpSearch(Endpoint(gateway, ssdp_port) if gateway else None, surroundings.multicast)
        self.searching = False
        self._first_round = False
        self._round_at = 0.0
        self._pause = FIRST_PAUSE
        self._next_round_at: float | None = None  # between rounds
        self._pmp: AddressTold | Declined | Silent | None = None  # None: pending
        self._upnp: IgdFound | None = None
        self._upnp_at: float | None = None  # when UPnP first answered, in this round

    def start(self, now: float, failures: int = 0) -> None:
        """Begin from nothing; after a pause when this has come to nothing more than once (``failures``)."""
        self._log(INFO, "Scanning for NAT")
        self.searching = self._first_round = True
        self._pause = FIRST_PAUSE
        if failures <= 1:
            self._begin_round(now)
        else:
            self._pmp = self._upnp = None
            self._next_round_at = now + min(FIRST_PAUSE * 2.0 ** min(failures - 2, 20), LAST_PAUSE)

    def stop_searching(self) -> None:
        """Look for nobody any more; the gateway in use, if any, stays in use."""
        if self.searching:
            self.stop()

    def stop(self) -> None:
        """Ask nobody any more."""
        self.searching = False
        self._next_round_at = None
        self.search.stop()
        self.natpmp.abandon()
        self.upnp.begin()

    def receive_ssdp(self, datagram: bytes, source: Endpoint, now: float) -> None:
        """Take an answer to our search; only the gateway's and our own network's count.

        Raises:
            MalformedMessage: no answer, or one that names an impossible place.
        """
        gateway = self._surroundings.gateway
        if not self.searching or not (source.host == gateway or self._on_link(source.host)):
            return
        location = confine(decode(datagram).location, source.host, gateway)
        if self._upnp_at is None:
            self._upnp_at = now
        self.upnp.consider(location, first=location.host == gateway)

    def handle_timeout(self, now: float) -> None:
        self.search.handle_timeout(now)
        if self._next_round_at is not None and now >= self._next_round_at:
            self._begin_round(now)

    def next_timeout(self) -> float | None:
        times = [self.search.next_timeout(), self._next_round_at]
        if self.searching and self._upnp is not None:
            times.append(self._hold_until())
        elif self.searching and self._next_round_at is None and not self.upnp.busy:
            times.append(self._quiet_at())
        return min((each for each in times if each is not None), default=None)

    def decide(self, now: float) -> Chosen | Nobody | None:
        """Judge what has come in; to be called after every input and time-out while ``searching``."""
        if not self.searching:
            return None
        self._collect()
        chosen = self._choice(now)
        if chosen is not None:
            self.searching = False
            self._next_round_at = None
            self.search.stop()
            return chosen
        if self._next_round_at is None and self._over(now):
            return self._end_round(now)
        return None

    def _begin_round(self, now: float) -> None:
        self._round_at = now
        self._next_round_at = None
        self._pmp = Silent("there is no default gateway")
        self._upnp = self._upnp_at = None
        if self._surroundings.gateway is not None:
            self._pmp = None
            self.natpmp.submit(AddressOrder(), now)
        self.upnp.begin()
        if self.search.possible:
            if self._first_round:
                self._log(DEBUG, "Checking for UPnP")
            self.search.start(now)

    def _end_round(self, now: float) -> Nobody | None:
        first, self._first_round = self._first_round, False
        self.searching = self.search.possible  # with nobody to ask there is no next round
        if self.searching:
            self._next_round_at = now + self._pause
            self._pause = min(self._pause * 2, LAST_PAUSE)
        return Nobody() if first else None

    def _attempted(self, number: int) -> None:
        if self.searching and self._first_round and number <= PMP_ATTEMPTS:
            self._log(DEBUG, f"Checking for PMP {number}/{PMP_ATTEMPTS}")

    def _collect(self) -> None:
        for event in self.natpmp.events():
            if isinstance(event, AddressTold | Declined | Silent):
                self._pmp = event
                self._log(DEBUG, f"NAT-PMP: {_words(event)}")
        for finding in self.upnp.findings():
            if isinstance(finding, NotIgd):
                self._log(DEBUG, f"UPnP: {finding.reason}")
            elif self._upnp is None or self._is_gateway(finding):
                self._upnp = finding

    def _choice(self, now: float) -> Chosen | None:
        if isinstance(self._pmp, AddressTold) and (self._pmp.address or self._over(now)):
            return self._choose_natpmp(self._pmp.address)
        if self._upnp is None:
            return None
        hold_until = self._hold_until()
        if hold_until is not None and now < hold_until:
            return None
        return self._choose_upnp(self._upnp)

    def _choose_natpmp(self, address: str) -> Chosen:
        gateway = self._surroundings.gateway
        assert gateway is not None
        self.upnp.begin()
        return Chosen(GatewayType.NAT_PMP, gateway, "", address, self.natpmp)

    def _choose_upnp(self, found: IgdFound) -> Chosen:
        self.natpmp.abandon()
        self.upnp.use(found.igd)
        host = found.igd.service.control.host
        return Chosen(GatewayType.UPNP, host, found.igd.words, found.address, self.upnp)

    def _hold_until(self) -> float | None:
        """Until when a UPnP gateway that we found must wait; None: it need not, or there is none."""
        if self._upnp is None:
            return None
        if self._surroundings.gateway is not None and not self._is_gateway(self._upnp):
            return self._round_at + STRANGER_WAIT
        if self._pmp is None and self._upnp_at is not None:
            return self._upnp_at + HEAD_START
        return None

    def _is_gateway(self, found: IgdFound) -> bool:
        return found.igd.service.control.host == self._surroundings.gateway

    def _over(self, now: float) -> bool:
        """Whether this round has nothing left to hope for."""
        return now >= self._quiet_at() and not self.upnp.busy and self._upnp is None

    def _quiet_at(self) -> float:
        if not self.search.possible:
            return self._round_at
        return self._round_at + (PMP_PATIENCE if self._pmp is None else SEARCH_PATIENCE)

    def _on_link(self, host: str) -> bool:
        try:
            return IPv4Address(host) in self._surroundings.network
        except ValueError:
            return False


def _words(event: AddressTold | Declined | Silent) -> str:
    return f"external address {event.address}" if isinstance(event, AddressTold) else event.reason
