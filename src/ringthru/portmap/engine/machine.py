"""The engine's works: what it is made of, and how bytes and time move it. No socket, no clock.

Lives here: the contract with a driver. Never here: what callers want, how gateways come and go, or what an
answer leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint
from ...net.surroundings import Surroundings
from ..discovery.detection import Detection
from ..discovery.services import Service
from ..discovery.site import Site
from ..errors import LocalError
from ..events import Event
from ..gateway.listing import Listings
from ..gateway.pcp_client import PcpClient
from ..gateway.upnp_client import HttpRequest
from ..gateway.upnp_values import Reply
from ..mapping.book import MappingBook, Released
from ..mapping.peers import PeerBook
from ..memory.holding import GatewayIdentity, Note
from ..memory.profile import GatewayProfile
from ..memory.recollection import Recollection
from ..values import LONGEST_LIFETIME, is_number
from ..wire.ssdp import PORT as SSDP_PORT
from .chance import Chance
from .counters import Counters
from .desk import Desk
from .dispatch import Dispatch
from .life import GatewayLife
from .reception import Reception

WITNESS_AFTER: Final = 2.0  # seconds: the UPnP side of the gateway is looked for when the start is over
DISCARD: Final = 9  # RFC 863: the port a PCP address question is about when we have none of our own


class Machine:
    """Search, gateway, book and the request in flight between them, joined; see ``Engine`` for the settings.

    After every call: write ``notes()`` down, *then* send what ``pmp_to_send()``, ``ssdp_to_send()`` and
    ``http_to_send()`` give, act on ``events()``, and come back at ``next_timeout()``.
    """

    def __init__(
        self,
        place: Surroundings | Site,
        *,
        log: Callable[[int, str], None],
        entropy: Callable[[int], bytes],
        pick_port: Callable[[], int] | None = None,
        mapping_enabled: bool = True,
        lifetime: int = 3600,
        ssdp_port: int = SSDP_PORT,
        own_port: Callable[[], int] = lambda: DISCARD,
        budget: int = 64,
        witness_after: float = WITNESS_AFTER,
        recall: Callable[[GatewayIdentity], Recollection] = lambda identity: Recollection(identity.name),
    ) -> None:
        if not is_number(lifetime, LONGEST_LIFETIME):
            raise LocalError(f"a lease of {lifetime} seconds: 1 to {LONGEST_LIFETIME} make sense")
        self._log = log
        self._chance = Chance(entropy)
        self._own_port = own_port
        self._book = self._make_book(lifetime, pick_port or self._chance.port, mapping_enabled, budget)
        self._peers = self._make_peers(lifetime, mapping_enabled, budget)
        self._listings = Listings()
        self._desk = Desk(self._book, self._peers, self._listings, log)
        self._dispatch = Dispatch(self._book, self._desk, log, recall, self._prepare, witness_after)
        self._counters = Counters(log)

        def detect(site: Site) -> Detection:
            return Detection(site, log, ssdp_port, self._make_pcp)

        self._life = GatewayLife(
            place, detect, self._book, self._peers, self._listings, self._dispatch, self._counters, log
        )
        self._reception = Reception(self._life, self._counters)

    def receive_pmp(self, datagram: bytes, now: float) -> None:
        """Take a datagram that came from the gateway's port 5351 (PCP, NAT-PMP)."""
        self._reception.pmp(datagram, now)
        self._advance(now)

    def pmp_refused(self, now: float) -> None:
        """The gateway's port 5351 is closed, or it cannot be reached at all."""
        self._life.detection.port5351.refused(now)
        self._advance(now)

    def receive_ssdp(self, datagram: bytes, source: Endpoint, now: float) -> None:
        """Take whatever came to the search socket."""
        if self._reception.ssdp(datagram, source, now):
            self._advance(now)

    def receive_http(self, number: int, reply: Reply, now: float) -> None:
        """Take what came of the HTTP request of that number."""
        self._reception.http(number, reply)
        self._advance(now)

    def opened_ahead(self, served: bool) -> None:
        """What came of a connection opened ahead: answered on, or lost before its use."""
        self._life.detection.upnp.opened_ahead(served)

    def handle_timeout(self, now: float) -> None:
        self._life.handle_timeout(now)
        self._book.expire(now)
        self._peers.expire(now)
        self._listings.expire(now)
        self._dispatch.handle_timeout(now)
        self._reception.take_over_counts()
        self._advance(now)

    def next_timeout(self) -> float | None:
        times = [
            self._life.next_timeout(),
            self._book.next_expiry(),
            self._peers.next_expiry(),
            self._listings.next_timeout(),
        ]
        times.append(self._dispatch.next_timeout(only_deletions=self._life.stopping))
        return min((each for each in times if each is not None), default=None)

    def pmp_to_send(self) -> list[bytes]:
        return self._life.detection.port5351.datagrams_to_send()

    def anycast_to_send(self) -> list[bytes]:
        """For port 5351 of the anycast address of PCP (RFC 7723)."""
        return self._life.detection.carrier.datagrams_to_send()

    def receive_anycast(self, datagram: bytes, now: float) -> None:
        """Take a datagram that came from there."""
        self._reception.anycast(datagram, now)
        self._advance(now)

    def anycast_refused(self, now: float) -> None:
        """Nobody is there."""
        client = self._life.detection.carrier.client
        if client is not None:
            client.refused(now)
        self._advance(now)

    def ssdp_to_send(self) -> list[tuple[bytes, Endpoint]]:
        return self._life.detection.search.datagrams_to_send()

    def http_to_send(self) -> list[HttpRequest]:
        return self._life.detection.http.requests_to_send()

    def events(self) -> list[Event | Released]:
        return self._life.events() + self._dispatch.events() + self._book.events() + self._peers.events()

    def notes(self) -> list[tuple[Note, GatewayIdentity]]:
        """What to write down before anything more is sent (drains)."""
        return self._dispatch.notes()

    def lessons(self) -> list[GatewayProfile]:
        """Profiles that have changed (drains)."""
        return self._dispatch.lessons()

    # Inside

    def _advance(self, now: float) -> None:
        self._life.advance(now)

    def _prepare(self, service: Service) -> None:
        self._life.detection.prepare(service)

    def _make_book(
        self, lifetime: int, pick_port: Callable[[], int], enabled: bool, budget: int
    ) -> MappingBook:
        chance = self._chance
        return MappingBook(
            *(lifetime, pick_port, self._log, enabled),
            random=chance.share,
            nonce=chance.nonce,
            budget=budget,
        )

    def _make_peers(self, lifetime: int, enabled: bool, budget: int) -> PeerBook:
        return PeerBook(
            *(lifetime, self._log, enabled),
            random=self._chance.share,
            nonce=self._chance.nonce,
            most=budget,
            is_public=lambda host: self._life.site.rules.is_public(host),
        )

    def _make_pcp(self, site: Site) -> PcpClient:
        return PcpClient(site.address, self._chance.entropy, self._chance.share, self._own_port)
