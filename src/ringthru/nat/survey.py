"""``discover``'s look at everything: nobody is chosen, and nobody who answers is passed over.

The engine goes with the first good answer; this machine asks by the same means, and waits for all of them.

Lives here: what answered, after how long, in which order it would be used. Never here: sockets, or words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final, cast

from ..net.address import Endpoint
from ..net.changes import clock
from ..net.values import frozen
from ..portmap.discovery.detection import Detection
from ..portmap.discovery.services import PREFERENCE
from ..portmap.discovery.site import Site
from ..portmap.discovery.ssdp_search import PATIENCE, ROUNDS
from ..portmap.drivers.engine_driver import EngineDriver, OwnPort, Recall
from ..portmap.engine.engine import Engine
from ..portmap.errors import RemoteError
from ..portmap.events import Event
from ..portmap.gateway.orders import AddressTold, Declined, Remedy, Silent
from ..portmap.gateway.pcp_client import PcpClient
from ..portmap.gateway.upnp_client import HttpRequest
from ..portmap.gateway.upnp_values import IgdFound, Reply
from ..portmap.memory.holding import GatewayIdentity, Note
from ..portmap.memory.profile import GatewayProfile
from ..portmap.values import GatewayType, ServiceSnapshot

SEARCH: Final = ROUNDS[-1] + PATIENCE  # seconds until UPnP devices have had their time to answer
MOST_SEEN: Final = 64
MOST_REMARKS: Final = 16


@frozen
class Seen:
    """A service that answered, ``after`` so many seconds; unusable ones say why in their status."""

    service: ServiceSnapshot
    after: float
    ours: bool  # of the default gateway, or of the one that was named
    usable: bool = True
    connected: bool = True
    fingerprint: str = ""


class Survey:
    """Asks everybody at one site; driven from outside as an ``Engine`` is."""

    def __init__(self, site: Site, ssdp_port: int, own_port: Callable[[], int]) -> None:
        self._site = site
        self._detection = Detection(
            site,
            lambda level, text: None,
            ssdp_port,
            lambda at: PcpClient(at.address, os.urandom, lambda: 0.5, own_port),
        )
        self.seen: list[Seen] = []
        self.remarks: list[str] = []  # who answered and is of no use
        self._pending = {each for each in (GatewayType.PCP, GatewayType.NAT_PMP) if site.speaks_with(each)}
        self._began = 0.0
        self._search_over = not site.searches

    @property
    def waits_for(self) -> tuple[GatewayType, ...]:
        """The protocols that somebody may still answer by."""
        searching = not self._search_over or self._detection.upnp.busy
        return tuple(k for k in PREFERENCE if k in self._pending or (k is GatewayType.UPNP and searching))

    # The machine's contract

    def start(self, now: float) -> None:
        self._began = now
        self._detection.start(now)
        self._collect(now)

    def receive_pmp(self, datagram: bytes, now: float) -> None:
        try:
            self._detection.port5351.receive_datagram(datagram, now)
        except RemoteError as error:
            self._remark(f"port 5351 of {self._site.gateway}: {error}")
        self._collect(now)

    def pmp_refused(self, now: float) -> None:
        self._detection.port5351.refused(now)
        self._collect(now)

    def receive_ssdp(self, datagram: bytes, source: Endpoint, now: float) -> None:
        try:
            self._detection.receive_ssdp(datagram, source, now)
        except RemoteError as error:
            self._remark(f"{source.host} answered the search: {error}")
        self._collect(now)

    def receive_http(self, number: int, reply: Reply, now: float) -> None:
        self._detection.upnp.receive_reply(number, reply)
        self._collect(now)

    def handle_timeout(self, now: float) -> None:
        self._detection.port5351.handle_timeout(now)
        self._detection.search.handle_timeout(now)
        self._search_over = self._search_over or now >= self._began + SEARCH
        self._collect(now)

    def next_timeout(self) -> float | None:
        search = None if self._search_over else self._began + SEARCH
        times = (self._detection.port5351.next_timeout(), self._detection.search.next_timeout(), search)
        return min((each for each in times if each is not None), default=None)

    def pmp_to_send(self) -> list[bytes]:
        return self._detection.port5351.datagrams_to_send()

    def ssdp_to_send(self) -> list[tuple[bytes, Endpoint]]:
        return self._detection.search.datagrams_to_send()

    def anycast_to_send(self) -> list[bytes]:
        """A provider's PCP server is asked by an engine only, once it knows a CGNAT is there (RFC 7723)."""
        return []

    def http_to_send(self) -> list[HttpRequest]:
        return self._detection.upnp.requests_to_send()

    def events(self) -> list[Event]:
        return []

    def notes(self) -> list[tuple[Note, GatewayIdentity]]:
        return []

    def lessons(self) -> list[GatewayProfile]:
        return []

    # Inside

    def _collect(self, now: float) -> None:
        port = self._detection.port5351
        for kind, client in ((GatewayType.PCP, port.pcp), (GatewayType.NAT_PMP, port.natpmp)):
            for event in client.events():
                if isinstance(event, AddressTold | Declined | Silent):
                    self._pending.discard(kind)
                    self._answered(kind, event, now)
        for finding in self._detection.upnp.findings():
            if isinstance(finding, IgdFound):
                self._found(finding, now)
            else:
                self._remark(finding.reason)

    def _answered(self, kind: GatewayType, answer: AddressTold | Declined | Silent, now: float) -> None:
        gateway = self._site.gateway or ""
        if isinstance(answer, AddressTold):
            service = ServiceSnapshot(kind, gateway, "", answer.address or None, False)
            self._note(Seen(service, now - self._began, ours=True))
        elif isinstance(answer, Declined) and answer.remedy is not Remedy.ANOTHER_SERVICE:
            service = ServiceSnapshot(kind, gateway, "", None, False, status=answer.reason)
            self._note(Seen(service, now - self._began, ours=True, usable=False))
        elif isinstance(answer, Declined):
            self._remark(f"{kind.spoken} at {gateway}: {answer.reason}")

    def _found(self, found: IgdFound, now: float) -> None:
        igd = found.igd
        control = igd.service.control
        service = ServiceSnapshot(
            GatewayType.UPNP,
            control.host,
            igd.words,
            found.address or None,
            False,
            control.endpoint,
            str(igd.described_at),
            found.status,
        )
        ours = self._site.is_gateway(control.host)
        fingerprint = igd.profile.fingerprint
        self._note(Seen(service, now - self._began, ours, True, found.connected, fingerprint))

    def _note(self, seen: Seen) -> None:
        if len(self.seen) < MOST_SEEN:
            self.seen.append(seen)

    def _remark(self, words: str) -> None:
        if words not in self.remarks and len(self.remarks) < MOST_REMARKS:
            self.remarks.append(words)


def driven(survey_site: Site, natpmp_port: int, ssdp_port: int) -> tuple[Survey, EngineDriver]:
    """A survey of that site, and what moves its bytes."""
    surveys: list[Survey] = []

    def make(own_port: OwnPort, recall: Recall) -> Engine:
        surveys.append(Survey(survey_site, ssdp_port, own_port))
        return cast(Engine, surveys[0])  # to its driver they are alike

    driver = EngineDriver(
        make,
        survey_site,
        clock=clock,
        log=lambda level, text: None,
        on_change=lambda: None,
        pmp_port=natpmp_port,
    )
    return surveys[0], driver


def in_order(seen: Iterable[Seen], is_public: Callable[[str], bool]) -> list[Seen]:
    """The best first, as the engine would choose."""

    def rank(each: Seen) -> tuple[bool, bool, int, bool, bool, bool]:
        service = each.service
        return (
            not each.usable,
            ":" in service.gateway,
            PREFERENCE.index(service.type),
            not each.ours,
            service.type is GatewayType.UPNP and not is_public(service.external_address or ""),
            not each.connected,
        )

    return sorted(seen, key=rank)
