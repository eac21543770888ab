"""The gateway in use: its services, its external address, its ways, and the pace it is asked at.

Lives here: what the engine knows of one gateway, for as long as it is in use.
Never here: mappings, or how the gateway was found.
"""

from __future__ import annotations

from typing import Final

from ...net.values import replace
from ..discovery.services import Service
from ..gateway.orders import EntryOrder, GatewayClient, InspectOrder, Order, PeerOrder
from ..gateway.pcp_client import PcpClient
from ..memory.holding import GatewayIdentity, Note
from ..memory.profile import GatewayProfile
from ..snapshots import ServiceSnapshot
from ..values import GatewayType
from ..wire.location import Location

ADDRESS_POLL: Final = 55.0  # seconds between questions for the external address: a silent change shows in 60
UNKNOWN_POLL: Final = 15.0  # while the gateway knows none
DOUBT_WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between questions in doubt that got no address
MOST_ACTIONS: Final = 32  # missing actions remembered at most: a gateway cannot fill our memory
BURST: Final = 3  # times that everything may be asked again at once …
REFILL: Final = 10.0  # … and seconds until one more time is allowed: a flapping line must not wear it out


ROUND_PAUSE: Final = 60.0  # seconds with the best service when all have refused us, before the next round


class RemapGate:
    """How often everything may be asked again: a bucket of ``BURST``, refilled one every ``REFILL`` s."""

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._at = 0.0
        self.due_at: float | None = None  # when a wish that had to wait is granted

    def ask(self, now: float) -> bool:
        """Whether it may be done now; if not, ``due_at`` says when it will be."""
        self._tokens = min(BURST, self._tokens + (now - self._at) / REFILL) if self._at else float(BURST)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            self.due_at = None
            return True
        if self.due_at is None:
            self.due_at = now + (1 - self._tokens) * REFILL
        return False


class GatewayInUse:
    """One gateway from the moment it is chosen until it is lost. Instants are of the engine's clock."""

    def __init__(self, services: tuple[Service, ...], now: float, witness_after: float) -> None:
        self.service = services[0]
        self.witness: Service | None = None  # a UPnP service that can list what this protocol cannot
        self.found_at = now
        self.reported = self.service.address
        self.told_at = now  # when it last told that
        self.address_due_at = now if self._learns_its_address else now + self._poll
        self.witness_due_at = None if self.service.type is GatewayType.UPNP else now + witness_after
        self.not_before = now  # the gateway is given a rest until then
        self.profile = GatewayProfile(self.service.fingerprint)
        self.name = ""  # tells it from others at the same address
        self._doubts = 0  # questions in doubt that got no address, in a row
        self._doubted = False  # somebody said that the address may be another one, and nobody told it since
        self._services = list(services)  # best first
        self._refused: list[Service] = []  # they refuse us
        self.stays_until = now  # with the service in use, whatever it refuses

    @property
    def fingerprint(self) -> str:
        """Of its kind, as told; empty while nothing is known of it."""
        return self.profile.fingerprint

    @property
    def identity(self) -> GatewayIdentity:
        """Which gateway it is, for the journal."""
        igd = self.service.igd
        location = str(igd.described_at) if igd else ""
        return GatewayIdentity(
            self.service.type,
            self.service.gateway,
            self.name or self.service.name,
            self.profile.fingerprint,
            location,
        )

    @property
    def _learns_its_address(self) -> bool:
        """PCP has no question for the address: it comes with a mapping."""
        return self.service.type is GatewayType.PCP and not self.service.address

    @property
    def _poll(self) -> float:
        return ADDRESS_POLL if self.reported else UNKNOWN_POLL

    def client_for(self, order: Order) -> GatewayClient | None:
        """Whom to give an order to; None: nobody at this gateway can carry it out."""
        if isinstance(order, PeerOrder) and self.service.type is not GatewayType.PCP:
            return None
        reading = isinstance(order, InspectOrder | EntryOrder)
        if reading and self.service.type is not GatewayType.UPNP:
            return self.witness.client if self.witness else None
        return self.service.client

    def speaking(self, kind: GatewayType) -> Service | None:
        """The service that speaks this; UPnP only in use or as the witness: then its client is free."""
        if self.service.type is kind:
            return self.service
        if kind is GatewayType.UPNP:
            return self.witness
        return next((each for each in self._services if each.type is kind), None)

    def took(self, now: float) -> None:
        """An order was carried out: leave it the rest it needs (requests over HTTP keep the pace each)."""
        if self.service.type is not GatewayType.UPNP:
            self.not_before = now + self.profile.pace

    def address_asked(self, now: float, told: bool = True) -> None:
        """The question was answered. One in doubt that was not ``told`` an address is asked again soon.

        A gateway announces that its line changes, and says NO_RESOURCES for the moment it takes.
        """
        self.address_due_at = now + self._poll
        if told or self._doubts == len(DOUBT_WAITS):
            self._doubted = False
        elif self._doubted:
            self.address_due_at = now + min(DOUBT_WAITS[self._doubts], self._poll)
            self._doubts += 1

    def doubt_address(self, now: float) -> None:
        """It may be another one: asked now, and not answered by what is known."""
        self.address_due_at = now
        self._doubted, self._doubts = True, 0
        if isinstance(self.service.client, PcpClient):
            self.service.client.doubt_address()

    @property
    def events_at(self) -> Location | None:
        """Where its UPnP side takes subscriptions."""
        igd = self.service.igd or (self.witness.igd if self.witness else None)
        return igd.service.event if igd else None

    @property
    def words(self) -> str:
        """Maker and model, as far as anybody told."""
        return self.service.words or (self.witness.words if self.witness else "")

    def fall_over(self, now: float) -> bool:
        """Go on with the next service. False: all have refused us, and the best is the next to be asked."""
        self._refused.append(self.service)
        following = next((each for each in self._services if each not in self._refused), None)
        if following is None:
            self._refused.clear()
            self.stays_until = now + ROUND_PAUSE
        self._turn_to(following or self._services[0])
        return following is not None

    @property
    def has_next(self) -> bool:
        """Whether there is a service that has not refused us yet."""
        return any(each is not self.service and each not in self._refused for each in self._services)

    def take_reserve(self, service: Service) -> None:
        """Another service of this gateway answers too."""
        self._services.append(service)
        self.stays_until = self.found_at  # there is something new to try

    def take_witness(self, service: Service) -> None:
        """The UPnP side of this gateway answers: it reads the table, and is kept in reserve."""
        self._services = [each for each in self._services if not _is_same(each, service)]
        self.witness = service
        self.take_reserve(service)
        self._use(self.profile)

    def drop_witness(self) -> None:
        if self.witness is not None:
            self._services = [each for each in self._services if each is not self.witness]
            self.witness = None

    def _turn_to(self, service: Service) -> None:
        if service is not self.service:
            self.service, self.witness = service, None
            self._use(self.profile)

    def remember(self, name: str, profile: GatewayProfile) -> None:
        """What was known of it before: its name, and the ways of its kind."""
        self.name = name or self.service.name
        igd = self.service.igd  # finding it may have taught something as well
        self._use(_combined(profile, igd.profile) if igd else profile)

    def notes(self) -> list[Note]:
        """What its client, beside the book, would have written down (drains)."""
        client = self.service.client
        return client.notes() if isinstance(client, PcpClient) else []

    def learned(self) -> list[GatewayProfile]:
        """What talking to it taught its clients (drains)."""
        lessons: list[GatewayProfile] = []
        for service in (self.service, self.witness):
            if service is not None and service.learner is not None:
                lessons += service.learner.learned()
        return lessons

    def learn(self, profile: GatewayProfile) -> bool:
        """Take over what a client or the book learned; True when that is news."""
        before = self.profile
        self._use(_combined(before, profile))
        return self.profile != before

    def _use(self, profile: GatewayProfile) -> None:
        self.profile = profile
        for service in (self.service, self.witness):
            if service is not None and service.learner is not None:
                service.learner.use_profile(profile)

    def services(self) -> tuple[ServiceSnapshot, ...]:
        """All that answered, the one in use first."""
        others = [each for each in self._services if each is not self.service]
        shown = [
            replace(each, usable=False, status="refuses us") if each in self._refused else each
            for each in others
        ]
        return (self.service.snapshot(in_use=True), *(each.snapshot(in_use=False) for each in shown))


def _is_same(one: Service, other: Service) -> bool:
    """Whether two findings are one service of UPnP."""
    return one.igd is not None and other.igd is not None and one.igd.service == other.igd.service


def _combined(one: GatewayProfile, other: GatewayProfile) -> GatewayProfile:
    """The lessons of both, of one and the same gateway; a lesson is never unlearned."""
    fresh = GatewayProfile()
    names: tuple[str, ...] = GatewayProfile.__match_args__
    told = {name: getattr(other, name) for name in names if name not in ("fingerprint", "by_hand")}
    lessons = {name: value for name, value in told.items() if value != getattr(fresh, name)}
    actions = one.missing_actions | other.missing_actions
    lessons["missing_actions"] = frozenset(sorted(actions)[:MOST_ACTIONS])
    return one.learn(**lessons)
