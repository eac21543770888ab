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
from ..portmap.discovery.ssdp_search import PATIENCE
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
from ..portmap.snapshots import ServiceSnapshot
from ..portmap.values import GatewayType

# As often as an engine asks, and in a third of the time: nobody else waits for the gateway here
ROUNDS: Final = (0.0, 0.2, 0.5, 1.0)  # seconds after the start: searches for UPnP devices
LATE: Final = 2.6  # seconds after the second one: some answer only that, and later than they may (SD19)
AGAIN: Final = 3.0  # seconds between two more, while somebody wants to wait longer
SILENT: Final = (
    3.0  # seconds: PCP and NAT-PMP have been asked four times by 1.93 s, and a second is answer enough
)
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


@frozen
class Probe:
    """How asking by one protocol ended."""

    protocol: GatewayType
    outcome: str  # "answered", "nobody listens", "silent", "searched", or "cut short"
    after: float  # seconds since the start


class Survey:
    """Asks everybody at one site; driven from outside as an ``Engine`` is.

    It waits for every protocol until it has a final answer, or no longer than one can take: a search, until
    the longest delay that was allowed to devices is over after the last round (UPnP Device Architecture 1.1,
    §1.3.2), and some more for those that are late; port 5351, until its last request has had its time.
    ``wait`` seconds ask for longer.
    """

    def __init__(
        self, site: Site, ssdp_port: int, own_port: Callable[[], int], wait: float | None = None
    ) -> None:
        rounds: tuple[float, ...] = ROUNDS
        while wait is not None and rounds[-1] + AGAIN + PATIENCE <= wait:
            rounds = (*rounds, rounds[-1] + AGAIN)
        self._search_until = max(rounds[-1] + PATIENCE, rounds[1] + LATE)
        self._silent_after = max(SILENT, wait or 0.0)
        self.probes: list[Probe] = []  # those that are over
        self.ended: list[Probe] = []  # all of them, when it is over
        self._site = site
        self._detection = Detection(
            site,
            lambda level, text: None,
            ssdp_port,
            lambda at: PcpClient(at.address, os.urandom, lambda: 0.5, own_port),
            rounds,
        )
        self.seen: list[Seen] = []
        self.remarks: list[str] = []  # who answered and is of no use
        self._pending = {each for each in (GatewayType.PCP, GatewayType.NAT_PMP) if site.speaks_with(each)}
        self._began: float | None = None
        self._search_over = not site.searches
        self._searched = site.searches  # and that is not told yet

    @property
    def waits_for(self) -> tuple[GatewayType, ...]:
        """The protocols that somebody may still answer by."""
        searching = not self._search_over or self._detection.upnp.busy
        return tuple(k for k in PREFERENCE if k in self._pending or (k is GatewayType.UPNP and searching))

    def heard_late(self, words: str) -> None:
        """Somebody answered by NAT-PMP to all hosts; of interest only when nobody did by the usual way."""
        if words and not any(each.service.type is GatewayType.NAT_PMP for each in self.seen):
            self._remark(words)

    @property
    def hesitant(self) -> bool:
        """Whether somebody answered the search of whom nothing more is known yet."""
        return self._detection.hesitant

    def outcomes(self, now: float) -> list[Probe]:
        """How each protocol's asking ended; those that somebody may still answer by are cut short now."""
        cut = [Probe(kind, "cut short", self._elapsed(now)) for kind in self.waits_for]
        return sorted(self.probes + cut, key=lambda each: PREFERENCE.index(each.protocol))

    # The machine's contract

    def start(self, now: float, *, early: bool = False) -> None:
        """Begin; ``early`` means nothing to one that wants no mapping."""
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
        self._search_over = self._search_over or self._has_lasted(self._search_until, now)
        self._collect(now)
        if self._has_lasted(self._silent_after, now):
            for kind in tuple(self._pending):
                self._end(kind, "silent", now)

    def opened_ahead(self, served: bool) -> None:
        """What came of a connection opened ahead."""
        self._detection.upnp.opened_ahead(served)

    def next_timeout(self) -> float | None:
        if self._began is None:
            return None
        search = None if self._search_over else self._began + self._search_until
        silent = self._began + self._silent_after if self._pending else None
        times = (
            self._detection.port5351.next_timeout(),
            self._detection.search.next_timeout(),
            search,
            silent,
        )
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
                    self._end(kind, self._outcome(event, now), now)
                    self._answered(kind, event, now)
        for finding in self._detection.upnp.findings():
            if isinstance(finding, IgdFound):
                self._found(finding, now)
            else:
                self._remark(finding.reason)
        if self._search_over and not self._detection.upnp.busy and self._searched:
            self._searched = False
            self.probes.append(Probe(GatewayType.UPNP, "searched", self._elapsed(now)))

    def _outcome(self, event: AddressTold | Declined | Silent, now: float) -> str:
        if not isinstance(event, Silent):
            return "answered"
        return "silent" if self._has_lasted(SILENT, now) else "nobody listens"

    def _has_lasted(self, seconds: float, now: float) -> bool:
        return self._began is not None and now >= self._began + seconds

    def _elapsed(self, now: float) -> float:
        return 0.0 if self._began is None else max(0.0, now - self._began)

    def _end(self, kind: GatewayType, outcome: str, now: float) -> None:
        if kind in self._pending:
            self._pending.discard(kind)
            self.probes.append(Probe(kind, outcome, self._elapsed(now)))

    def _answered(self, kind: GatewayType, answer: AddressTold | Declined | Silent, now: float) -> None:
        gateway = self._site.gateway or ""
        if isinstance(answer, AddressTold):
            service = ServiceSnapshot(kind, gateway, "", answer.address or None, False)
            self._note(Seen(service, self._elapsed(now), ours=True))
        elif isinstance(answer, Declined) and answer.remedy is not Remedy.ANOTHER_SERVICE:
            service = ServiceSnapshot(kind, gateway, "", None, False, status=answer.reason)
            self._note(Seen(service, self._elapsed(now), ours=True, usable=False))
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
        self._note(Seen(service, self._elapsed(now), ours, True, found.connected, fingerprint))

    def _note(self, seen: Seen) -> None:
        if len(self.seen) < MOST_SEEN:
            self.seen.append(seen)

    def _remark(self, words: str) -> None:
        if words not in self.remarks and len(self.remarks) < MOST_REMARKS:
            self.remarks.append(words)


def driven(
    survey_site: Site, natpmp_port: int, ssdp_port: int, wait: float | None = None
) -> tuple[Survey, EngineDriver]:
    """A survey of that site, and what moves its bytes."""
    surveys: list[Survey] = []

    def make(own_port: OwnPort, recall: Recall) -> Engine:
        surveys.append(Survey(survey_site, ssdp_port, own_port, wait))
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
