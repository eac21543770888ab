"""The engine: one gateway, our mappings on it, and the one request in flight between them.

A machine without socket or clock; the driver moves its bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from logging import DEBUG, INFO, WARNING
from typing import Final

from ..net.address import AddressKind, Endpoint, parse_address
from ..net.levels import NOTICE
from ..net.surroundings import Surroundings
from .discovery.detection import Chosen, Detection, Nobody
from .errors import LocalError, RemoteError
from .events import Event, ExternalAddressChanged, GatewayFound, GatewayLost, NoGateway
from .gateway.listing import Listing, Listings
from .gateway.orders import AddressOrder, AddressTold, EntryOrder, EpochReset, Outcome, Silent, UnmapOrder
from .gateway.upnp_client import HttpRequest
from .gateway.upnp_values import Reply
from .mapping.book import MappingBook, Released, Work
from .mapping.lease import Lease
from .values import LONGEST_LIFETIME, GatewayType, MapperSnapshot, Wanted, printable
from .wire.ssdp import PORT as SSDP_PORT

NO_LIST: Final = "NAT-PMP, the gateway's protocol, has no request for its table of mappings"
ADDRESS_POLL: Final = 60.0  # seconds between questions for the external address
SHORT_LIFE: Final = 5.0  # seconds: a gateway lost sooner twice in a row is looked for ever more slowly


class Engine:
    """Port mapping, driven from outside.

    After every call: send what ``natpmp_to_send()``, ``ssdp_to_send()`` and ``http_to_send()`` give, act on
    ``events()``, and come back at ``next_timeout()``. ``lifetime`` is what leases ask for, in seconds;
    ``pick_port`` gives an external port to try after a conflict.

    Raises:
        LocalError: a lifetime outside 1–604800.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        pick_port: Callable[[], int],
        log: Callable[[int, str], None],
        mapping_enabled: bool = True,
        lifetime: int = 3600,
        ssdp_port: int = SSDP_PORT,
    ) -> None:
        if not 1 <= lifetime <= LONGEST_LIFETIME:
            raise LocalError(f"a lease of {lifetime} seconds: 1 to {LONGEST_LIFETIME} make sense")
        self._rules = surroundings.rules
        self._log = log
        self._detection = Detection(surroundings, log, ssdp_port)
        self._book = MappingBook(lifetime, pick_port, log, mapping_enabled)
        self._listings = Listings()
        self.verdict_known = False
        self._gateway: Chosen | None = None
        self._found_at = 0.0
        self._short_lives = 0  # in a row
        self._reported = ""
        self._address_due_at: float | None = None
        self._in_flight: Work | None = None
        self._stopping = False
        self._events: list[Event | Released] = []

    # What callers want

    def start(self, now: float) -> None:
        """Look for a gateway, for as long as it takes."""
        self._detection.start(now)
        self._advance(now)

    def want(self, wanted: Wanted, now: float) -> Lease:
        """Keep this mapping alive; the same protocol and internal port twice is the same lease."""
        lease = self._book.want(wanted, now)
        self._advance(now)
        return lease

    def release(self, lease: Lease, now: float) -> bool:
        """Delete it and forget it; a ``Released`` event follows. False: it is none of ours."""
        if not self._book.holds(lease):
            return False
        self._release(lease)
        self._advance(now)
        return True

    def republish(self, now: float) -> None:
        """Ask again for every mapping, now."""
        self._log(DEBUG, "Refreshing nat maps")
        self._book.ask_all_again(now)
        self._advance(now)

    def list_gateway(self, limit: int, now: float) -> Listing:
        """Read the gateway's own table, ``limit`` entries at most; it is over when it has a ``result``.

        Raises:
            LocalError: a limit outside 1–65535.
        """
        listing = Listing(limit, now)
        if self._gateway is None or self._stopping:
            known = self.verdict_known and not self._stopping
            listing.end("no gateway that maps ports was found" if known else "there is no gateway in use now")
        elif self._gateway.type is GatewayType.NAT_PMP:
            listing.end(NO_LIST)
        else:
            self._listings.add(listing)
            self._advance(now)
        return listing

    def reinit(self, now: float) -> None:
        """Forget the gateway and detect again; every mapping is made again on what is found."""
        self._forget_gateway(now, "the gateway is looked for again")
        self._detection.start(now)
        self._advance(now)

    @property
    def mapping_enabled(self) -> bool:
        return self._book.enabled

    def set_mapping_enabled(self, enabled: bool, now: float) -> None:
        """While disabled not one request to map or unmap is sent; leases already held run out."""
        self._book.set_enabled(enabled, now)
        self._advance(now)

    def stop(self, now: float) -> None:
        """Look no more, and delete what we mapped; ``stopped`` tells when that is done."""
        self._stopping = True
        self._listings.end_all("port mapping is being stopped")
        for lease in self._book.leases():
            self._release(lease)
        if self._book.cleared or self.verdict_known:
            self._detection.stop_searching()  # else: the gateway that holds our mappings may yet be found
        if self._in_flight is not None and not isinstance(self._in_flight[0], UnmapOrder):
            self._abandon()
        self._advance(now)

    @property
    def stopped(self) -> bool:
        hopeless = not self._book.enabled or (self._gateway is None and self.verdict_known)
        return self._stopping and self._in_flight is None and (self._book.cleared or hopeless)

    @property
    def has_gateway(self) -> bool:
        return self._gateway is not None

    @property
    def external_address(self) -> str | None:
        """The address the Internet sees, if the gateway told one that is public; IPv4, all that we speak."""
        address = parse_address(self._reported)
        usable = isinstance(address, IPv4Address) and self._rules.is_public(self._reported)
        return str(address) if usable else None

    def snapshot(self, now: float) -> MapperSnapshot:
        """Everything there is to show."""
        gateway = self._gateway
        return MapperSnapshot(
            gateway.type if gateway else None,
            gateway.gateway if gateway else None,
            gateway.words if gateway else "",
            self.external_address,
            self._reported or None,
            self._kind(self._reported) if self._reported else None,
            self._book.enabled,
            self.verdict_known,
            self._book.snapshot(now),
        )

    # The machine's contract

    def receive_natpmp(self, datagram: bytes, now: float) -> None:
        """Take a datagram that came from the gateway's NAT-PMP port."""
        try:
            self._detection.natpmp.receive_datagram(datagram, now)
        except RemoteError as error:
            self._log(DEBUG, f"the gateway sent nonsense: {error}")
        self._advance(now)

    def natpmp_refused(self, now: float) -> None:
        """The gateway's NAT-PMP port is closed, or it cannot be reached at all."""
        self._detection.natpmp.refused(now)
        self._advance(now)

    def receive_ssdp(self, datagram: bytes, source: Endpoint, now: float) -> None:
        """Take whatever came to the search socket."""
        try:
            self._detection.receive_ssdp(datagram, source, now)
        except RemoteError as error:
            self._log(DEBUG, f"SSDP from {source}: {error}")
        self._advance(now)

    def receive_http(self, number: int, reply: Reply, now: float) -> None:
        """Take what came of the HTTP request of that number."""
        self._detection.upnp.receive_reply(number, reply)
        self._advance(now)

    def handle_timeout(self, now: float) -> None:
        self._detection.natpmp.handle_timeout(now)
        self._detection.handle_timeout(now)
        self._book.expire(now)
        self._listings.expire(now)
        self._advance(now)

    def next_timeout(self) -> float | None:
        times = [self._detection.natpmp.next_timeout(), self._detection.next_timeout()]
        times += [self._book.next_expiry(), self._listings.next_timeout()]
        if self._gateway is not None and self._in_flight is None and not self._stopping:
            times += [self._address_due_at, self._book.next_due()]
        return min((each for each in times if each is not None), default=None)

    def natpmp_to_send(self) -> list[bytes]:
        return self._detection.natpmp.datagrams_to_send()

    def ssdp_to_send(self) -> list[tuple[bytes, Endpoint]]:
        return self._detection.search.datagrams_to_send()

    def http_to_send(self) -> list[HttpRequest]:
        return self._detection.upnp.requests_to_send()

    def events(self) -> list[Event | Released]:
        events, self._events = self._events + self._book.events(), []
        return events

    # Inside

    def _advance(self, now: float) -> None:
        """Act on what came in, then put the next thing that is due in flight."""
        verdict = self._detection.decide(now)
        if isinstance(verdict, Chosen):
            self._adopt(verdict, now)
        elif isinstance(verdict, Nobody):
            self._nobody()
        while self._gateway is not None:
            for event in self._gateway.client.events():
                self._on_client_event(event, now)
            if self._gateway is None or self._in_flight is not None:
                return
            self._in_flight = self._next_work(now)
            if self._in_flight is None:
                return
            self._gateway.client.submit(self._in_flight[0], now)

    def _next_work(self, now: float) -> Work | None:
        """Deletions first, then the address, mappings, reading back, and the table."""
        deletion = self._book.next_deletion()
        if deletion is not None or self._stopping:
            return deletion
        if self._address_due_at is not None and now >= self._address_due_at:
            return AddressOrder(), None
        mapping = self._book.next_mapping(now)
        if mapping is not None:
            return mapping
        entry = self._listings.next_order()
        return None if entry is None else (entry, None)

    def _on_client_event(self, event: Outcome | EpochReset, now: float) -> None:
        if isinstance(event, EpochReset):
            self._log(NOTICE, "The NAT gateway lost its state; every mapping is made again.")
            self._address_due_at = now
            self._book.ask_all_again(now)
            return
        if self._in_flight is None:
            return
        (order, lease), self._in_flight = self._in_flight, None
        if isinstance(event, Silent):
            self._book.unanswered(order, lease)
            self._gateway_lost(event.reason, now)
        elif isinstance(order, EntryOrder):
            self._listings.told(event)
        elif not isinstance(order, AddressOrder):
            self._book.answered(order, lease, event, now)
        else:
            self._address_due_at = now + ADDRESS_POLL  # declined: what we know stands
            if isinstance(event, AddressTold):
                self._address_told(event.address, now)

    def _adopt(self, gateway: Chosen, now: float) -> None:
        self.verdict_known = True
        self._gateway = gateway
        self._found_at = now
        self._reported = gateway.address
        self._address_due_at = now + ADDRESS_POLL
        self._log(INFO, f"NAT detected type: {gateway.type.value}, ExtIP: '{gateway.address}'")
        self._warn_of_address()
        self._events.append(GatewayFound(gateway.type, gateway.gateway, self.external_address))
        self._book.ask_all_again(now)

    def _nobody(self) -> None:
        self.verdict_known = True
        self._log(INFO, "No PMP or UPnP NAT devices detected!")
        self._book.give_up_deletions()
        self._book.note("no gateway that maps ports was found")
        self._events.append(NoGateway())

    def _gateway_lost(self, reason: str, now: float) -> None:
        self._log(WARNING, f"The NAT gateway is lost: {reason}")
        self._forget_gateway(now, reason)
        self._events.append(GatewayLost(reason))
        if self._stopping:
            self._book.give_up_deletions()
            self.verdict_known = True
        else:
            # At once, as its port may have moved at a reboot; not each time, as some vanish when used.
            self._short_lives = self._short_lives + 1 if now - self._found_at < SHORT_LIFE else 0
            self._detection.start(now, self._short_lives)

    def _forget_gateway(self, now: float, reason: str) -> None:
        self._abandon()
        self._listings.end_all(f"the gateway went away: {reason}")
        self._detection.stop()
        self._gateway = self._address_due_at = None
        self._reported = ""
        self.verdict_known = False
        self._events += self._book.events()
        self._book.lose_all(now, reason)

    def _release(self, lease: Lease) -> None:
        asked = self._in_flight is not None and self._in_flight[1] is lease
        self._book.release(lease, asked, self._gateway is not None or not self.verdict_known)

    def _abandon(self) -> None:
        """Drop the order in flight."""
        if self._gateway is not None:
            self._gateway.client.abandon()
        if self._in_flight is not None:
            self._book.unanswered(*self._in_flight)
        self._in_flight = None

    def _address_told(self, address: str, now: float) -> None:
        if address == self._reported:
            return
        previous, reported = self.external_address, self._reported
        self._reported = address
        self._log(INFO, f"Public IP changed from '{reported}' to '{address}'.")
        self._warn_of_address()
        if self.external_address != previous:
            self._events.append(ExternalAddressChanged(previous, self.external_address))
        self._book.ask_all_again(now)  # many gateways drop every mapping with the old address

    def _kind(self, address: str) -> AddressKind:
        return self._rules.kind(address) if address else AddressKind.UNSPECIFIED

    def _warn_of_address(self) -> None:
        if self.external_address is not None:
            return
        told = printable(self._reported) or "none"
        kind = self._kind(self._reported).value
        self._log(WARNING, f"The NAT gateway has no public address ({told}: {kind}): is there another NAT?")
