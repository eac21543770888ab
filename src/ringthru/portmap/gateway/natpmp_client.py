"""Talking NAT-PMP: one request at a time, retransmitted, and the gateway's epoch watched (RFC 6886).

Lives here: when a request is sent again, and what comes of its answer.
Never here: sockets, or which mappings are wanted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from ..values import LONGEST_LIFETIME, Protocol
from ..wire.natpmp import (
    AddressRequest,
    AddressResponse,
    ErrorResponse,
    MappingRequest,
    Opcode,
    Request,
    Response,
    ResultCode,
    decode,
)
from .epoch import EpochWatch, natpmp_lost_state
from .orders import (
    AddressTold,
    Declined,
    EntryOrder,
    EpochReset,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Order,
    Outcome,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from .words import CANNOT_READ, NO_GRANT, NOT_ALLOWED, STILL_THERE, known_address

# What the RFC fixes
FIRST_WAIT: Final = 0.25  # seconds, doubled after each attempt (§3.1)
MAX_ATTEMPTS: Final = 9  # then the gateway is taken not to speak NAT-PMP (§3.1)
# What we chose
CONTRARY_ATTEMPTS: Final = 4  # answered with the opposite alone, and that is a refusal
REMEMBERED: Final = 64  # internal ports asked for before, whose late answers are known by them

OPCODES: Final = {Protocol.UDP: Opcode.MAP_UDP, Protocol.TCP: Opcode.MAP_TCP}
REFUSALS: Final = {
    ResultCode.UNSUPPORTED_VERSION: (
        "the gateway does not speak NAT-PMP version 0",
        Remedy.ANOTHER_SERVICE,
    ),
    ResultCode.NOT_AUTHORIZED: (NOT_ALLOWED, Remedy.PERMISSION),
    ResultCode.NETWORK_FAILURE: (
        "the gateway has no external address yet, or none to map on",
        Remedy.LATER,
    ),
    ResultCode.OUT_OF_RESOURCES: ("the gateway has no room left for mappings", Remedy.ROOM),
    ResultCode.UNSUPPORTED_OPCODE: (
        "the gateway does not know this NAT-PMP request",
        Remedy.ANOTHER_SERVICE,
    ),
}


class NatPmpClient:
    """A gateway that (perhaps) speaks NAT-PMP, driven from outside.

    Call ``submit``, ``receive_datagram``, ``refused`` or ``handle_timeout``; then send
    ``datagrams_to_send()``, act on ``events()``, and come back at ``next_timeout()``.
    """

    def __init__(self, on_attempt: Callable[[int], None] = lambda number: None) -> None:
        self._on_attempt = on_attempt
        self._epochs = EpochWatch(natpmp_lost_state)
        self._request: Request | None = None
        self._contrary = False  # answered with the opposite: a grant to a deletion, or the other way round
        self._attempts = 0
        self._timeout: float | None = None
        self._asked: deque[tuple[Opcode, int]] = deque(maxlen=REMEMBERED)  # before: opcode, internal port
        self._counters: Counter[str] = Counter()
        self._datagrams: list[bytes] = []
        self._events: list[Outcome | EpochReset] = []

    def submit(self, order: Order, now: float) -> None:
        """Begin an exchange; one that was still running is abandoned."""
        self.abandon()
        impossible = _impossible(order)
        if impossible is not None:
            self._events.append(impossible)
            return
        self._request = _request(order)
        self._transmit(now)

    def abandon(self) -> None:
        """Forget the exchange in flight; a late answer to it is ignored."""
        if isinstance(self._request, MappingRequest):
            self._asked.append((self._request.opcode, self._request.internal_port))
        self._request = self._timeout = None
        self._contrary = False
        self._attempts = 0
        self._datagrams.clear()

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one datagram *already known to come from the gateway* (RFC 6886 §3.3).

        Raises:
            MalformedMessage: it is no NAT-PMP response.
        """
        response = decode(datagram)
        if self._request is None or not self._is_answer(response, self._request):
            self._counters["late answers"] += 1  # or a duplicate, or an announcement
            return
        if isinstance(response, ErrorResponse):
            self._counters[f"result {response.result.name}"] += 1
        if self._epochs.reset(response.epoch, now):
            self._events.append(EpochReset())
        self._answered(response)

    def refused(self, now: float) -> None:
        """The gateway's port is closed (ICMP): nobody there speaks NAT-PMP."""
        if self._request is not None:
            self._finish(Silent("the gateway does not speak NAT-PMP (port closed)"))

    def handle_timeout(self, now: float) -> None:
        if self._timeout is None or now < self._timeout:
            return
        if self._contrary and self._attempts >= CONTRARY_ATTEMPTS:
            self._finish(Declined(STILL_THERE if self._deleting else NO_GRANT))
        elif self._attempts >= MAX_ATTEMPTS:
            self._finish(Silent(f"no answer to {self._attempts} NAT-PMP requests"))
        else:
            self._transmit(now)

    def next_timeout(self) -> float | None:
        return self._timeout

    def datagrams_to_send(self) -> list[bytes]:
        datagrams, self._datagrams = self._datagrams, []
        return datagrams

    def events(self) -> list[Outcome | EpochReset]:
        events, self._events = self._events, []
        return events

    def counters(self) -> dict[str, int]:
        """How often an answer was passed over or odd, by reason, and how often a refusal, by its code."""
        return dict(self._counters)

    # Inside

    @property
    def _deleting(self) -> bool:
        return isinstance(self._request, MappingRequest) and self._request.lifetime == 0

    def _transmit(self, now: float) -> None:
        assert self._request is not None
        self._timeout = now + FIRST_WAIT * 2**self._attempts
        self._attempts += 1
        self._datagrams.append(self._request.encode())
        self._on_attempt(self._attempts)

    def _finish(self, outcome: Outcome) -> None:
        self.abandon()
        self._events.append(outcome)

    def _is_answer(self, response: Response, request: Request) -> bool:
        """Whether a response belongs to the request in flight, not to an earlier one."""
        if isinstance(response, ErrorResponse):
            return response.opcode is None or response.opcode is request.opcode
        if isinstance(response, AddressResponse) or isinstance(request, AddressRequest):
            return isinstance(response, AddressResponse) and isinstance(request, AddressRequest)
        if response.opcode is not request.opcode or response.internal_port == request.internal_port:
            return response.opcode is request.opcode
        # Row NP05 (ProtonVPN): the external port, or 0, where the internal one should be
        odd = response.internal_port in (0, response.external_port)
        if not odd or (response.opcode, response.internal_port) in self._asked:
            return False
        self._counters["answers that do not name our internal port"] += 1
        return True

    def _answered(self, response: Response) -> None:
        if isinstance(response, AddressResponse):
            self._finish(AddressTold(known_address(response.address)))
        elif isinstance(response, ErrorResponse):
            self._finish(_refusal(response))
        elif self._deleting:
            # A grant is a late answer, the first time; told again it is this gateway's way to say yes,
            # though §3.4 wants zeros (row NP17).
            self._contrary = True
            if response.lifetime == 0 or self._attempts > 1:
                self._finish(Unmapped())
        elif not response.external_port or not response.lifetime:
            self._contrary = True  # the late answer to a deletion, or else a refusal: it is asked again
        else:
            lifetime = min(response.lifetime, LONGEST_LIFETIME)  # so that no answer ends our renewals
            self._finish(Granted(response.external_port, lifetime))


def _impossible(order: Order) -> Outcome | None:
    """What comes of an order that NAT-PMP has no request for; None: it can be asked."""
    if isinstance(order, InspectOrder):
        return Inspected(None, verified=False, words=f"NAT-PMP {CANNOT_READ}")
    if isinstance(order, EntryOrder):
        return NoEntry(f"NAT-PMP {CANNOT_READ}")
    if isinstance(order, MapOrder) and order.allow_from:
        return Declined("NAT-PMP cannot let in certain networks only, and everybody must not come in")
    if isinstance(order, MapOrder | UnmapOrder) and order.internal_client is not None:
        return Declined("NAT-PMP maps for the machine that asks, not for another one")
    return None


def _request(order: Order) -> Request:
    if isinstance(order, MapOrder):
        # Never a suggestion of 0, which some gateways refuse (row NP04)
        wanted = order.external_port or order.internal_port
        return MappingRequest(OPCODES[order.protocol], order.internal_port, wanted, order.lifetime)
    if isinstance(order, UnmapOrder):
        return MappingRequest(OPCODES[order.protocol], order.internal_port, 0, 0)  # §3.4: both zero
    return AddressRequest()


def _refusal(response: ErrorResponse) -> Outcome:
    if response.opcode is Opcode.ADDRESS and response.result is ResultCode.NETWORK_FAILURE:
        return AddressTold("")  # it speaks NAT-PMP, and knows no address of its own yet
    return Declined(*REFUSALS[response.result])
